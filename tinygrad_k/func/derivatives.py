"""Derivatives of a function at a point, as in ``torch.autograd.functional``.

The function takes the inputs, a tensor or a tuple of them, as arguments, and returns a tensor or a
tuple. Results have the form of what they belong to: a tuple only where there was one. With
``create_graph`` they can be differentiated again, also by the inputs. ``strict`` refuses outputs
that do not depend on an input; otherwise the derivative is zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import enable_grad, grad
from ..ops.creation import ones_like, zeros_like
from ..ops.join import stack
from ..ops.ranges import eye
from ..ops.shape import _view
from ..tensor import Tensor
from .transforms import released
from .vmap import vmap

Tensors = Tensor | tuple[Tensor, ...]
Function = Callable[..., Any]


def _tuple(name: str, what: str, value: Any) -> tuple[Tensor, ...]:
    several = value if isinstance(value, (tuple, list)) else (value,)
    for each in several:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}: {what} must be tensors; got {type(each).__name__}")
    return tuple(several)


def _like(form: Any, values: Sequence[Any]) -> Any:
    """A tuple where ``form`` is one, else the only value."""
    return tuple(values) if isinstance(form, (tuple, list)) else values[0]


def _inputs(name: str, inputs: Tensors, create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as something to differentiate by; still in the graph with ``create_graph``."""
    points = []
    for each in _tuple(name, "inputs", inputs):
        if not each.dtype.is_floating_point:
            raise TypeError(f"{name}: inputs must be floating; got {each.dtype.name}")
        if create_graph and each.requires_grad:
            points.append(_view(each, tuple(each.shape)))
        else:
            points.append(each.detach().requires_grad_())
    return tuple(points)


def _outputs(
    name: str, func: Function, points: tuple[Tensor, ...], strict: bool
) -> tuple[Any, tuple[Tensor, ...]]:
    result = func(*points)
    outputs = _tuple(name, "outputs", result)
    if strict:
        for i, each in enumerate(outputs):
            if not each.requires_grad:
                raise RuntimeError(f"{name}: output {i} does not depend on the inputs")
    return result, outputs


