"""``grad``, ``vjp``, ``jvp`` and Jacobians of functions, which nest, also with ``vmap``.

Backward works on ordinary tensors: under vmap the inputs get a copy for every example, and since no
example's result depends on another's input, one backward of all of them together gives each its own
gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import trees
from ..autograd import enable_grad, engine, is_grad_enabled
from ..autograd.node import Leaf
from ..ops.creation import ones_like, zeros_like
from ..ops.ranges import eye
from ..ops.shape import _expand, _view
from ..ops.strides import movedim
from ..tensor import Tensor
from .batched import Batched, Level, running, wrapped
from .vmap import vmap

Argnums = int | tuple[int, ...]


# -- through the levels of vmap -------------------------------------------------------------------


def _bottom(t: Tensor, levels: Sequence[Level]) -> Tensor:
    """The tensor with the examples of these levels as its first dimensions; an inner vmap's batch,
    if it is one, stays around it."""
    if not levels:
        return t
    if isinstance(t, Batched) and t._level not in levels:
        return wrapped(movedim(_bottom(t._value, levels), len(levels), 0), t._level)
    *outer, level = levels
    if isinstance(t, Batched) and t._level is level:
        return _bottom(t._value, outer)
    return _bottom(_expand(t, (level.size, *t.shape)), outer)


def _lifted(t: Tensor, levels: Sequence[Level]) -> Tensor:
    """The other way: the first dimensions become examples of the levels again."""
    if not levels:
        return t
    if isinstance(t, Batched) and t._level not in levels:
        return wrapped(_lifted(movedim(t._value, 0, len(levels)), levels), t._level)
    for level in levels:  # the outermost vmap's examples come first, and its batch stands innermost
        t = wrapped(t, level)
    return t


class _Inputs:
    """Tensors to differentiate by: the leaves of trees, in a graph of their own."""

    def __init__(self, name: str, given: Any) -> None:
        self.levels = list(running.stack)
        self.sources = list(trees.leaves(given))
        for each in self.sources:
            if not isinstance(each, Tensor):
                raise TypeError(f"{name}: expected tensors; got {type(each).__name__}")
            if not each.dtype.is_floating_point:
                raise TypeError(f"{name}: expected floating tensors; got {each.dtype.name}")
        self.bottoms = [_fresh(_bottom(each, self.levels)) for each in self.sources]
        lifted = iter([_lifted(each, self.levels) for each in self.bottoms])
        self.trees = trees.rebuild(given, lifted)

    @property
    def nodes(self) -> list[Any]:
        return [each._node for each in self.bottoms]

    def leads_out(self, outputs: Iterable[Tensor]) -> bool:
        """Whether the outputs depend on something in a graph besides these inputs."""
        own = {node for node in self.nodes if isinstance(node, Leaf)}
        stack: list[Any] = [each._node for each in outputs if each._node is not None]
        seen: set[Any] = set(stack)
        while stack:
            node = stack.pop()
            if isinstance(node, Leaf):
                if node not in own:
                    return True
                continue
            for parent in node.inputs:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return False

    def gradients(
        self, outputs: list[Tensor], cotangents: list[Tensor], create_graph: bool
    ) -> list[Tensor]:
        """The gradients of bottoms by bottoms, as tensors of the levels; zeros where there is
        none."""
        roots = [
            (output._node, cotangent)
            for output, cotangent in zip(outputs, cotangents, strict=True)
            if output._node is not None
        ]
        found = engine.run(roots, retain_graph=True, create_graph=create_graph, wanted=self.nodes)
        results = []
        for bottom in self.bottoms:
            gradient = found.get(bottom._node)
            if gradient is None:
                gradient = zeros_like(bottom.detach())
            results.append(_lifted(gradient, self.levels))
        return results


def released(value: Any, create_graph: bool) -> Any:
    """Results as the outside sees them: in the graph or not."""
    if create_graph:
        return value
    return trees.map_leaves(lambda each: each.detach() if isinstance(each, Tensor) else each, value)


def _fresh(t: Tensor) -> Tensor:
    """The same values as something to differentiate by, still in the graph if it is in one."""
    if t._node is None:
        return t.detach().requires_grad_()
    return _view(t, tuple(t.shape))


def _outputs(name: str, value: Any) -> list[Tensor]:
    results = list(trees.leaves(value))
    for each in results:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}: the function must return tensors; got {type(each).__name__}")
    return results


def _split_aux(name: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}: with has_aux the function returns (output, aux)")
    return result


def _chosen(name: str, argnums: Argnums, args: tuple[Any, ...]) -> tuple[int, ...]:
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for each in numbers:
        if isinstance(each, bool) or not isinstance(each, int):
            raise TypeError(f"{name}: argnums is an int or a tuple of ints; got {argnums!r}")
        if not -len(args) <= each < len(args):
            raise ValueError(f"{name}: argnums {each} is out of range for {len(args)} arguments")
    numbers = tuple(each % len(args) for each in numbers)
    if len(set(numbers)) < len(numbers) or not numbers:
        raise ValueError(f"{name}: argnums must name different arguments; got {argnums!r}")
    return numbers


def _with(args: tuple[Any, ...], numbers: tuple[int, ...], values: Sequence[Any]) -> list[Any]:
    changed = list(args)
    for i, value in zip(numbers, values, strict=True):
        changed[i] = value
    return changed


# -- reverse mode ---------------------------------------------------------------------------------


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, whose result is a scalar, and that result.

    The gradient is by the arguments ``argnums``, which may be trees of floating tensors; a tuple
    gives a tuple. With ``has_aux`` the function returns (output, aux), and this (gradient, (output,
    aux)).
    """

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen("grad", argnums, args)
        outer = is_grad_enabled()
        with enable_grad():
            inputs = _Inputs("grad", tuple(args[i] for i in numbers))
            result = func(*_with(args, numbers, inputs.trees), **kwargs)
            output, aux = _split_aux("grad", result, has_aux)
            if not isinstance(output, Tensor):
                raise TypeError(
                    f"grad: the function must return a tensor; got {type(output).__name__}"
                )
            if output.ndim or not output.dtype.is_floating_point:
                raise RuntimeError(
                    "grad: the function must return a floating scalar; got "
                    f"{output.dtype.name} of {tuple(output.shape)}"
                )
            create = outer and inputs.leads_out(_outputs("grad", [output]))
            bottom = _bottom(output, inputs.levels)
            seed = ones_like(bottom.detach())
            found = inputs.gradients([bottom], [seed], create)
        gradients = trees.rebuild(inputs.trees, iter(found))
        gradients = released(gradients, create)
        output, aux = released((output, aux), create)
        gradient = gradients if isinstance(argnums, tuple) else gradients[0]
        return gradient, ((output, aux) if has_aux else output)

    return differentiated


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, whose result is a scalar.

    See ``grad_and_value``. With ``has_aux`` it gives (gradient, aux).
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return differentiated


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)``, and the function from a cotangent of it to those of the primals.

    The cotangent has the output's form; the function gives a tuple, or for one primal its
    cotangent alone. It can be called any number of times. With ``has_aux`` ``func`` returns
    (output, aux), and aux comes third.
    """
    outer = is_grad_enabled()
    with enable_grad():
        inputs = _Inputs("vjp", primals)
        output, aux = _split_aux("vjp", func(*inputs.trees), has_aux)
        outputs = _outputs("vjp", output)
    leads_out = outer and inputs.leads_out(outputs)
    bottoms = [_bottom(each, inputs.levels) for each in outputs]

    def pull(cotangent: Any) -> Any:
        """The cotangents of the primals."""
        given = _outputs("vjp", cotangent)
        if len(given) != len(outputs):
            raise ValueError(f"vjp: {len(outputs)} outputs but {len(given)} cotangents")
        for one, other in zip(given, outputs, strict=True):
            if one.shape != other.shape:
                raise ValueError(
                    "vjp: a cotangent has its output's shape; got "
                    f"{tuple(one.shape)} for {tuple(other.shape)}"
                )
        create = is_grad_enabled() and (leads_out or any(each._node is not None for each in given))
        seeds = [_bottom(each, inputs.levels) for each in given]
        with enable_grad():
            found = inputs.gradients(bottoms, seeds, create)
        results = released(trees.rebuild(inputs.trees, iter(found)), create)
        return results if len(primals) != 1 else results[0]

    results = released((output, aux), leads_out)
    return (results[0], pull, results[1]) if has_aux else (results[0], pull)


# -- forward mode ---------------------------------------------------------------------------------


def _check_tangents(name: str, sources: list[Any], directions: list[Any]) -> None:
    if len(directions) != len(sources):
        raise ValueError(f"{name}: {len(sources)} primals but {len(directions)} tangents")
    for one, other in zip(directions, sources, strict=True):
        if isinstance(one, Tensor) and isinstance(other, Tensor) and one.shape != other.shape:
            raise ValueError(
                f"{name}: a tangent has its primal's shape; got "
                f"{tuple(one.shape)} for {tuple(other.shape)}"
            )


class _Pushing:
    """A function's run at a point, from which slopes in any direction follow.

    The vjp is linear in its cotangent u, and the derivative of <vjp(u), t> by u is the jvp.
    """

    def __init__(self, name: str, func: Any, primals: Any, has_aux: bool, outer: bool) -> None:
        self.inputs = _Inputs(name, tuple(primals))
        self.output, self.aux = _split_aux(name, func(*self.inputs.trees), has_aux)
        outputs = _outputs(name, self.output)
        self.leads_out = outer and self.inputs.leads_out(outputs)
        bottoms = [_bottom(each, self.inputs.levels) for each in outputs]
        self.duals = [zeros_like(each.detach()).requires_grad_() for each in bottoms]
        found = self.inputs.gradients(bottoms, self.duals, True)
        self.rows = [_bottom(each, self.inputs.levels) for each in found]

    def along(self, directions: list[Any], create: bool, again: bool) -> Any:
        """The slopes of the outputs; ``again`` where others will be asked for."""
        levels = self.inputs.levels
        roots = [
            (row._node, _bottom(each, levels))
            for row, each in zip(self.rows, directions, strict=True)
            if row._node is not None
        ]
        wanted = [each._node for each in self.duals]
        reached = engine.run(
            roots, retain_graph=create or again, create_graph=create, wanted=wanted
        )
        slopes = []
        for dual in self.duals:
            slope = reached.get(dual._node)
            slope = zeros_like(dual.detach()) if slope is None else slope
            slopes.append(_lifted(slope, levels))
        return trees.rebuild(self.output, iter(slopes))


def jvp(
    func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *,
    has_aux: bool = False,
) -> Any:  # fmt: skip
    """``func(*primals)``, and its derivative in the direction of the tangents.

    By reverse mode twice, so every op that is twice differentiable has one. With ``has_aux``
    ``func`` returns (output, aux), and aux comes third.
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError("jvp: primals and tangents are tuples")
    directions = list(trees.leaves(tangents))
    _check_tangents("jvp", list(trees.leaves(primals)), directions)
    outer = is_grad_enabled()
    with enable_grad():
        run = _Pushing("jvp", func, primals, has_aux, outer)
        create = run.leads_out or (outer and any(each._node is not None for each in directions))
        tangent = run.along(directions, create, False)
    output, tangent, aux = released((run.output, tangent, run.aux), create)
    return (output, tangent, aux) if has_aux else (output, tangent)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``func(*primals)``, and the function from tangents of the primals to those of the output.

    What it needs is computed once, here; it can be called any number of times.
    """
    outer = is_grad_enabled()
    with enable_grad():
        run = _Pushing("linearize", func, primals, False, outer)
    sources = list(trees.leaves(primals))

    def push(*tangents: Any) -> Any:
        """The tangent of the output."""
        directions = _outputs("linearize", tangents)
        _check_tangents("linearize", sources, directions)
        create = is_grad_enabled() and (
            run.leads_out or any(each._node is not None for each in directions)
        )
        with enable_grad():
            tangent = run.along(directions, create, True)
        return released(tangent, create)

    return released(run.output, run.leads_out), push


# -- Jacobians ------------------------------------------------------------------------------------


def _basis(sources: list[Tensor]) -> list[Tensor]:
    """For each tensor (total, *shape): the unit vectors of all of them laid end to end."""
    sizes = [each.numel() for each in sources]
    total = sum(sizes)
    blocks = []
    start = 0
    for each, size in zip(sources, sizes, strict=True):
        unit = eye(total, dtype=each.dtype).narrow(1, start, size)
        blocks.append(unit.reshape(total, *each.shape))
        start += size
    return blocks


def _split(rows: Tensor, sources: list[Tensor], dim: int) -> list[Tensor]:
    """A dimension of the rows of ``_basis`` as the dimensions of each of the tensors."""
    dim %= rows.ndim
    parts = []
    start = 0
    for each in sources:
        part = rows.narrow(dim, start, each.numel())
        parts.append(part.reshape(*rows.shape[:dim], *each.shape, *rows.shape[dim + 1 :]))
        start += each.numel()
    return parts


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that gives the Jacobian of ``func``, a row an element of the output.

    For each output, in the output's form, the Jacobian by each argument of ``argnums``, in its
    form, of the output's sizes followed by the input's. ``chunk_size`` rows are found at a time.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen("jacrev", argnums, args)

        def of_chosen(*values: Any) -> Any:
            return func(*_with(args, numbers, values), **kwargs)

        chosen = tuple(args[i] for i in numbers)
        output, pull, *aux = vjp(of_chosen, *chosen, has_aux=has_aux)
        outputs = _outputs("jacrev", output)

        def rows(*cotangents: Tensor) -> Any:
            pulled = pull(trees.rebuild(output, iter(cotangents)))
            return tuple(trees.leaves(pulled))

        found = vmap(rows, chunk_size=chunk_size)(*_basis(outputs))
        columns = [_split(each, outputs, 0) for each in found]
        form = chosen if isinstance(argnums, tuple) else chosen[0]
        result = trees.rebuild(
            output,
            iter(
                [
                    trees.rebuild(form, iter([column[i] for column in columns]))
                    for i in range(len(outputs))
                ]
            ),
        )
        return (result, aux[0]) if has_aux else result

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable[..., Any]:
    """As ``jacrev``, found by columns: one ``jvp`` an element of the inputs."""

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen("jacfwd", argnums, args)

        def of_chosen(*values: Any) -> Any:
            return func(*_with(args, numbers, values), **kwargs)

        chosen = tuple(args[i] for i in numbers)
        sources = _outputs("jacfwd", chosen)
        kept: list[Any] = []

        def column(*directions: Tensor) -> Any:
            tangents = trees.rebuild(chosen, iter(directions))
            output, tangent, *aux = jvp(of_chosen, chosen, tangents, has_aux=has_aux)
            kept[:] = [output]
            return (tangent, *aux)

        dims = (-1, 0) if has_aux else (-1,)
        found, *aux = vmap(column, out_dims=dims, randomness=randomness, chunk_size=chunk_size)(
            *_basis(sources)
        )
        form = chosen if isinstance(argnums, tuple) else chosen[0]
        result = trees.map_leaves(
            lambda each: trees.rebuild(form, iter(_split(each, sources, -1))), found
        )
        return (result, trees.map_leaves(lambda each: each[0], aux[0])) if has_aux else result

    return jacobian


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives the Hessian: ``jacfwd(jacrev(func))``."""
    return jacfwd(jacrev(func, argnums), argnums)
