"""On which data sets and networks optimizers are compared: none of either were practised on.

`DEVELOPMENT` is where settings of the meta-training were chosen, with rules that had practised on the other families
of `forerun.metatraining` alone. `REPORTED` was measured once, after that. Its families of data sets, widths above 96,
depths above 3, GELU and residual connections occur in no meta-training.
"""

from dataclasses import dataclass

from forerun.learners.network import Architecture
from forerun.metatraining import Table


@dataclass(frozen=True)
class Shape:
    """A network, but for its inputs and outputs."""

    widths: tuple[int, ...]
    activation: str
    normalisation: str
    residual: bool = False

    def architecture(self, table: Table) -> Architecture:
        """The network that fits a data set."""
        return Architecture(
            table.X.shape[1], max(table.classes, 1), self.widths, self.activation, self.normalisation, self.residual
        )


SHAPES = {
    "wide": Shape((256,), "relu", "none"),
    "deep": Shape((64,) * 4, "gelu", "none", residual=True),
    "batch": Shape((128, 128), "gelu", "batch"),
    "layer": Shape((96,) * 3, "silu", "layer", residual=True),
}
HELD_OUT = ("auto_mpg", "fair", "sunspots", "wine")
"""Families of data sets of the development part."""
DEVELOPMENT = (
    *(("cars_origin", "wide"), ("cars_mpg", "deep"), ("fair_affair", "batch"), ("fair_rating", "deep")),
    *(("wine_cultivar", "wide"), ("wine_color", "layer"), ("sunspots", "deep"), ("fair_affairs", "wide")),
)
TASKS = (
    *("digits", "digits_parity", "breast_cancer", "breast_cancer_area", "anes96_party", "anes96_vote"),
    *("randhie_visited", "randhie_visits", "modechoice", "barley_yield", "fertility_2010"),
    *("diabetes", "diabetes_tertiles"),
)
REPORTED = tuple((task, list(SHAPES)[(i + turn) % 4]) for turn in (0, 1) for i, task in enumerate(TASKS))
"""Every task with one network, then with another."""
