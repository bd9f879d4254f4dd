"""The data sets: five on which results are told, and others on which settings were chosen and which are the history.

For images there is one real data set (scikit-learn's digits) to tell results of. Its companions are patches of the
two photographs that scikit-learn brings (which photograph, and which half of it), and letters in the fonts that
matplotlib brings, turned and shifted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from forerun.learners.architectures import ARCHITECTURES, Family
from forerun.tasks import Task, builtin_task, make_task

SIDE = 8
ROWS = 1_200
LETTERS = "ABEGHKMRSX"


def photographs() -> Task:
    """Patches of two photographs, in grey, at half their resolution."""
    from sklearn.datasets import load_sample_images

    rng, rows, labels = np.random.default_rng(0), [], []
    for name, image in zip(("china", "flower"), load_sample_images().images, strict=True):
        high, wide = (size // 2 for size in image.shape[:2])
        grey = image[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2, 3).mean(axis=(1, 3, 4))
        for _ in range(ROWS // 2):
            top, left = (int(rng.integers(size - SIDE + 1)) for size in grey.shape)
            rows.append(grey[top : top + SIDE, left : left + SIDE].ravel())
            labels.append(f"{name} {'top' if top + SIDE / 2 < grey.shape[0] / 2 else 'bottom'}")
    return _images("photographs", np.array(rows), labels)


def letters() -> Task:
    """Ten letters in many fonts, turned by up to 20 degrees and shifted."""
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    fonts = sorted((Path(mpl.get_data_path()) / "fonts" / "ttf").glob("DejaVu*.ttf"))
    fonts = [font for font in fonts if "Display" not in font.name]
    rng, rows, labels = np.random.default_rng(0), [], []
    for i in range(ROWS):
        letter = LETTERS[i % len(LETTERS)]
        image = Image.new("L", (32, 32))
        font = ImageFont.truetype(str(fonts[int(rng.integers(len(fonts)))]), int(rng.integers(18, 27)))
        x, y = (int(v) for v in rng.integers(-3, 4, 2))
        ImageDraw.Draw(image).text((16 + x, 16 + y), letter, 255, font=font, anchor="mm")
        image = image.rotate(float(rng.uniform(-20, 20))).resize((SIDE, SIDE), Image.Resampling.BOX)
        rows.append(np.asarray(image, dtype=float).ravel() + rng.normal(0, 25, SIDE * SIDE))
        labels.append(letter)
    return _images("letters", np.array(rows), labels)


def _images(name: str, rows: np.ndarray, labels: list[str]) -> Task:
    columns = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
    return make_task(pd.DataFrame(rows, columns=columns).assign(target=labels), "target", name=name)


@dataclass(frozen=True)
class DataSet:
    """A task, and the family of architectures that is tried on it."""

    name: str
    family: str
    load: Callable[[], Task]

    @property
    def architectures(self) -> Family:
        """The family itself."""
        return ARCHITECTURES[self.family]


def _tables(*names: str) -> list[DataSet]:
    return [DataSet(name, "dense", partial(builtin_task, name)) for name in names]


TOLD = [
    *_tables("sf_temperature", "cars_mpg", "breast_cancer_area", "seattle_temperature"),
    DataSet("digits", "cells", partial(builtin_task, "digits")),
]
"""Results are told of these; no setting was chosen on them, and none shares its family with the others."""
BESIDE = _tables("breast_cancer", "seattle_weather")
"""Here stand-alone trainings do not tell architectures apart: their validation losses say nothing of their test losses
(rank correlation 0.14 and 0.01). Only how scores agree with them is told."""
DEVELOPED = [
    *_tables("elnino", "anes96_vote", "star98_share", "fair_affair"),
    DataSet("photographs", "cells", photographs),
    DataSet("letters", "cells", letters),
]
"""The history, and what settings were chosen on."""
EVERY = {one.name: one for one in (*TOLD, *BESIDE, *DEVELOPED)}
