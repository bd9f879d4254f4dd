"""Tasks from the data sets that statsmodels ships (public domain, or with the permission of their authors)."""

from collections.abc import Sequence
from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd

from forerun.tasks.recipe import Recipe


def load(name: str, without: Sequence[str] = ()) -> pd.DataFrame:
    """A statsmodels data set, without some columns."""
    frame: pd.DataFrame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    return frame.drop(columns=list(without))


def above(name: str, column: str, bound: float) -> pd.DataFrame:
    """A data set with one column made 'yes' above a bound, else 'no'."""
    frame = load(name)
    return frame.assign(**{column: np.where(frame[column] > bound, "yes", "no")})


def star98_share() -> pd.DataFrame:
    """Share of pupils of a district above the national median in mathematics."""
    frame = load("star98")
    share = frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])
    return frame.drop(columns=["NABOVE", "NBELOW"]).assign(share=share)


MODES = {1: "air", 2: "train", 3: "bus", 4: "car"}


def modechoice() -> pd.DataFrame:
    """One row a traveller: waiting, cost and time of air, train, bus and car, and which was taken."""
    frame = load("modechoice")
    options = {
        f"{what}_{option}": frame[frame["mode"] == code].set_index("individual")[what]
        for code, option in MODES.items()
        for what in ("ttme", "invc", "invt", "gc")
    }
    chosen = frame[frame["choice"] == 1].set_index("individual")
    return pd.DataFrame({**options, **chosen[["hinc", "psize"]], "mode": chosen["mode"].map(MODES)})


def fertility() -> pd.DataFrame:
    """Births per woman in 2010, by country, from the five-year values up to 2000."""
    frame = load("fertility")
    return frame[[*map(str, range(1960, 2001, 5)), "2010"]].dropna(how="all")


def lags(series: "pd.Series[float]", count: int) -> pd.DataFrame:
    """A series as rows of `count` neighbours in time (lag_count ... lag_1) and the value that follows them."""
    values = {f"lag_{lag}": series.shift(lag) for lag in range(count, 0, -1)}
    return pd.DataFrame({**values, "next": series}).iloc[count:]


def sunspots() -> pd.DataFrame:
    """Yearly sunspot activity from the eleven years (one solar cycle) before."""
    return lags(load("sunspots")["SUNACTIVITY"], 11)


def elnino() -> pd.DataFrame:
    """Sea surface temperature of a month from the six months before."""
    months = load("elnino", without=["YEAR"]).to_numpy().ravel()  # a year a row, so already in order of time
    return lags(pd.Series(months), 6)


def grunfeld() -> pd.DataFrame:
    """Which firm was it, from its investment, value and capital?"""
    return load("grunfeld", without=["year"])


FAIR = "statsmodels fair; Fair, Journal of Political Economy 86, 1978"
RANDHIE = "statsmodels randhie; RAND Health Insurance Experiment; Deb & Trivedi, Journal of Health Economics 21, 2002"
ANES = "statsmodels anes96; American National Election Studies 1996"
STAR = "statsmodels star98; Gill, Generalized Linear Models, Sage, 2000 (California education data, 1998)"
MODECHOICE = "statsmodels modechoice; Greene & Hensher, Journal of Choice Modelling, 1997; Greene, Econometric Analysis"
CCARD = "statsmodels ccard; Greene, Econometric Analysis (credit scoring data), 1992"
CANCER = "statsmodels cancer; Rice, Mathematical Statistics and Data Analysis (breast cancer by county), 1995"
ENGEL = "statsmodels engel; Engel, 1857; Koenker & Bassett, Econometrica 50, 1982"
STATECRIME = "statsmodels statecrime; US Census Bureau and FBI Uniform Crime Reports, 2009"
GRUNFELD = "statsmodels grunfeld; Grunfeld, The Determinants of Corporate Investment, 1958"
MACRO = "statsmodels macrodata; Federal Reserve Bank of St. Louis and US Bureau of Labor Statistics, 1959-2009"
INTEREST = "statsmodels interest_inflation; Luetkepohl & Kraetzig, Applied Time Series Econometrics, 2004"
FERTILITY = "statsmodels fertility; World Bank, World Development Indicators"
SUNSPOTS = "statsmodels sunspots; National Geophysical Data Center, 1700-2008"
ELNINO = "statsmodels elnino; NOAA Climate Prediction Center, 1950-2010"
SPECTOR = "statsmodels spector; Spector & Mazzeo, Journal of Economic Education 11, 1980"
SCOTLAND = "statsmodels scotland; Gill, Generalized Linear Models, Sage, 2000 (Scottish referendum, 1997)"

LOG = ("logpopul",)

STATSMODELS_TASKS: dict[str, Recipe] = {
    "fair_affair": Recipe("fair", "affairs", "binary", partial(above, "fair", "affairs", 0), FAIR),
    "fair_affairs": Recipe("fair", "affairs", "regression", partial(load, "fair"), FAIR),
    "fair_rating": Recipe("fair", "rate_marriage", "multiclass", partial(load, "fair"), FAIR),
    "randhie_visited": Recipe("randhie", "mdvis", "binary", partial(above, "randhie", "mdvis", 0), RANDHIE),
    "randhie_visits": Recipe("randhie", "mdvis", "regression", partial(load, "randhie"), RANDHIE),
    "anes96_vote": Recipe("anes96", "vote", "binary", partial(load, "anes96", LOG), ANES),
    "anes96_party": Recipe("anes96", "PID", "multiclass", partial(load, "anes96", LOG), ANES),
    "star98_share": Recipe("star98", "share", "regression", star98_share, STAR),
    "modechoice": Recipe("modechoice", "mode", "multiclass", modechoice, MODECHOICE),
    "ccard_expense": Recipe("ccard", "AVGEXP", "regression", partial(load, "ccard"), CCARD),
    "ccard_owner": Recipe("ccard", "OWNRENT", "binary", partial(load, "ccard"), CCARD),
    "cancer_deaths": Recipe("cancer", "cancer", "regression", partial(load, "cancer"), CANCER),
    "engel": Recipe("engel", "foodexp", "regression", partial(load, "engel"), ENGEL),
    "statecrime": Recipe("statecrime", "violent", "regression", partial(load, "statecrime", ["murder"]), STATECRIME),
    "grunfeld_invest": Recipe("grunfeld", "invest", "regression", partial(load, "grunfeld"), GRUNFELD),
    "grunfeld_firm": Recipe("grunfeld", "firm", "multiclass", grunfeld, GRUNFELD),
    "macrodata_unemployment": Recipe("macrodata", "unemp", "regression", partial(load, "macrodata"), MACRO),
    "interest_rate": Recipe("interest_inflation", "R", "regression", partial(load, "interest_inflation"), INTEREST),
    "fertility_2010": Recipe("fertility", "2010", "regression", fertility, FERTILITY),
    "sunspots": Recipe("sunspots", "next", "regression", sunspots, SUNSPOTS),
    "elnino": Recipe("elnino", "next", "regression", elnino, ELNINO),
    "spector_grade": Recipe("spector", "GRADE", "binary", partial(load, "spector"), SPECTOR),
    "scotland_vote": Recipe("scotland", "YES", "regression", partial(load, "scotland"), SCOTLAND),
}
