"""Tasks from the real data sets that vega_datasets ships."""

import io
from functools import partial

import pandas as pd

from forerun.tasks.recipe import Recipe


def load(name: str) -> pd.DataFrame:
    """A vega data set as a frame, dates left as text."""
    from vega_datasets import local_data

    # Not its own call, which asks pandas for a deprecated conversion of dates.
    raw = io.BytesIO(getattr(local_data, name).raw())
    return pd.read_json(raw, dtype=False) if name in JSON else pd.read_csv(raw)


JSON = ("cars", "barley")


def cars() -> pd.DataFrame:
    """Cars of 1970 to 1982: engine, weight, acceleration, year, origin, miles per gallon (8 missing)."""
    frame = load("cars").drop(columns="Name")
    return frame.assign(Year=frame["Year"].str[:4].astype(int), Origin=frame["Origin"].astype(str))


def seattle_weather() -> pd.DataFrame:
    """Days of Seattle: day of the year, rain, temperatures, wind and what the weather was."""
    frame = load("seattle_weather")
    day = pd.to_datetime(frame["date"], format="%Y/%m/%d").dt.day_of_year
    return frame.drop(columns="date").assign(day=day)


def temperature(city: str) -> pd.DataFrame:
    """Temperature (F) of a city by day of the year and hour of the day."""
    frame = load(f"{city}_temps")
    time = pd.to_datetime(frame["date"], format="mixed")
    return pd.DataFrame({"day": time.dt.day_of_year, "hour": time.dt.hour, "temp": frame["temp"]})


CARS = "vega_datasets cars; Donoho & Ramos, PRIMDATA, 1982 (the cars of UCI id 9, Auto MPG)"
WEATHER = "vega_datasets seattle-weather; NOAA, daily, 2012-2015"
TEMPS = "vega_datasets {}-temps; NOAA, hourly normals of 2010"
BARLEY = "vega_datasets barley; Immer, Hayes & Powers, Journal of the American Society for Agronomy 26, 1934"

VEGA_TASKS: dict[str, Recipe] = {
    "cars_origin": Recipe("auto_mpg", "Origin", "multiclass", cars, CARS),
    "cars_mpg": Recipe("auto_mpg", "Miles_per_Gallon", "regression", cars, CARS),
    "seattle_weather": Recipe("seattle_weather", "weather", "multiclass", seattle_weather, WEATHER),
    "seattle_wind": Recipe("seattle_weather", "wind", "regression", seattle_weather, WEATHER),
    "seattle_temperature": Recipe(
        "seattle_temps", "temp", "regression", partial(temperature, "seattle"), TEMPS.format("seattle")
    ),
    "sf_temperature": Recipe("sf_temps", "temp", "regression", partial(temperature, "sf"), TEMPS.format("sf")),
    "barley_yield": Recipe("barley", "yield", "regression", partial(load, "barley"), BARLEY),
}
