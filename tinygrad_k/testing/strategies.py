"""Hypothesis strategies for shapes, values, arrays, tensors and views of tensors.

Needs Hypothesis: ``pip install tinygrad_k[testing]``. Everything drawn shrinks to small shapes and
plain numbers, so that a failing example is one to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..backend import bool_, dtype
from ..ops import Op
from ..ops.samples import Draw
from ..tensor import Tensor, from_numpy
from .cases import GROUPS, Case, elementwise_case
from .layouts import LAYOUTS, contiguous

Shape = tuple[int, ...]


def dtypes(group: str = "all") -> st.SearchStrategy[dtype]:
    """A dtype of a group: ``"float"``, ``"integer"``, ``"number"``, ``"logic"`` or ``"all"``."""
    return st.sampled_from(GROUPS[group])


def shapes(
    min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 6
) -> st.SearchStrategy[Shape]:
    """A shape; sides of 0 and of 1 are among them."""
    return hnp.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def broadcastable_shapes(
    count: int = 2, max_dims: int = 4, min_side: int = 0, max_side: int = 6
) -> st.SearchStrategy[tuple[Shape, ...]]:
    """``count`` shapes that broadcast with each other."""
    drawn = hnp.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=max_dims, min_side=min_side, max_side=max_side
    )
    return drawn.map(lambda each: each.input_shapes)


def special_values(kind: dtype) -> np.ndarray:
    """The values of a dtype at which kernels go wrong: limits, denormals, NaN, signs of zero."""
    if kind is bool_:
        return np.array([False, True])
    if kind.is_floating_point:
        limits = np.finfo(kind.numpy)
        positive = [0.0, limits.smallest_subnormal, limits.tiny, limits.eps, 0.5, 1.0, 2.0]
        positive += [1e10, limits.max, np.inf]
        return np.array([np.nan, *positive, *(-x for x in positive)], dtype=kind.numpy)
    bounds = np.iinfo(kind.numpy)
    near = [bounds.min, bounds.min + 1, 0, 1, 2, bounds.max - 1, bounds.max]
    return np.array(near + [-1] * (bounds.min < 0), dtype=kind.numpy)


def values(kind: dtype, special: bool = True) -> st.SearchStrategy[Any]:
    """Numbers of a dtype: with special cases, or tame ones in which sums do not overflow."""
    if kind is bool_:
        return st.booleans()
    if kind.is_floating_point:
        tame: st.SearchStrategy[Any] = st.floats(-4.0, 4.0, width=kind.itemsize * 8)
    else:
        low = 0 if kind.numpy.kind == "u" else -9
        tame = st.integers(low, 9)
    if not special:
        return tame
    return tame | st.sampled_from([each.item() for each in special_values(kind)])


@st.composite
def arrays(
    draw: Any,
    kind: Any = None,
    shape: Any = None,
    *,
    special: bool = True,
    layouts: Sequence[Callable[[np.ndarray], np.ndarray]] = (contiguous, *LAYOUTS),
) -> np.ndarray:
    """A NumPy array of any layout: strided, reversed, expanded, read-only.

    ``kind`` is a dtype or a strategy of dtypes, ``shape`` a shape or a strategy of shapes.
    """
    kind = draw(dtypes() if kind is None else kind) if not isinstance(kind, dtype) else kind
    sizes = shape if isinstance(shape, tuple) else draw(shapes() if shape is None else shape)
    made = draw(hnp.arrays(kind.numpy, sizes, elements=values(kind, special)))
    return draw(st.sampled_from(list(layouts)))(made)


def tensors(
    kind: Any = None, shape: Any = None, *, special: bool = True
) -> st.SearchStrategy[Tensor]:
    """A tensor on the memory of one of ``arrays``, so of any layout."""
    return arrays(kind, shape, special=special).map(from_numpy)


@st.composite
def subscripts(draw: Any, shape: Shape, *, negative_steps: bool = False) -> tuple[Any, ...]:
    """A basic subscript for a shape: integers, slices, ``None`` and an ellipsis."""
    parts: list[Any] = []
    for n in shape:
        choice = draw(st.sampled_from(("all", "slice", "integer")))
        if choice == "integer" and n:
            parts.append(draw(st.integers(-n, n - 1)))
        elif choice == "slice":
            start, stop = draw(st.integers(-n, n)), draw(st.integers(-n, n) | st.none())
            step = draw(st.sampled_from((1, 2, 3, -1, -2) if negative_steps else (1, 2, 3)))
            parts.append(slice(start, stop, step))
        else:
            parts.append(slice(None))
    if draw(st.booleans()):  # trailing full slices may be left out
        while parts and parts[-1] == slice(None):
            parts.pop()
        parts.insert(len(parts), ...)
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@st.composite
def views(draw: Any, source: Tensor, *, overlapping: bool = True) -> Tensor:
    """A view of a tensor: sliced, transposed, expanded, or windows that overlap."""
    kinds = ["subscript", "transpose"]
    if overlapping:
        kinds += ["expand", "windows"]
    kind = draw(st.sampled_from(kinds))
    if kind == "transpose":
        return source.permute(*draw(st.permutations(range(source.ndim))))
    if kind == "expand":
        return source.expand(draw(st.integers(1, 3)), *source.shape)
    if kind == "windows" and source.ndim and source.shape[0]:
        length = draw(st.integers(1, source.shape[0]))
        return source.unfold(0, length, draw(st.integers(1, 2)))
    return source[draw(subscripts(tuple(source.shape)))]


@st.composite
def calls(draw: Any, op: Op, kind: dtype | None = None, max_side: int = 6) -> Case:
    """A call of an elementwise op: shapes that broadcast, a dtype it takes, values it is for."""
    drawn = draw(broadcastable_shapes(len(op.domain), max_side=max_side))
    chosen = draw(st.sampled_from(GROUPS[op.dtypes])) if kind is None else kind
    return elementwise_case(op, drawn, chosen, draw(st.integers(0, 2**32)))


@st.composite
def points(draw: Any, *domain: Draw, max_side: int = 4) -> tuple[np.ndarray, ...]:
    """Float64 arrays of shapes that broadcast, one for each domain, with values it allows."""
    drawn = draw(broadcastable_shapes(len(domain), max_dims=3, max_side=max_side))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return tuple(each(*shape).make(rng) for each, shape in zip(domain, drawn, strict=True))


__all__ = [
    "arrays",
    "broadcastable_shapes",
    "calls",
    "dtypes",
    "points",
    "shapes",
    "special_values",
    "subscripts",
    "tensors",
    "values",
    "views",
]
