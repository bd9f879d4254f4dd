"""How large a fitted model is, without writing it anywhere."""

import sys
from typing import Any

import numpy as np
import torch


def model_kb(model: object) -> float:
    """Return the size of all arrays, tensors, numbers and strings in a fitted model, in units of 1024 bytes.

    Each object counts once, however often it is referred to.
    """
    seen: set[int] = set()
    stack: list[Any] = [model]
    keep: list[Any] = []
    total = 0
    while stack:
        item = stack.pop()
        if item is None or id(item) in seen or isinstance(item, type):
            continue
        seen.add(id(item))
        # an id is only unique while its object lives, and states are made on the fly
        keep.append(item)
        size, parts = _size_and_parts(item)
        total += size
        stack.extend(parts)
    return total / 1024


def _size_and_parts(item: Any) -> tuple[int, list[Any]]:
    match item:
        case np.ndarray():
            return item.nbytes, item.ravel().tolist() if item.dtype == object else []
        case torch.Tensor():
            return item.nbytes, []
        case str() | bytes() | bool() | int() | float() | np.generic():
            return sys.getsizeof(item), []
        case dict():
            return 0, [*item.keys(), *item.values()]
        case list() | tuple() | set() | frozenset():
            return 0, list(item)
    # Python's own description of an object's content, which compiled classes (trees) offer as well
    return 0, [] if callable(item) else [item.__getstate__()]
