"""Random tensors. ``generator``: where the numbers come from, else the default generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import (
    DEFAULT,
    as_dtype,
    check_device,
    dtype as dtype_class,
    fail,
    float64,
    int64,
    kernel_number,
    lib,
)
from ..checks import count
from ..random import Generator, handle
from ..tensor import Tensor, wrap
from .comparison import lt
from .creation import empty, empty_like, named_size, size_of
from .declare import (
    MISTAKES,
    composite,
    explain,
    inplace,
    method,
    quick_method,
    root,
    root_face,
)
from .host import check, host, refuse
from .shape import to

UNIFORM, NORMAL, EXPONENTIAL, BERNOULLI = map(
    kernel_number, ("uniform", "normal", "exponential", "bernoulli")
)


def drawn(
    kernel: int, shape: Any, kind: dtype_class, generator: Any, p: float, q: float = 0.0
) -> Tensor:
    """A new tensor that a random kernel has filled."""
    return _filled(kernel, kind.number, len(shape), shape, generator, p, q)


def _filled(
    kernel: int, number: int, ndim: int, shape: Any, generator: Any, p: float, q: float
) -> Tensor:
    return wrap(lib.tk_drawn(kernel, number, ndim, shape, handle("random", generator), p, q))


def _made(
    function: Any, kernel: int, size: Any, generator: Any, kind: Any, device: Any,
    requires_grad: bool,
) -> Tensor:  # fmt: skip
    """What ``rand`` and ``randn`` do; it explains their mistakes."""
    name = function.__name__
    try:
        if device is not None:
            check_device(name, device)
        number = DEFAULT[0].number if kind is None else as_dtype(name, kind).number
        sizes = size_of(name, size)
        t = _filled(kernel, number, len(sizes), sizes, generator, 0.0, 1.0)
    except MISTAKES as error:
        given = {"dtype": kind, "generator": generator, "requires_grad": requires_grad}
        return explain(function, error, size, given, function)
    return t.requires_grad_() if requires_grad else t


def _made_like(
    name: str, kernel: int, input: Tensor, p: float, q: float, kind: Any, device: Any,
    requires_grad: bool,
) -> Tensor:  # fmt: skip
    if device is not None:
        check_device(name, device)
    h = input._h
    number = h.dtype if kind is None else as_dtype(name, kind).number
    t = _filled(kernel, number, h.ndim, h.shape, None, p, q)
    return t.requires_grad_() if requires_grad else t


@root_face
def rand(
    *sizes_: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform random numbers of [0, 1)."""
    size = sizes_ if size is None else named_size("rand", sizes_, size)
    return _made(rand, UNIFORM, size, generator, dtype, device, requires_grad)


