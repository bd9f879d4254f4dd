"""How figures look and how they leave matplotlib: as inline SVG, or as a PNG for a README.

Text stays text (crisp, selectable, in the page's own font); matplotlib only measures it, with a font
that is wider than the system fonts that will show it, so nothing collides. Mathtext is off: names come
from data and a `$` in them means a dollar.
"""

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

P = ParamSpec("P")

INK, MUTED, RULE = "#1b1f24", "#5b636e", "#d9dde2"
# Okabe & Ito's palette (2008): told apart with every kind of colour vision.
BLUE, ORANGE, GREEN, VERMILION, PURPLE = "#0072b2", "#c98a00", "#009e73", "#d55e00", "#a8548a"
GREY = "#8a929c"

STYLE = {
    "font.family": "DejaVu Sans",  # always there, ships with matplotlib
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-6, 9),
    "axes.unicode_minus": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.visible": False,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "forerun",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


@contextmanager
def _styled() -> Iterator[None]:
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name in a script that the measuring font lacks is shown by the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a function that makes a figure in our style, whatever the reader's matplotlibrc says."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _styled():
            return draw(*args, **kwargs)

    return styled


def figure(width: float = 480, height: float = 300) -> Figure:
    """Make an empty figure; its size is in CSS pixels (96 to the inch)."""
    return Figure(figsize=(width / 96, height / 96), dpi=96, layout="constrained")


def axes_of(drawing: Figure, up: str, across: str) -> Axes:
    """Axes whose upward label is read without turning the head."""
    axes = drawing.add_subplot()
    axes.set_title(up, loc="left", fontsize=9, color=MUTED, pad=8)
    axes.set_xlabel(across, loc="left")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return axes


def save_png(drawing: Figure, path: Path, scale: float = 2) -> None:
    """Write a figure as a PNG on white, `scale` device pixels to a CSS pixel."""
    with _styled():
        drawing.savefig(path, format="png", dpi=96 * scale, facecolor="white", metadata={"Software": None})


def svg(drawing: Figure, name: str, title: str) -> str:
    """Return a figure as an SVG element to stand in a page.

    name: unique in the page, letters and digits; every id begins with it, so figures cannot share clip
    paths or markers. title: what a screen reader says (any text).
    """
    buffer = io.BytesIO()
    with _styled():
        empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        drawing.savefig(buffer, format="svg", metadata=empty)
    root = ET.fromstring(buffer.getvalue())  # noqa: S314  written by matplotlib a line ago
    _own_ids(root, name)
    _inherit_font(root)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    width, height = (float(v) / 72 * 96 for v in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"role": "img", "aria-label": title, "style": f"max-width:{1.15 * width:.0f}px", "class": "figure"}
    root.attrib |= {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK[1:].partition("}")[0])
    return re.sub(r">\s*\n\s*<", "><", ET.tostring(root, encoding="unicode"))


def _own_ids(root: ET.Element, name: str) -> None:
    """Keep only the ids that something refers to, each with the figure's name in front."""
    text = ET.tostring(root, encoding="unicode")
    used = set(re.findall(r"url\(#([\w.-]+)\)", text)) | set(re.findall(r'href="#([\w.-]+)"', text))
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in used:
            element.set("id", f"{name}-{own}")
        for key, entry in list(element.attrib.items()):
            if key in (_LINK, "href"):
                element.set("href", element.attrib.pop(key).replace("#", f"#{name}-", 1))
            elif "url(#" in entry:
                element.set(key, entry.replace("url(#", f"url(#{name}-"))


def _inherit_font(root: ET.Element) -> None:
    for element in root.iter(f"{{{_SVG}}}text"):
        element.set("style", re.sub(r"font-family:[^;]*;?\s*", "", element.get("style", "")).strip())
