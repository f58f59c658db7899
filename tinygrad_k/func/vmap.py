"""``vmap``: a function of one example as a function of many."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import random, trees
from ..checks import count
from ..ops.join import cat
from ..ops.shape import _expand
from ..ops.strides import movedim
from ..tensor import Tensor
from .batched import (
    Batched,
    DrawEach,
    Level,
    Unbatchable,
    intercept_random,
    running,
    spread,
    wrapped,
)

random.intercept = intercept_random


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function of a batch whose result holds ``func`` of every example.

    ``in_dims`` says for each argument along which dimension its examples lie, None for what all
    share; an int stands for all arguments, and nested tuples, lists and dicts are matched from the
    top down. ``out_dims`` says where the examples go in the results. ``randomness``: ``"error"``
    refuses to draw, ``"different"`` draws for each example in turn, op by op, ``"same"`` once
    for all. ``chunk_size`` does so many examples at a time. Calls nest.

    Nothing may depend on the value of one example: ``item()``, ``bool()`` and the like are a
    RuntimeError. Ops without a rule for batches run on each example, which is right and slow.
    """
    if randomness not in ("error", "different", "same"):
        raise ValueError(f"vmap: randomness is 'error', 'different' or 'same'; got {randomness!r}")
    if chunk_size is not None:
        chunk_size = count("vmap", "chunk_size", chunk_size, 1)

    @functools.wraps(func)
    def batch(*args: Any, **kwargs: Any) -> Any:
        given = in_dims if isinstance(in_dims, (int, type(None))) else tuple(in_dims)
        dims = [
            _place(each, dim)
            for each, dim in zip(trees.leaves(args), spread("in_dims", given, args), strict=True)
        ]
        # Keyword arguments are batched along their first dimension, as in PyTorch.
        named = [0 if isinstance(each, Tensor) else None for each in trees.leaves(kwargs)]
        every = [*trees.leaves(args), *trees.leaves(kwargs)]
        size = _size(every, [*dims, *named])
        step = chunk_size or max(1, size)
        parts = [
            _run(func, (args, kwargs), every, [*dims, *named], (low, min(size, low + step)), size,
                 out_dims, randomness)
            for low in range(0, max(1, size), step)
        ]  # fmt: skip
        if len(parts) == 1:
            return parts[0]
        columns = [list(trees.leaves(each)) for each in parts]
        places = spread("out_dims", out_dims, parts[0])
        joined = [
            each[0] if dim is None else cat(list(each), dim)
            for each, dim in zip(zip(*columns, strict=True), places, strict=True)
        ]
        return trees.rebuild(parts[0], iter(joined))

    return batch


def _place(value: Any, dim: Any) -> int | None:
    if dim is None:
        return None
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise ValueError(f"vmap: in_dims are ints or None; got {dim!r}")
    if not isinstance(value, Tensor):
        raise ValueError(
            f"vmap: in_dims gives dim {dim} to {type(value).__name__}, which is no tensor; "
            "give None"
        )
    if not -value.ndim <= dim < value.ndim:
        raise ValueError(f"vmap: in_dims: dim {dim} is out of range for {tuple(value.shape)}")
    return dim % value.ndim


def _size(values: list[Any], dims: list[int | None]) -> int:
    sizes = {value.shape[dim] for value, dim in zip(values, dims, strict=True) if dim is not None}
    if not sizes:
        raise ValueError("vmap: no argument is batched; in_dims has only None")
    if len(sizes) > 1:
        raise ValueError(f"vmap: the batch sizes differ; got {sorted(sizes)}")
    return int(sizes.pop())


def _run(
    func: Callable[..., Any],
    form: Any,
    values: list[Any],
    dims: list[int | None],
    part: tuple[int, int],
    size: int,
    out_dims: Any,
    randomness: str,
) -> Any:
    low, high = part
    level = Level(len(running.stack) + 1, high - low, randomness)
    examples = []
    for value, dim in zip(values, dims, strict=True):
        if dim is not None:
            value = value if high - low == size else value.narrow(dim, low, high - low)
            value = wrapped(value if dim == 0 else movedim(value, dim, 0), level)
        examples.append(value)
    args, kwargs = trees.rebuild(form, iter(examples))
    running.stack.append(level)
    try:
        result = func(*args, **kwargs)
    except (Unbatchable, DrawEach) as error:
        if len(running.stack) > 1 and not str(error).startswith("vmap: "):
            raise
        raise RuntimeError(str(error)) from error
    except TypeError as error:
        if "tk_tensor *'" not in str(error):
            raise
        raise RuntimeError(f"vmap: {_where(error)} cannot work on batched tensors") from error
    finally:
        running.stack.pop()
    places = spread("out_dims", out_dims, result)
    finished = [
        _finish(each, dim, level) for each, dim in zip(trees.leaves(result), places, strict=True)
    ]
    return trees.rebuild(result, iter(finished))


def _where(error: BaseException) -> str:
    """The function that handed a batched tensor to a door."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name.strip("_") if trace is not None else "this op"


def _finish(value: Any, dim: Any, level: Level) -> Any:
    """A result with its examples in dimension ``dim``."""
    if not isinstance(value, Tensor):
        raise ValueError(f"vmap: the function must return tensors; got {type(value).__name__}")
    ours = isinstance(value, Batched) and value._level is level
    if dim is None:
        if ours:
            raise ValueError("vmap: out_dims is None for a result that differs between examples")
        return value
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise ValueError(f"vmap: out_dims are ints or None; got {dim!r}")
    batch = value._value if ours else _expand(value, (level.size, *value.shape))
    if not -batch.ndim <= dim < batch.ndim:
        raise ValueError(f"vmap: out_dims: dim {dim} is out of range for {tuple(batch.shape)}")
    return batch if dim == 0 else movedim(batch, 0, dim)
