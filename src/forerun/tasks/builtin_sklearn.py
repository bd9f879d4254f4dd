"""Tasks from the data sets that scikit-learn ships."""

from functools import partial

import pandas as pd

from forerun.tasks.recipe import Recipe


def load(name: str) -> pd.DataFrame:
    """The features of a scikit-learn toy data set with its target(s), classes by their names."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = pd.DataFrame(bunch.frame)
    if "target" in frame and len(bunch.get("target_names", ())):
        frame["target"] = frame["target"].map(dict(enumerate(map(str, bunch.target_names))))
    return frame


def iris(without: tuple[str, ...] = (), but: str | None = None) -> pd.DataFrame:
    """Iris with the columns in `without` left out, and the species `but`."""
    frame = load("iris")
    return frame[frame["target"] != but].drop(columns=list(without))


def wine(without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Wine, without some columns."""
    return load("wine").drop(columns=list(without))


def wine_second() -> pd.DataFrame:
    """Is it the second cultivar, judged without the two measurements that give it away (alcohol, proline)?"""
    frame = wine(without=("alcohol", "proline"))
    return frame.assign(target=frame["target"] == "class_1")


def breast_cancer(features: str = "") -> pd.DataFrame:
    """Breast cancer with the features whose name begins so: 'mean', 'worst' or all."""
    frame = load("breast_cancer")
    return frame[[c for c in frame if str(c).startswith(features) or c == "target"]]


def nucleus_area() -> pd.DataFrame:
    """The area of nuclei from the rest of their mean shape; radius and perimeter would give it away."""
    return breast_cancer("mean").drop(columns=["mean radius", "mean perimeter", "target"])


def digits(only: tuple[int, ...] = tuple(range(10))) -> pd.DataFrame:
    """Images (8, 8) of the digits in `only`; the target is the digit as text."""
    frame = load("digits")
    return frame[frame["target"].astype(int).isin(only)]


def digits_parity() -> pd.DataFrame:
    """Is the digit even?"""
    frame = digits()
    return frame.assign(target=(frame["target"].astype(int) % 2 == 0).map({True: "even", False: "odd"}))


def digits_below_five() -> pd.DataFrame:
    """Is the digit below five?"""
    frame = digits()
    return frame.assign(target=(frame["target"].astype(int) < 5).map({True: "0-4", False: "5-9"}))


def digits_lower_half() -> pd.DataFrame:
    """The digit from the lower half of its image."""
    return digits().drop(columns=[f"pixel_{row}_{column}" for row in range(4) for column in range(8)])


def digits_coarse() -> pd.DataFrame:
    """The digit from its image at half the resolution."""
    frame = digits()
    blocks = {
        f"block_{row}_{column}": sum(frame[f"pixel_{2 * row + i}_{2 * column + j}"] for i in (0, 1) for j in (0, 1)) / 4
        for row in range(4)
        for column in range(4)
    }
    return pd.DataFrame({**blocks, "target": frame["target"]})


def diabetes_groups(groups: int) -> pd.DataFrame:
    """Disease progression in equally large groups, from low to high."""
    frame = load("diabetes")
    return frame.assign(target=pd.qcut(frame["target"], groups, labels=[f"q{i + 1}" for i in range(groups)]))


def linnerud(target: str) -> pd.DataFrame:
    """One physiological measurement from three exercises."""
    return load("linnerud")[["Chins", "Situps", "Jumps", target]]


IRIS = "scikit-learn load_iris; Fisher, Annals of Eugenics 7, 1936; UCI id 53"
WINE = "scikit-learn load_wine; Aeberhard & Forina, UCI id 109, 1991"
WDBC = "scikit-learn load_breast_cancer; Street, Wolberg & Mangasarian, 1993; UCI id 17"
DIGITS = "scikit-learn load_digits; Alpaydin & Kaynak, UCI id 80, 1998"
DIABETES = "scikit-learn load_diabetes; Efron, Hastie, Johnstone & Tibshirani, Annals of Statistics 32, 2004"
LINNERUD = "scikit-learn load_linnerud; Tenenhaus, La regression PLS, Technip, 1998"

PETAL, CULTIVAR = "petal width (cm)", ("target",)

SKLEARN_TASKS: dict[str, Recipe] = {
    "iris": Recipe("iris", "target", "multiclass", iris, IRIS),
    "iris_versicolor_virginica": Recipe("iris", "target", "binary", partial(iris, but="setosa"), IRIS),
    "iris_sepals": Recipe("iris", "target", "multiclass", partial(iris, without=(PETAL, "petal length (cm)")), IRIS),
    "iris_petal_width": Recipe("iris", PETAL, "regression", partial(iris, without=("target",)), IRIS),
    "wine_cultivar": Recipe("wine", "target", "multiclass", wine, WINE),
    "wine_second_cultivar": Recipe("wine", "target", "binary", wine_second, WINE),
    "wine_alcohol": Recipe("wine", "alcohol", "regression", partial(wine, without=CULTIVAR), WINE),
    "wine_color": Recipe("wine", "color_intensity", "regression", partial(wine, without=CULTIVAR), WINE),
    "breast_cancer": Recipe("wdbc", "target", "binary", breast_cancer, WDBC),
    "breast_cancer_mean": Recipe("wdbc", "target", "binary", partial(breast_cancer, "mean"), WDBC),
    "breast_cancer_area": Recipe("wdbc", "mean area", "regression", nucleus_area, WDBC),
    "digits": Recipe("optdigits", "target", "multiclass", digits, DIGITS),
    "digits_lower_half": Recipe("optdigits", "target", "multiclass", digits_lower_half, DIGITS),
    "digits_coarse": Recipe("optdigits", "target", "multiclass", digits_coarse, DIGITS),
    "digits_parity": Recipe("optdigits", "target", "binary", digits_parity, DIGITS),
    "digits_below_five": Recipe("optdigits", "target", "binary", digits_below_five, DIGITS),
    "digits_3v8": Recipe("optdigits", "target", "binary", partial(digits, (3, 8)), DIGITS),
    "digits_4v9": Recipe("optdigits", "target", "binary", partial(digits, (4, 9)), DIGITS),
    "digits_1v7": Recipe("optdigits", "target", "binary", partial(digits, (1, 7)), DIGITS),
    "digits_5v6": Recipe("optdigits", "target", "binary", partial(digits, (5, 6)), DIGITS),
    "diabetes": Recipe("diabetes_progression", "target", "regression", partial(load, "diabetes"), DIABETES),
    "diabetes_median": Recipe("diabetes_progression", "target", "binary", partial(diabetes_groups, 2), DIABETES),
    "diabetes_tertiles": Recipe("diabetes_progression", "target", "multiclass", partial(diabetes_groups, 3), DIABETES),
    "linnerud_waist": Recipe("linnerud", "Waist", "regression", partial(linnerud, "Waist"), LINNERUD),
}
