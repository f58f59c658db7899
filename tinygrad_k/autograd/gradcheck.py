"""Derivatives against differences, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import float64, lib
from ..tensor import Tensor, from_numpy, wrap
from .api import grad


class GradcheckError(RuntimeError):
    """An analytic derivative differs from the numeric one."""


def _outputs(fn: Callable[..., Any], inputs: Sequence[Any]) -> list[Tensor]:
    results = fn(*inputs)
    items = [results] if isinstance(results, Tensor) else list(results)
    return [each for each in items if isinstance(each, Tensor) and each.dtype.is_floating_point]


def _numeric(
    fn: Callable[..., Any], inputs: Sequence[Any], which: int, output: int, eps: float
) -> np.ndarray:
    """The Jacobian by central differences, as (input elements, output elements)."""
    source = np.array(inputs[which].detach().numpy(), dtype=np.float64)
    rows = []
    for position in range(source.size):
        sides = []
        for step in (eps, -eps):
            moved = source.copy()
            moved.reshape(-1)[position] += step
            # The function must see a tensor that wants a gradient, or it may take another path.
            trial = from_numpy(moved).requires_grad_()
            arguments = [trial if i == which else each for i, each in enumerate(inputs)]
            result = _outputs(fn, arguments)[output].detach().numpy()
            sides.append(np.array(result, dtype=np.float64).reshape(-1))
        rows.append((sides[0] - sides[1]) / (2 * eps))
    size = _outputs(fn, inputs)[output].numel()
    return np.array(rows).reshape(source.size, size)


def _analytic(fn: Callable[..., Any], inputs: Sequence[Any], output: int) -> list[np.ndarray]:
    """The Jacobians of one output by backward, one for each input that wants a gradient."""
    wanted = [each for each in inputs if isinstance(each, Tensor) and each.requires_grad]
    result = _outputs(fn, inputs)[output]
    columns: list[list[np.ndarray]] = [[] for _ in wanted]
    for position in range(result.numel()):
        seed = np.zeros(tuple(result.shape))
        seed.reshape(-1)[position] = 1.0
        if not result.requires_grad:
            found: Sequence[Tensor | None] = [None] * len(wanted)
        else:
            found = grad(result, wanted, from_numpy(seed), retain_graph=True, allow_unused=True)
        for column, source, gradient in zip(columns, wanted, found, strict=True):
            value = np.zeros(source.numel()) if gradient is None else _flat(gradient, source)
            column.append(value)
    return [
        np.array(column).reshape(result.numel(), source.numel()).T
        for column, source in zip(columns, wanted, strict=True)
    ]


def _flat(gradient: Tensor, source: Tensor) -> np.ndarray:
    if gradient.shape != source.shape or gradient.dtype is not source.dtype:
        raise GradcheckError(
            f"gradcheck: a gradient of {gradient.dtype.name} {tuple(gradient.shape)} for an input "
            f"of {source.dtype.name} {tuple(source.shape)}"
        )
    return np.array(gradient.detach().numpy()).reshape(-1)


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether backward agrees with central differences for every input that requires grad.

    ``func`` takes ``inputs`` and returns a tensor or several. The inputs must be float64, since
    differences in float32 show nothing. A disagreement raises GradcheckError, which names output,
    input, element and both values, or gives False without ``raise_exception``.
    """
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [
        i for i, each in enumerate(arguments) if isinstance(each, Tensor) and each.requires_grad
    ]
    if not wanted:
        raise ValueError("gradcheck: no input requires grad")
    for i in wanted:
        if arguments[i].dtype is not float64:
            raise ValueError(f"gradcheck: input {i} must be float64; got {arguments[i].dtype.name}")
    try:
        for output in range(len(_outputs(func, arguments))):
            analytic = _analytic(func, arguments, output)
            for i, found in zip(wanted, analytic, strict=True):
                _compare(output, i, found, _numeric(func, arguments, i, output, eps), atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(
    output: int, i: int, analytic: np.ndarray, numeric: np.ndarray, atol: float, rtol: float
) -> None:
    close = np.isclose(analytic, numeric, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return
    where = tuple(int(n) for n in np.argwhere(~close)[0])
    raise GradcheckError(
        f"gradcheck: d output {output}[{where[1]}] / d input {i}[{where[0]}] is "
        f"{analytic[where]:.9g} by backward and {numeric[where]:.9g} by differences "
        f"({int((~close).sum())} of {close.size} elements differ)"
    )


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Sequence[Tensor] | None = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """``gradcheck`` of the gradient: of the function of inputs and output gradients that backward
    computes. ``grad_outputs`` are drawn from a fixed seed where they are not given."""
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [
        i for i, each in enumerate(arguments) if isinstance(each, Tensor) and each.requires_grad
    ]
    outputs = [each for each in _outputs(func, arguments) if each.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = [
            from_numpy(np.asarray(rng.standard_normal(tuple(each.shape)))).requires_grad_()
            for each in outputs
        ]

    def gradient(*values: Any) -> tuple[Tensor, ...]:
        sources, seeds = values[: len(arguments)], values[len(arguments) :]
        results = [each for each in _outputs(func, sources) if each.requires_grad]
        found = grad(
            results, [sources[i] for i in wanted], seeds, create_graph=True, allow_unused=True
        )
        return tuple(
            _zeros(sources[i]) if each is None else each
            for i, each in zip(wanted, found, strict=True)
        )

    return gradcheck(gradient, [*arguments, *grad_outputs], eps, atol, rtol, raise_exception)


def _zeros(like: Tensor) -> Tensor:
    return wrap(lib.tk_full_float(like._h.dtype, like.ndim, like.shape, 0.0))