@root_face
def randn(
    *sizes_: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers of mean 0 and standard deviation 1."""
    size = sizes_ if size is None else named_size("randn", sizes_, size)
    return _made(randn, NORMAL, size, generator, dtype, device, requires_grad)


@root
def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers of [low, high); ``randint(high, size)`` starts at 0. int64 unless told."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"randint: size must be a sequence of ints; got {size!r}")
    if device is not None:
        check_device("randint", device)
    kind = int64 if dtype is None else as_dtype("randint", dtype)
    size = size_of("randint", size)
    t = wrap(lib.tk_empty(kind.number, len(size), size))
    _fill_integers("randint", t, low, high, generator)
    return t.requires_grad_() if requires_grad else t


def _fill_integers(name: str, t: Tensor, low: Any, high: Any, generator: Any) -> None:
    if not type(low) is type(high) is int:
        for each in (low, high):
            if isinstance(each, bool) or not hasattr(each, "__index__"):
                raise TypeError(f"{name}: low and high must be ints; got {low!r} and {high!r}")
        low, high = low.__index__(), high.__index__()
    if not -(2**63) <= low < 2**63 or not -(2**63) <= high < 2**63:
        raise ValueError(f"{name}: low and high must fit int64; got {low} and {high}")
    if lib.tk_randint(t._h, handle(name, generator), low, high):
        fail()


@root
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The integers 0 .. n-1 in random order."""
    if device is not None:
        check_device("randperm", device)
    n = count("randperm", "n", n)
    t = empty(n, dtype=int64 if dtype is None else as_dtype("randperm", dtype))
    if lib.tk_randperm(t._h, handle("randperm", generator)):
        fail()
    return t.requires_grad_() if requires_grad else t


@root
def rand_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform random numbers of [0, 1), of another tensor's shape and dtype."""
    return _made_like("rand_like", UNIFORM, input, 0.0, 1.0, dtype, device, requires_grad)


@root
def randn_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Normal random numbers, as ``randn``, of another tensor's shape and dtype."""
    return _made_like("randn_like", NORMAL, input, 0.0, 1.0, dtype, device, requires_grad)


@root
def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers of [low, high), or [0, low), of another tensor's shape and dtype."""
    if high is None:
        low, high = 0, low
    kind = as_dtype("randint_like", dtype, input.dtype)
    size = tuple(input.shape)
    return randint(low, high, size, dtype=kind, device=device, requires_grad=requires_grad)


@root
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers; mean and std are numbers (with a size) or tensors, which broadcast.

    The keywords from ``dtype`` on are for those with a size.
    """
    if size is not None:
        check_device("normal", device)
        kind = as_dtype("normal", dtype)
        t = drawn(NORMAL, size_of("normal", size), kind, generator, mean, std)
        return t.requires_grad_(requires_grad)
    if dtype is not None or device is not None or requires_grad:
        raise TypeError("normal: dtype, device and requires_grad need a size")
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    if not tensors:
        raise TypeError("normal: a size is needed where mean and std are numbers")
    if isinstance(std, Tensor):
        refuse(std < 0, "normal: std must not be negative")
    like = sum(tensors[1:], tensors[0])
    noise = drawn(NORMAL, like.shape, like.dtype, generator, 0.0, 1.0)
    return noise * std + mean


@composite
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """1 with the probability that the input gives, or ``p`` everywhere, else 0, elementwise."""
    if p is not None:
        return _redraw("bernoulli", empty_like(input), BERNOULLI, p, 0.0, generator)
    if not input.dtype.is_floating_point:
        raise TypeError(f"bernoulli: the probabilities must be floating; got {input.dtype.name}")
    input = input.detach()
    inside = (input >= 0) & (input <= 1)
    refuse(~inside, "bernoulli: the probabilities must be between 0 and 1")
    return to(lt(drawn(UNIFORM, input.shape, input.dtype, generator, 0.0, 1.0), input), input.dtype)


@composite
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn with the probabilities that the rows of the input are proportional to.

    Input [n] or [m, n], of weights; result [num_samples] or [m, num_samples], int64. Without
    replacement no index comes twice: the smallest of exponential numbers divided by the weights
    (Efraimidis and Spirakis, 2006).
    """
    if input.ndim not in (1, 2) or not input.dtype.is_floating_point:
        raise ValueError(
            "multinomial: expected floating weights [n] or [m, n]; got "
            f"{input.dtype.name} {tuple(input.shape)}"
        )
    input = input.detach()
    lead, n = tuple(input.shape[:-1]), input.shape[-1]

    def verify(given: np.ndarray) -> None:
        weights = given.astype(np.float64)
        if not (np.isfinite(weights) & (weights >= 0)).all() or (weights.sum(-1) <= 0).any():
            raise ValueError("multinomial: weights must be finite, not negative, and not all zero")
        possible = int((weights > 0).sum(-1).min()) if weights.size else 0
        if num_samples < 1 or (not replacement and num_samples > possible):
            raise ValueError(
                f"multinomial: cannot draw {num_samples} of {possible} "
                f"{'with' if replacement else 'without'} replacement"
            )

    def repeated(given: np.ndarray, picks: np.ndarray) -> np.ndarray:
        rows = given.astype(np.float64).reshape(-1, n)
        edges = np.cumsum(rows, -1)
        pairs = zip(edges, picks.reshape(len(rows), -1) * edges[:, -1:], strict=True)
        found = np.array([np.searchsorted(*pair, "right") for pair in pairs])
        last = [[np.flatnonzero(row)[-1]] for row in rows]  # where rounding leads past the end
        return np.minimum(found, last).reshape(picks.shape)

    def different(given: np.ndarray, waits: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            order = np.argsort(waits / given, -1, kind="stable")
        return order[..., :num_samples]

    check(verify, input)
    if replacement:
        picks = drawn(UNIFORM, (*lead, num_samples), float64, generator, 0.0, 1.0)
        return wrap(host(repeated, input, picks, kind=int64))
    waits = drawn(EXPONENTIAL, (*lead, n), float64, generator, 1.0)
    return wrap(host(different, input, waits, kind=int64))


# -- in place -------------------------------------------------------------------------------------


_refill, _grad_mode = lib.tk_refill, lib.tk_grad_mode


def _redrawn(kernel: int, *defaults: float) -> Callable[..., int]:
    """What ``quick`` takes: everything drawn anew, by one parameter or two."""
    first, second = (*defaults, 0.0)[:2]

    def by_two(self: Tensor, p: float = first, q: float = second, *, generator: Any = None) -> int:
        if self._node is None or not _grad_mode():
            return _refill(kernel, self._h, handle("random", generator), p, q)
        return 0

    def by_one(self: Tensor, p: float = first, *, generator: Any = None) -> int:
        return by_two(self, p, generator=generator)

    return by_two if len(defaults) == 2 else by_one


def _redraw(name: str, self: Tensor, kernel: int, p: float, q: float, generator: Any) -> Tensor:
    source = handle(name, generator)
    return inplace(
        name,
        self,
        (),
        lambda: lib.tk_random(kernel, self._h, source, p, q),
        lambda: drawn(kernel, self.shape, self.dtype, generator, p, q),
    )


@quick_method(_redrawn(UNIFORM, 0.0, 1.0))
def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Uniform random numbers of [from, to) everywhere; in place."""
    return _redraw("uniform_", self, UNIFORM, from_, to, generator)


@quick_method(_redrawn(NORMAL, 0.0, 1.0))
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Normal random numbers everywhere; in place."""
    return _redraw("normal_", self, NORMAL, mean, std, generator)


@quick_method(_redrawn(EXPONENTIAL, 1.0))
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Exponential random numbers of a rate everywhere; in place."""
    return _redraw("exponential_", self, EXPONENTIAL, lambd, 0.0, generator)


@quick_method(_redrawn(BERNOULLI, 0.5))
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """1 with a probability, a number or a tensor of them, else 0, everywhere; in place."""
    if isinstance(p, Tensor):
        return self.copy_(bernoulli(p.expand(self.shape), generator=generator))
    return _redraw("bernoulli_", self, BERNOULLI, p, 0.0, generator)


@method
def random_(
    self: Tensor, from_: int = 0, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Random integers of [from, to), or [0, from), everywhere; in place.

    Without bounds: all that the dtype holds exactly, from 0 on.
    """
    if to is None:
        to = from_ or LARGEST[self.dtype.name]
        from_ = 0
    t = empty(self.shape, dtype=self.dtype)
    _fill_integers("random_", t, from_, to, generator)
    return self.copy_(t)


LARGEST = {
    "float32": 2**24,
    "float64": 2**53,
    "int64": 2**63 - 1,
    "int32": 2**31 - 1,
    "uint8": 256,
    "bool": 2,
}
