"""Statistical and information-theoretic meta-features: shapes of columns, what they share, what they say of the target.

Sources: Michie, Spiegelhalter & Taylor, Machine Learning, Neural and Statistical Classification, 1994 (moments,
correlations, entropies, noise ratio); Rivolli et al., Meta-features for meta-learning, KBS 2022 (a survey; the
library pymfe follows it). A regression's target is cut into fifths where classes are needed, and correlated
with where they are not, so that both kinds of tasks have all of these.
"""

import numpy as np

from forerun.metadata.table import Codes, Table, bins, ranked
from forerun.space import Floats

STRONG = 0.5
"""Correlation from which two columns count as correlated, as in pymfe."""


def mean(values: Floats) -> float:
    """Mean of the finite values; NaN when there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def largest(values: Floats) -> float:
    """Maximum of the finite values; NaN when there are none."""
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else float("nan")


def moments(X: Floats) -> tuple[Floats, Floats]:
    """Skewness and excess kurtosis (p,) of columns (n, p), biased; NaN for constant ones. Skips missing values."""
    known = np.isfinite(X)
    count = np.maximum(known.sum(axis=0), 1)
    D = np.where(known, X - np.where(known, X, 0.0).sum(axis=0) / count, 0.0)
    m2, m3, m4 = ((D**k).sum(axis=0) / count for k in (2, 3, 4))
    varies = m2 > 1e-24
    safe = np.where(varies, m2, 1.0)
    return np.where(varies, m3 / safe**1.5, np.nan), np.where(varies, m4 / safe**2 - 3, np.nan)


def outlying(X: Floats) -> Floats:
    """Share (p,) of each column's values beyond 1.5 interquartile ranges of its quartiles."""
    found = np.full(X.shape[1], np.nan)
    for i, column in enumerate(X.T):
        known = column[np.isfinite(column)]
        if len(known):
            low, high = np.quantile(known, [0.25, 0.75])
            reach = 1.5 * (high - low)
            found[i] = np.mean((known < low - reach) | (known > high + reach))
    return found


def correlations(Z: Floats) -> Floats:
    """Absolute correlations of all pairs of standardised columns Z (n, D)."""
    return np.minimum(np.abs(Z.T @ Z / len(Z))[np.triu_indices(Z.shape[1], k=1)], 1.0)


def relevance(table: Table) -> Floats:
    """How much of the target each encoded column holds, (D,) in [0, 1].

    Absolute correlation for regression, the correlation ratio (root of the share of variance between classes)
    for classification; for two classes the two are the same.
    """
    Z = table.encoded
    if table.regression:
        y = np.asarray(table.y, dtype=float)
        # in units of its largest magnitude, lest a square overflow
        y = y / (np.abs(y).max() or 1.0)
        std = y.std()
        return np.minimum(np.abs((y - y.mean()) @ Z) / (len(y) * std), 1.0) if std > 0 else np.zeros(Z.shape[1])
    member = np.eye(table.strata.max() + 1)[table.strata]
    between = (member.T @ Z) ** 2 / member.sum(axis=0)[:, None]
    return np.asarray(np.minimum(np.sqrt(between.sum(axis=0) / len(Z)), 1.0))


def components(Z: Floats) -> Floats:
    """Shares of variance (D,) of the principal components of standardised columns, largest first."""
    spectrum = np.maximum(np.linalg.eigvalsh(Z.T @ Z / len(Z))[::-1], 0.0)
    return np.asarray(spectrum / spectrum.sum())


def entropy(codes: Codes) -> float:
    """Shannon entropy of integer codes (n,) >= 0, in bits."""
    counts = np.bincount(codes)
    shares = counts[counts > 0] / len(codes)
    return max(0.0, -float(np.sum(shares * np.log2(shares))))


def mutual_information(one: Codes, other: Codes) -> float:
    """Mutual information of two codings (n,) >= 0, in bits; not corrected for chance."""
    joint = one * (int(other.max()) + 1) + other
    return max(0.0, entropy(one) + entropy(other) - entropy(joint))


def codings(table: Table) -> list[Codes]:
    """Every column as integer codes: numbers in up to ten equally frequent bins, missing values as their own code."""
    count = int(np.clip(round(len(table) ** (1 / 3)), 2, 10))
    return [bins(c, count) for c in table.numeric.T] + [ranked(c) for c in table.codes.T]


def statistical(table: Table) -> dict[str, float]:
    """Shapes of the numeric columns, and what all encoded columns share with each other and with the target."""
    skewness, kurtosis = moments(table.numeric)
    Z = table.encoded
    together, told = correlations(Z), relevance(table)
    found = {
        "skewness_mean": mean(skewness),
        "skewness_largest": largest(np.abs(skewness)),
        "kurtosis_mean": mean(kurtosis),
        "outlier_share": mean(outlying(table.numeric)),
        "correlation_mean": mean(together),
        "correlated_share": mean((together > STRONG).astype(float)),
        "relevance_mean": mean(told),
        "relevance_largest": largest(told),
    }
    if Z.shape[1]:
        shares = components(Z)
        found |= {
            "pca_first_share": float(shares[0]),
            # 1e-9: 0.95 itself counts as reached whatever the rounding
            "pca_95_dimensions": float(np.searchsorted(np.cumsum(shares), 0.95 - 1e-9) + 1) / Z.shape[1],
        }
    return found


def informational(table: Table) -> dict[str, float]:
    """Entropies in units of the largest they could be, mutual information in units of the target's entropy."""
    columns = codings(table)
    own = np.array([entropy(c) for c in columns])
    most = np.array([np.log2(c.max() + 1) if c.max() else np.nan for c in columns])
    shared = np.array([mutual_information(c, table.strata) for c in columns])
    goal = entropy(table.strata)
    told = float(shared.mean())
    return {
        "entropy_mean": mean(own / most),
        "information_mean": told / goal if goal else float("nan"),
        "information_largest": float(shared.max()) / goal if goal else float("nan"),
        "noise_ratio": (float(own.mean()) - told) / told if told > 1e-9 else float("nan"),
        "equivalent_columns": goal / told if told > 1e-9 else float("nan"),
    }