def _slopes(
    name: str,
    outputs: Sequence[Tensor],
    points: Sequence[Tensor],
    seeds: Sequence[Tensor],
    create_graph: bool,
    strict: bool,
) -> list[Tensor]:
    """The gradients of <seeds, outputs>, zeros where there is no dependence."""
    pairs = [
        (output, seed) for output, seed in zip(outputs, seeds, strict=True) if output.requires_grad
    ]
    found: Sequence[Tensor | None] = [None] * len(points)
    if pairs:
        found = grad(
            [output for output, _ in pairs],
            points,
            [seed for _, seed in pairs],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    for j, each in enumerate(found):
        if strict and each is None:
            raise RuntimeError(f"{name}: the outputs do not depend on input {j}")
        if strict and create_graph and each is not None and not each.requires_grad:
            raise RuntimeError(
                f"{name}: the derivative by input {j} does not depend on the inputs, so its own "
                "derivative is zero"
            )
    return [
        zeros_like(point.detach()) if each is None else each
        for each, point in zip(found, points, strict=True)
    ]


def _weights(name: str, v: Any, like: Sequence[Tensor], what: str) -> list[Tensor]:
    """The vector ``v``, checked; ones for a single element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{name}: v can be left out only for one element; pass it")
        return [ones_like(like[0].detach())]
    several = _tuple(name, "v", v)
    if len(several) != len(like):
        raise RuntimeError(f"{name}: v has {len(several)} tensors for {len(like)} {what}")
    for i, (each, other) in enumerate(zip(several, like, strict=True)):
        if each.shape != other.shape:
            raise RuntimeError(
                f"{name}: v[{i}] has shape {tuple(each.shape)}, the {what} {tuple(other.shape)}"
            )
    return list(several)


def vjp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``func(*inputs)``, and v J for its Jacobian J: gradients in the form of the inputs.

    ``v`` has the form of the outputs; it may be left out for a single element.
    """
    with enable_grad():
        points = _inputs("vjp", inputs, create_graph)
        result, outputs = _outputs("vjp", func, points, strict)
        seeds = _weights("vjp", v, outputs, "outputs")
        found = _slopes("vjp", outputs, points, seeds, create_graph, strict)
    value = _like(result, released(outputs, create_graph))
    return value, _like(inputs, released(found, create_graph))


def jvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``func(*inputs)``, and J v for its Jacobian J: slopes in the form of the outputs.

    ``v`` has the form of the inputs; it may be left out for a single element. By reverse mode
    twice: u J is linear in u, and the derivative of <u J, v> by u is J v.
    """
    with enable_grad():
        points = _inputs("jvp", inputs, create_graph)
        direction = _weights("jvp", v, points, "inputs")
        result, outputs = _outputs("jvp", func, points, strict)
        duals = [zeros_like(each.detach()).requires_grad_() for each in outputs]
        rows = _slopes("jvp", outputs, points, duals, True, strict)
        found = _slopes("jvp", rows, duals, direction, create_graph, False)
    value = _like(result, released(outputs, create_graph))
    return value, _like(result, released(found, create_graph))


def _scalar(name: str, func: Function, points: tuple[Tensor, ...], strict: bool) -> Tensor:
    _, outputs = _outputs(name, func, points, strict)
    if len(outputs) != 1 or outputs[0].numel() != 1:
        raise RuntimeError(
            f"{name}: the function must return one element; got "
            f"{[tuple(each.shape) for each in outputs]}"
        )
    return outputs[0]


def vhp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``func(*inputs)``, a single element, and v H for its Hessian H, in the form of the inputs."""
    with enable_grad():
        points = _inputs("vhp", inputs, create_graph)
        weights = _weights("vhp", v, points, "inputs")
        output = _scalar("vhp", func, points, strict)
        first = _slopes("vhp", [output], points, [ones_like(output.detach())], True, strict)
        found = _slopes("vhp", first, points, weights, create_graph, strict)
    return (
        released([output], create_graph)[0],
        _like(inputs, released(found, create_graph)),
    )


def hvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``func(*inputs)``, a single element, and H v for its Hessian H; H is symmetric, and this is
    ``vhp``."""
    return vhp(func, inputs, v, create_graph, strict)


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: for each output and each input, the output's sizes followed by the input's.

    Tensor for one of each; a tuple by inputs, by outputs, or of tuples by both. ``vectorize`` finds
    all rows at once by vmap, not with ``strict``. ``strategy="forward-mode"`` goes by columns, and
    is for ``vectorize``.
    """
    _check_strategy("jacobian", strategy, vectorize, strict)
    with enable_grad():
        points = _inputs("jacobian", inputs, create_graph)
        result, outputs = _outputs("jacobian", func, points, strict)
        rows: list[list[Tensor]] = []
        if strategy == "forward-mode":
            rows = _by_columns(outputs, points, create_graph)
        else:
            for output in outputs:
                rows.append(_by_rows(output, points, create_graph, strict, vectorize))
    return _like(result, [_like(inputs, released(row, create_graph)) for row in rows])


def _check_strategy(name: str, strategy: str, vectorize: bool, strict: bool) -> None:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(
            f"{name}: the strategy is 'reverse-mode' or 'forward-mode'; got {strategy!r}"
        )
    if vectorize and strict:
        raise RuntimeError(f"{name}: strict is not possible with vectorize")
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(f"{name}: forward-mode needs vectorize=True")


def _units(t: Tensor) -> Tensor:
    """(elements, *shape): for each element the tensor that is 1 there and 0 elsewhere."""
    return eye(t.numel(), dtype=t.dtype).reshape(t.numel(), *t.shape)


def _by_rows(
    output: Tensor,
    points: tuple[Tensor, ...],
    create_graph: bool,
    strict: bool,
    vectorize: bool,
) -> list[Tensor]:
    def row(seed: Tensor) -> tuple[Tensor, ...]:
        return tuple(_slopes("jacobian", [output], points, [seed], create_graph, strict))

    units = _units(output.detach())
    if vectorize:
        columns: Sequence[Any] = vmap(row)(units)
    elif output.numel():
        columns = [stack(list(each)) for each in zip(*map(row, units.unbind(0)), strict=True)]
    else:
        columns = [zeros_like(each.detach()).expand(0, *each.shape) for each in points]
    return [
        each.reshape(*output.shape, *point.shape)
        for each, point in zip(columns, points, strict=True)
    ]


def _by_columns(
    outputs: tuple[Tensor, ...], points: tuple[Tensor, ...], create_graph: bool
) -> list[list[Tensor]]:
    duals = [zeros_like(each.detach()).requires_grad_() for each in outputs]
    pulled = _slopes("jacobian", outputs, points, duals, True, False)
    table: list[list[Tensor]] = [[] for _ in outputs]
    for point, row in zip(points, pulled, strict=True):

        def column(seed: Tensor, row: Tensor = row) -> tuple[Tensor, ...]:
            return tuple(_slopes("jacobian", [row], duals, [seed], create_graph, False))

        found = vmap(column, out_dims=-1)(_units(point.detach()))
        for i, (each, output) in enumerate(zip(found, outputs, strict=True)):
            table[i].append(each.reshape(*output.shape, *point.shape))
    return table


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one element: for each pair of inputs, the sizes of both.

    A tensor for one input, else a tuple of tuples. ``vectorize`` and ``outer_jacobian_strategy``
    are those of the outer ``jacobian``.
    """
    _check_strategy("hessian", outer_jacobian_strategy, vectorize, strict)

    def first(*points: Tensor) -> Any:
        output = _scalar("hessian", func, points, strict)
        seeds = [ones_like(output.detach())]
        return tuple(_slopes("hessian", [output], points, seeds, True, strict))

    several = isinstance(inputs, (tuple, list))
    found = jacobian(
        first,
        inputs if several else (inputs,),  # type: ignore[arg-type]
        create_graph,
        strict,
        vectorize,
        outer_jacobian_strategy,
    )
    return found if several else found[0][0]
