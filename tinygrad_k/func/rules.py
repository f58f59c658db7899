"""How ops work on a whole batch: one rule for a family, or an op's own.

A rule is ``(function, size, args, batched) -> the batch of results``. ``args`` are all of the op's
arguments in order; those that are ``batched`` have the examples in their first dimension, the
others are the same for every example. It may give NotImplemented: then the op runs on each example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backend import DTYPES, lib
from ..ops import load
from ..ops.declare import OPS
from ..tensor import Tensor, wrap
from .batched import FAMILIES, RULES, as_tensor

Op = Callable[..., Tensor]

load()  # rules are given by name, also to ops that are loaded late


def _rule(*names: str) -> Callable[[Any], Any]:
    def add(rule: Any) -> Any:
        for name in names:
            if name not in OPS:
                raise KeyError(name)
            RULES[name] = rule
        return rule

    return add


def _family(*names: str) -> Callable[[Any], Any]:
    def add(rule: Any) -> Any:
        for name in names:
            FAMILIES[name] = rule
        return rule

    return add


# -- shapes of batches ----------------------------------------------------------------------------


def logical(t: Tensor, batched: bool) -> int:
    """The number of dimensions of an example."""
    return t.ndim - batched


def pad(t: Tensor, ndim: int) -> Tensor:
    """A batch whose examples have sizes 1 in front, so that they have ``ndim`` dimensions."""
    for _ in range(ndim + 1 - t.ndim):
        t = OPS["unsqueeze"].function(t, 1)
    return t


def full(t: Tensor, batched: bool, size: int) -> Tensor:
    """A batch; of what is the same for all examples, an expanded view."""
    if batched:
        return t
    return OPS["_expand"].function(t, (size, *t.shape))


def inside(dim: Any, ndim: int | None = None) -> Any:
    """A dim of an example, or several, as dims of the batch; those counted from the end stay."""
    if isinstance(dim, (tuple, list)):
        return tuple(inside(each) for each in dim)
    return dim if dim < 0 else dim + 1


# -- elementwise ----------------------------------------------------------------------------------


def _promoted(tensors: list[tuple[int, Tensor, bool]]) -> dict[int, Tensor]:
    """The operands of other dtypes than the examples would promote to, converted.

    An operand without dimensions gives way to one with, but a batch of such has one itself.
    """
    stand_ins = [
        wrap(lib.tk_empty(t._h.dtype, 1 if logical(t, batched) else 0, (1,)))
        for _, t, batched in tensors
        if t.dtype.name != "bool"
    ]
    if len({t.dtype for t in stand_ins}) < 2:
        return {}
    kind = stand_ins[0]
    for each in stand_ins[1:]:
        number = lib.tk_promote(kind._h, each._h)
        kind = wrap(lib.tk_empty(number, max(kind.ndim, each.ndim), (1,)))
    return {
        i: OPS["convert"].function(t, DTYPES[kind._h.dtype])
        for i, t, _ in tensors
        if t.dtype.name != "bool" and t.dtype is not kind.dtype
    }


@_family("unary", "binary", "where", "elementwise")
def _elementwise(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    args = [as_tensor(each) for each in args]
    tensors = [
        (i, each, flag)
        for i, (each, flag) in enumerate(zip(args, batched, strict=True))
        if isinstance(each, Tensor)
    ]
    if len(tensors) > 1:
        for i, each in _promoted(tensors).items():
            args[i] = each
        ndim = max(logical(each, flag) for _, each, flag in tensors)
        args = [pad(each, ndim) if flag else each for each, flag in zip(args, batched, strict=True)]
    return function(*args)


@_rule("clone", "convert", "_pad", "_extend")
def _as_it_is(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    return function(*args) if batched[0] and not any(batched[1:]) else NotImplemented


@_rule("_fill", "_copy")
def _written(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    target, value = full(args[0], batched[0], size), args[1]
    if isinstance(value, Tensor) and batched[1]:
        value = pad(value, target.ndim - 1)
    return OPS["_copy"].function(target, value) if isinstance(value, Tensor) else NotImplemented


# -- views ----------------------------------------------------------------------------------------


@_rule("_reshape", "_view")
def _reshaped(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape = args
    if -1 in shape:
        known = 1
        for each in shape:
            known *= each if each != -1 else 1
        rest = t.numel() // size // known if size and known else 0
        shape = tuple(rest if each == -1 else each for each in shape)
    return function(t, (size, *shape))


@_rule("_expand")
def _expanded(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    return function(pad(args[0], len(args[1])), (size, *args[1]))


@_rule("sum_to")
def _summed(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape = args
    ones = (1,) * (t.ndim - 1 - len(shape))
    return OPS["_reshape"].function(function(t, (size, *ones, *shape)), (size, *shape))


@_rule("_permute")
def _permuted(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, dims = args
    return function(t, (0, *(each % (t.ndim - 1) + 1 for each in dims)))


@_rule("transpose")
def _transposed(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    if args[0].ndim == 1:  # an example without dimensions may be transposed
        return args[0] if {args[1], args[2]} <= {0, -1} else NotImplemented
    return function(args[0], inside(args[1]), inside(args[2]))


@_rule("select", "slice_dim", "unsqueeze", "_cumsum", "_cumprod", "_order")
def _along(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    """Ops of one tensor and a dim, wherever that argument stands."""
    if args[0].ndim == 1 and function.__name__ != "unsqueeze":
        return NotImplemented
    place = list(OPS[function.__name__].parameters).index("dim")
    return function(*(inside(each) if i == place else each for i, each in enumerate(args)))


@_rule("_squeeze", "_flip")
def _masked_dims(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    return function(args[0], args[1] << 1, *inside(tuple(args[2:])))


@_rule("_roll")
def _rolled(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shifts, dims = args
    if dims is not None:
        return NotImplemented if t.ndim == 1 else function(t, shifts, inside(dims))
    flat = OPS["_reshape"].function(t, (size, t.numel() // max(size, 1)))
    return OPS["_reshape"].function(function(flat, shifts, (1,)), tuple(t.shape))


@_rule("tril", "triu")
def _triangles(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    return function(*args) if args[0].ndim > 2 else NotImplemented


@_rule("_diagonal")
def _diagonals(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, offset, dim1, dim2 = args
    return function(t, offset, inside(dim1), inside(dim2))


@_rule("_place")
def _placed(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape, dim, *rest = args
    return function(t, (size, *shape), inside(dim), *rest)


@_rule("_from_diagonal")
def _on_diagonals(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape, offset, dim1, dim2 = args
    return function(t, (size, *shape), offset, inside(dim1), inside(dim2))


@_rule("_window", "_blank")
def _in_window(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape, stride, offset = args
    return function(t, (size, *shape), (t.numel() // max(size, 1), *stride), offset)


@_rule("_inlay")
def _inlaid(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, shape, stride, offset = args
    return function(t, (size, *shape), (math.prod(shape), *stride), offset)


@_rule("_cat", "_stack")
def _joined(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    parts = [full(each, flag, size) for each, flag in zip(args[0], batched[0], strict=True)]  # type: ignore[call-overload]
    if any(each.ndim != parts[0].ndim for each in parts):
        return NotImplemented  # an empty vector among others
    return function(parts, inside(args[1]))


# -- reductions and rows --------------------------------------------------------------------------


@_family("reduction")
def _reduced(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    row = OPS[function.__name__]
    if "dim" not in row.parameters:
        return NotImplemented
    values = dict(zip(row.parameters, args, strict=True))
    t, dim = values.pop("input"), values.pop("dim")
    ndim = t.ndim - 1
    keepdim = values.pop("keepdim", False)
    kept = {"keepdim": keepdim} if "keepdim" in row.parameters else {}
    if dim is None or ndim == 0 or dim == ():
        flat = OPS["_reshape"].function(t, (size, t.numel() // size if size else 0))
        result = function(flat, dim=1, **values, **({"keepdim": False} if kept else {}))
        return OPS["_reshape"].function(result, (size,) + (1,) * ndim) if keepdim else result
    return function(t, dim=inside(dim), **values, **kept)


@_rule("_softmax", "_log_softmax", "softmax_backward", "log_softmax_backward")
def _rows(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    *tensors, dim = args
    whole = [full(each, flag, size) for each, flag in zip(tensors, batched[:-1], strict=True)]
    if whole[0].ndim == 1:
        return NotImplemented
    return function(*whole, inside(dim))


@_rule("_layer_norm")
def _normalized(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, weight, bias, ndim, eps = args
    t = full(t, batched[0], size)
    if not batched[1] and not batched[2]:
        return function(t, weight, bias, ndim, eps)
    y = function(t, None, None, ndim, eps)
    for factor, flag, name in ((weight, batched[1], "mul"), (bias, batched[2], "add")):
        if factor is not None:
            y = OPS[name].function(y, pad(factor, t.ndim - 1) if flag else factor)
    return y


@_rule("_group_norm", "_batch_norm_frozen")
def _by_channel(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    t, *rest = args
    if any(batched[1:]):
        return NotImplemented
    reshape, shape = OPS["_reshape"].function, tuple(t.shape)
    y = function(reshape(t, (shape[0] * shape[1], *shape[2:])), *rest)
    return reshape(y, shape)


# -- products -------------------------------------------------------------------------------------


@_rule("matmul")
def _product(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    (a, b), (first, second) = args, batched
    rows, columns = logical(a, first), logical(b, second)
    if first and not second and columns == 2:
        return function(a, b)  # as one product; a batch of vectors is a matrix
    if not rows or not columns:
        return NotImplemented
    unsqueeze, select = OPS["unsqueeze"].function, OPS["select"].function
    a = unsqueeze(a, -2) if rows == 1 else a
    b = unsqueeze(b, -1) if columns == 1 else b
    ndim = max(logical(a, first), logical(b, second))
    a = pad(a, ndim) if first else a
    b = pad(b, ndim) if second else b
    result = function(a, b)
    result = select(result, -1, 0) if columns == 1 else result
    return select(result, -1 if columns == 1 else -2, 0) if rows == 1 else result


@_rule("linear")
def _affine(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    (x, weight, bias), (first, second, third) = args, batched
    if first and not second and not third:
        return function(x, weight, bias)
    turned = OPS["transpose"].function(weight, -1, -2) if weight.ndim - second == 2 else None
    if turned is None:
        return NotImplemented
    result = full(x, first, size) if not (first or second) else x
    y = _product(OPS["matmul"].function, size, [result, turned], [first or not second, second])
    if y is NotImplemented or bias is None:
        return y
    return OPS["add"].function(y, pad(bias, y.ndim - 1) if third else bias)


# -- indices --------------------------------------------------------------------------------------


@_rule("index_select")
def _selected(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    (t, dim, index), (first, _, second) = args, batched
    if not second:
        return NotImplemented if t.ndim == 1 else function(t, inside(dim), index)
    if first or index.ndim != 2 or not t.ndim:
        return NotImplemented
    dim %= t.ndim
    flat = function(t, dim, OPS["_reshape"].function(index, (index.numel(),)))
    parts = OPS["_reshape"].function(flat, (*t.shape[:dim], *index.shape, *t.shape[dim + 1 :]))
    rest = [i for i in range(parts.ndim) if i != dim]
    return OPS["_permute"].function(parts, (dim, *rest))


@_rule("_index_sum")
def _selected_back(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    (source, shape, dim, index), (first, _, _, second) = args, batched
    if first and not second and shape:
        return function(source, (size, *shape), inside(dim), index)
    return NotImplemented


@_rule("gather", "_scatter", "_scatter_add", "_scatter_sum")
def _gathered(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    whole = [
        full(each, flag, size) if isinstance(each, Tensor) else each
        for each, flag in zip(args, batched, strict=True)
    ]
    if any(isinstance(each, Tensor) and each.ndim == 1 for each in whole):
        return NotImplemented
    names = OPS[function.__name__].parameters
    changed = {"dim": inside, "shape": lambda shape: (size, *shape)}
    return function(
        *(changed[n](v) if n in changed else v for n, v in zip(names, whole, strict=True))
    )


# -- losses ---------------------------------------------------------------------------------------


@_rule("_nll", "nll_loss_backward", "_label_weights", "_entropy", "cross_entropy_backward")
@_rule("_margin_loss", "margin_loss_backward")
def _labelled(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    """The examples' rows one under another; class weights are the same for all."""
    names = list(OPS[function.__name__].parameters)
    if batched[names.index("weight")]:
        return NotImplemented
    whole = []
    for name, each, flag in zip(names, args, batched, strict=True):
        if isinstance(each, Tensor) and name != "weight":
            each = full(each, flag, size)
            each = OPS["_reshape"].function(each, (each.shape[0] * each.shape[1], *each.shape[2:]))
        whole.append(each)
    result = function(*whole)
    rows = result.shape[0] // size if size else 0
    return OPS["_reshape"].function(result, (size, rows, *result.shape[1:]))


@_rule("_nll_mean", "_entropy_mean")
def _label_means(function: Op, size: int, args: list[Any], batched: list[bool]) -> Any:
    if batched[2]:
        return NotImplemented
    losses = _labelled(OPS[function.__name__.removesuffix("_mean")].function, size, args, batched)
    input, *labels = args[:4]
    constant = [input.detach(), *labels]
    weights = _labelled(OPS["_label_weights"].function, size, constant, batched[:4])
    reshape, total = OPS["_reshape"].function, OPS["_sum"].function
    return total(reshape(losses, (size, -1)), 1) / total(reshape(weights, (size, -1)), 1)
