"""One parameter under two names: suggestions, by how alike the names are and how alike the values.

Two names are of one parameter only if no run has both. Nothing is renamed unless a person says so
(`Rules.renames`): a wrong rename spoils more than a missing one.
"""

from difflib import SequenceMatcher

import numpy as np

from forerun.mining.domains import is_number
from forerun.mining.findings import Rename
from forerun.mining.parameters import Parameter
from forerun.mining.runs import Floats, Texts
from forerun.mining.words import words

SAME = (
    "lr|eta|learning_rate|initial_lr|learning_rate_init|step_size|base_lr",
    "batch_size|bs|batch|train_batch_size|per_device_train_batch_size|minibatch_size",
    "epochs|n_epochs|num_epochs|max_epochs|num_train_epochs|nb_epoch",
    "n_estimators|num_trees|num_boost_round|num_iterations|n_trees|nrounds|num_round|iterations|n_iter|ntree",
    "max_depth|depth|tree_depth|maxdepth",
    "subsample|bagging_fraction|sub_row|sample_rate",
    "colsample_bytree|feature_fraction|sub_feature|rsm",
    "min_child_samples|min_data_in_leaf|min_samples_leaf",
    "min_child_weight|min_sum_hessian_in_leaf",
    "reg_alpha|alpha|lambda_l1|l1|l1_penalty|l1_regularization",
    "reg_lambda|lambda|lambda_l2|l2|l2_penalty|l2_regularization|l2_leaf_reg",
    "weight_decay|wd|decay",
    "dropout|dropout_rate|p_dropout|drop_rate|dropout_prob",
    "hidden|hidden_size|hidden_dim|n_hidden|num_hidden|width|units|hidden_units",
    "layers|num_layers|n_layers|depth|hidden_layers",
    "optimizer|optim|opt|optimizer_name|solver",
    "activation|act|act_fn|activation_function|nonlinearity",
    "num_leaves|max_leaves|max_leaf_nodes",
    "n_neighbors|k|num_neighbors",
)
"""What libraries and people call the same thing."""
GROUPS = [frozenset(line.split("|")) for line in SAME]
ALIKE = 0.8
OVERLAP = 0.25
MOST = 20


def suggest(parameters: list[Parameter]) -> list[Rename]:
    """Pairs of parameters that may be one, the rarer name first; at most MOST."""
    found: list[tuple[float, Rename]] = []
    has = [_has(parameter.column) for parameter in parameters]
    there = np.array(has, dtype=np.float32)
    together = there @ there.T if len(there) else there
    for i, j in zip(*np.nonzero(np.triu(together == 0, 1)), strict=True):
        one, other = parameters[i], parameters[j]
        alike, why = names_alike(one.name, other.name)
        shared = _overlap(one.column[has[i]], other.column[has[j]]) if alike >= ALIKE else 0.0
        if shared >= OVERLAP:
            old, new = (one, other) if has[i].sum() <= has[j].sum() else (other, one)
            text = f"{why}; {shared:.0%} of their values lie together; no run has both"
            found.append((alike * shared, Rename(old.name, new.name, text)))
    return [each for _, each in sorted(found, key=lambda f: (-f[0], f[1].old, f[1].new))][:MOST]


def names_alike(one: str, other: str) -> tuple[float, str]:
    """How alike two names are, from 0 to 1, and why.

    >>> names_alike("lr", "learning_rate")[0], names_alike("maxDepth", "max_depth")[0]
    (1.0, 1.0)
    >>> names_alike("momentum", "gamma")[0] < 0.5
    True
    """
    a, b = words(one), words(other)
    if not a or not b:
        return 0.0, ""
    left, right = "_".join(a), "_".join(b)
    if left == right or left.replace("_", "") == right.replace("_", ""):
        return 1.0, "the same words"
    if any(left in group and right in group for group in GROUPS):
        return 1.0, "libraries call one thing by both names"
    # optimizer.lr and lr, clf__C and C; but not train_size and size
    if (a[-len(b) :] == b or b[-len(a) :] == a) and ({".", "/", ":"} & set(one + other) or "__" in one + other):
        return 0.95, "the same words behind a prefix"
    short, long = sorted((a, b), key=lambda w: sum(map(len, w)))
    if len(short) == 1 and len(long) > 1 and short[0] == "".join(w[0] for w in long):
        return 0.9, "initials"
    return SequenceMatcher(None, left, right).ratio(), "similar names"


def _has(values: Texts) -> np.ndarray:
    found: np.ndarray = values != None  # noqa: E711 - by element
    return found


def _overlap(one: Texts, other: Texts) -> float:
    """Share of the values of two parameters that lie where both have values; 0 where they are of different sorts."""
    if all(map(is_number, one)) and all(map(is_number, other)):
        a, b = _scaled(one), _scaled(other)
        low, high = max(a.min(), b.min()), min(a.max(), b.max())
        both = np.concatenate([a, b])
        return float(((both >= low) & (both <= high)).mean()) if low <= high else 0.0
    x, y = {str(v).lower() for v in one}, {str(v).lower() for v in other}
    return len(x & y) / min(len(x), len(y)) if x and y else 0.0


def _scaled(values: Texts) -> Floats:
    """Numbers as they are, or their logarithms where all are positive."""
    found = np.array(values, dtype=float)
    return np.log(found) if (found > 0).all() else found
