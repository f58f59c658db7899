"""Reductions and softmax of lines of any length: where what decides stands does not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tinygrad_k as tk

LENGTHS = (1, 7, 16, 65, 300, 2100, 17_000)
every_dtype = pytest.mark.parametrize("kind", tk.backend.DTYPES, ids=lambda each: each.name)


def places(length: int) -> set[int]:
    return {0, length // 3, length // 2, length - 1}


@every_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_one_element_decides(kind: tk.dtype, length: int) -> None:
    for rest in (0, 1):
        for at in places(length):
            x = np.full((3, length), rest, kind.numpy)
            x[1, at] = 1 - rest
            t = tk.from_numpy(x)
            for one in (t, t.t().contiguous().t(), t[:, ::2]):
                y = one.numpy()
                for name, reference in (("any", np.any), ("all", np.all)):
                    assert np.array_equal(getattr(one, name)(1).numpy(), reference(y, 1))
                    assert getattr(one, name)().item() == reference(y)
                assert np.array_equal(one.count_nonzero(1).numpy(), np.count_nonzero(y, 1))
                assert one.count_nonzero().item() == np.count_nonzero(y)


@every_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_first_extreme_of_equal_ones(kind: tk.dtype, length: int) -> None:
    for at in places(length):
        x = np.zeros((2, length), kind.numpy)
        x[1, at:] = 1
        assert np.array_equal(tk.from_numpy(x).argmax(1).numpy(), [0, at])
        assert np.array_equal(tk.from_numpy(1 - x).argmin(1).numpy(), [0, at])
        if kind.is_floating_point:
            x[1, at] = np.nan
            assert np.array_equal(tk.from_numpy(x).argmax(1).numpy(), [0, at])
            assert np.array_equal(tk.from_numpy(x).argmin(1).numpy(), [0, at])


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "shape",
    [(5, 3), (17, 40), (1100, 19), (30, 1100), (2, 520, 9), (5000, 3), (300, 64), (3, 200, 50)],
    ids=str,
)
def test_softmax_across_equals_softmax_along(kind: tk.dtype, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 30).astype(kind.numpy)
    x[..., 3, 0] = np.inf
    x[..., 4, 1] = -np.inf
    x[..., :, 2] = -np.inf
    x[..., 2, -1] = np.nan if shape[-1] > 3 else 0
    g = tk.from_numpy(rng.standard_normal(shape).astype(kind.numpy))
    t = tk.from_numpy(x)
    for name in ("softmax", "log_softmax"):
        results = []
        for one, dim in ((t, -2), (t.swapaxes(-1, -2).contiguous(), -1)):
            leaf = one.clone().requires_grad_()
            y = getattr(leaf, name)(dim)
            y.backward(g if dim == -2 else g.swapaxes(-1, -2).contiguous())
            pair = (y.detach(), leaf.grad)
            results.append([a if dim == -2 else a.swapaxes(-1, -2) for a in pair])
        for across, along in zip(*results, strict=True):
            close = 1e-5 if kind is tk.float32 else 1e-13
            assert np.allclose(
                across.numpy(), along.numpy(), rtol=close, atol=close, equal_nan=True
            )


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [(9000, 2), (9001, 7), (2, 700, 3), (40, 12, 50)], ids=str)
def test_softmax_across_for_any_threads(
    kind: tk.dtype, shape: tuple[int, ...], isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    rng = np.random.default_rng(0)
    x, g = (tk.from_numpy(each.astype(kind.numpy)) for each in rng.standard_normal((2, *shape)))
    for name in ("softmax", "log_softmax"):
        bits = set()
        for _ in in_turn():
            leaf = x.clone().requires_grad_()
            y = getattr(leaf, name)(-2)
            bits.add(
                y.detach().numpy().tobytes() + tk.autograd.grad(y, leaf, g)[0].numpy().tobytes()
            )
        assert len(bits) == 1


@every_dtype
@pytest.mark.parametrize("at", ((9000, 30_000), (100, 12_345), (33_333, 33_334)))
def test_extremes_in_several_chunks(
    kind: tk.dtype, at: tuple[int, int], isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    """The first of equal ones counts, and the first NaN; later chunks may hold lesser ones."""
    x = np.random.default_rng(0).integers(0, 2, 70_001).astype(kind.numpy)
    if kind is not tk.bool:
        x[list(at)] = 7
    for value in (None, np.nan):
        if value is not None and kind.is_floating_point:
            x[[at[1] + 5, 60_000]] = value
        t = tk.from_numpy(x)
        for _ in in_turn():
            assert t.argmax().item() == x.argmax()
            assert (-t if kind.is_floating_point else ~t).argmin().item() == x.argmax()
            rows = t[:70_000].reshape(2, 35_000)
            assert np.array_equal(rows.argmax(1).numpy(), rows.numpy().argmax(1))


@every_dtype
@pytest.mark.parametrize("columns", (2, 3, 4, 5, 7, 40, 100, 200))
def test_positions_in_a_few_columns(kind: tk.dtype, columns: int, isa: str) -> None:
    x = np.random.default_rng(columns).integers(0, 2, (5000, columns)).astype(kind.numpy)
    if kind.is_floating_point:
        x[700, 0] = x[4900, 1] = np.nan
    t = tk.from_numpy(x)
    for one in (t, t[::2], t[7:9]):
        y = one.numpy()
        assert np.array_equal(one.argmax(0).numpy(), y.argmax(0))
        assert np.array_equal(one.argmin(0).numpy(), y.argmin(0))
        assert np.array_equal(one.max(0)[0].numpy(), y.max(0), equal_nan=kind.is_floating_point)


@every_dtype
def test_positions_in_many_rows(
    kind: tk.dtype, isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    """Rows of several chunks, which are looked at in turns."""
    x = np.random.default_rng(0).integers(0, 2, (270_001, 5)).astype(kind.numpy)
    x[:131_072, 0] = x[:200_000, 1] = x[:270_000, 2] = 0
    if kind.is_floating_point:
        x[131_071, 3] = x[270_000, 3] = x[270_000, 4] = np.nan
    t = tk.from_numpy(x)
    for _ in in_turn():
        assert np.array_equal(t.argmax(0).numpy(), x.argmax(0))
        assert np.array_equal(t.argmin(0).numpy(), x.argmin(0))
        assert np.array_equal(t.max(0)[0].numpy(), x.max(0), equal_nan=kind.is_floating_point)


@every_dtype
@pytest.mark.parametrize("columns", (1, 2, 7, 8, 9, 40))
@pytest.mark.parametrize("rows", (5, 33, 700))
def test_running_extremes(kind: tk.dtype, rows: int, columns: int, isa: str) -> None:
    x = np.random.default_rng(columns).integers(0, 200, (rows, columns)).astype(kind.numpy)
    if kind.is_floating_point:
        x[rows // 2, 0] = x[rows - 1, 0] = np.nan
    at = np.arange(rows)[:, None]
    for name, extreme in (("cummax", np.maximum), ("cummin", np.minimum)):
        values = extreme.accumulate(x, 0)
        met = (values == x) | (x != x)
        places = np.maximum.accumulate(np.where(met, at, 0), 0)
        for t, dim in ((tk.from_numpy(x), 0), (tk.from_numpy(x.T.copy()), 1)):
            found = getattr(t, name)(dim)
            for mine, theirs in zip(found, (values, places), strict=True):
                assert np.array_equal(
                    mine.numpy().T if dim else mine.numpy(),
                    theirs,
                    equal_nan=mine.is_floating_point(),
                )


@pytest.mark.parametrize("kind", [tk.float32, tk.float64, tk.int32], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "shape", [(8, 6, 15, 15), (3, 2, 4, 2), (2, 3, 70, 70), (40, 3, 1, 300), (5, 4, 9000)], ids=str
)
def test_rows_between_those_of_other_lines(
    kind: tk.dtype, shape: tuple[int, ...], isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(kind.numpy)
    t, dims = tk.from_numpy(x), (0, *range(2, len(shape)))
    for _ in in_turn():
        assert np.array_equal(t.sum(dims).numpy(), x.sum(dims))
        assert np.array_equal(t.amax(dims, keepdim=True).numpy(), x.max(dims, keepdims=True))
        assert np.array_equal(t[..., 1:].sum(dims).numpy(), x[..., 1:].sum(dims))
        assert np.array_equal((t > 0).count_nonzero(dims).numpy(), (x > 0).sum(dims))
        if kind.is_floating_point:
            assert np.allclose(t.var(dims, correction=0).numpy(), x.var(dims), rtol=1e-5)


@every_dtype
@pytest.mark.parametrize(
    "shape", [(2, 40_000, 2), (5, 1000, 10), (3, 33, 7), (2, 900, 48)], ids=str
)
def test_columns_of_short_rows(
    kind: tk.dtype, shape: tuple[int, ...], isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    x = np.random.default_rng(0).integers(0, 2, shape).astype(kind.numpy)
    x[:, ::3] = 1
    t = tk.from_numpy(x)
    bits: dict[str, bytes] = {}
    for _ in in_turn():
        assert np.array_equal(t.sum(1).numpy(), x.sum(1))
        assert np.array_equal(t.count_nonzero(1).numpy(), np.count_nonzero(x, 1))
        assert np.array_equal(t.all(1).numpy(), x.all(1))
        assert np.array_equal(t[:, 1:].amax(1).numpy(), x[:, 1:].max(1))
        assert np.array_equal(t[:, ::3].prod(1).numpy(), x[:, ::3].prod(1))
        if kind.is_floating_point:
            y = t + tk.arange(shape[2], dtype=kind)
            for name, exact in (
                ("logsumexp", np.log(np.exp(y.numpy().astype(np.float64)).sum(1))),
                ("var", y.numpy().astype(np.float64).var(1, ddof=1)),
                ("mean", y.numpy().astype(np.float64).mean(1)),
            ):
                found = getattr(y, name)(1).numpy()
                assert np.allclose(found, exact, rtol=1e-5)
                assert bits.setdefault(name, found.tobytes()) == found.tobytes()


DOWN: dict[str, Callable[[tk.Tensor], tk.Tensor]] = {
    "sum": lambda x: x.sum(0),
    "prod": lambda x: x.prod(0),
    "amax": lambda x: x.amax(0),
    "amin": lambda x: x.amin(0),
    "argmax": lambda x: x.argmax(0),
    "argmin": lambda x: x.argmin(0),
    "any": lambda x: x.any(0),
    "all": lambda x: x.all(0),
    "count_nonzero": lambda x: x.count_nonzero(0),
}
DOWN_FLOATS = {
    "mean": lambda x: x.mean(0),
    "var": lambda x: x.var(0),
    "norm": lambda x: x.norm(2, 0),
    "logsumexp": lambda x: x.logsumexp(0),
}


@every_dtype
@pytest.mark.parametrize(("shape", "part"), [((35, 130_000), 10_000), ((3001, 2400), 800)], ids=str)
def test_columns_do_not_depend_on_those_beside_them(
    kind: tk.dtype, shape: tuple[int, int], part: int, isa: str
) -> None:
    """Neither in wide rows nor in many, whether they come from memory or from the cache.

    Rows of fewer than 2048 bytes are folded, and have bits of their own.
    """
    x = tk.from_numpy(np.random.default_rng(0).integers(0, 3, shape).astype(kind.numpy))
    if kind.is_floating_point:
        x = x + tk.arange(shape[1], dtype=kind) / 1000
        x[7, 5] = np.nan
    for t in (x, x[:, ::3], x[1:, 1:]):
        for name, reduce in {**DOWN, **(DOWN_FLOATS if kind.is_floating_point else {})}.items():
            tk.set_num_threads(2)
            whole = reduce(t).numpy()
            tk.set_num_threads(1)
            parts = [reduce(each.clone()).numpy() for each in t.split(part, 1)]
            assert whole.tobytes() == np.concatenate(parts).tobytes(), (name, t.stride())


@every_dtype
@pytest.mark.parametrize("shape", [(3000, 3), (2, 700, 2), (900, 7), (4, 5, 8)], ids=str)
def test_running_sums_of_short_lines(
    kind: tk.dtype, shape: tuple[int, ...], isa: str, in_turn: Callable[[], Iterator[int]]
) -> None:
    x = np.random.default_rng(0).integers(0, 2, shape).astype(kind.numpy)
    t = tk.from_numpy(x)
    for _ in in_turn():
        for dim in range(x.ndim):
            assert np.array_equal(t.cumsum(dim).numpy(), x.cumsum(dim))
            assert np.array_equal(t[..., ::2].cumsum(dim).numpy(), x[..., ::2].cumsum(dim))
            if kind.is_floating_point:
                leaf = t.clone().requires_grad_()
                leaf.cumsum(dim).backward(t)
                backwards = np.flip(np.flip(x, dim).cumsum(dim), dim)
                assert np.array_equal(leaf.grad.numpy(), backwards)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "shape, dims",
    [
        *(((4, n), 1) for n in (2, 7, 31, 40, 100, 300, 9000)),
        *(((n, 3), 0) for n in (2, 7, 40, 700, 9001)),
        *(((n, 300), 0) for n in (3, 33, 1500)),
        ((8, 6, 15, 15), (0, 2, 3)),
        ((30, 4, 31), (0, 2)),
        ((50000,), 0),
    ],
    ids=str,
)
def test_variance_of_trends_and_steps(
    shape: tuple[int, ...],
    dims: int | tuple[int, ...],
    kind: tk.dtype,
    isa: str,
    in_turn: Callable[[], Iterator[int]],
) -> None:
    noise = np.random.default_rng(0).standard_normal(shape)
    at = np.arange(noise.size).reshape(shape) / noise.size
    bound = 1e-4 if kind is tk.float32 else 1e-12
    rows = (noise, at + 1e-3 * noise, (at > 0.01) + 1e-3 * noise, 1e3 + noise, 0 * noise + 0.1)
    for x in (each.astype(kind.numpy) for each in rows):
        exact = x.astype(np.float64).var(dims, ddof=1)
        for _ in in_turn():
            t = tk.from_numpy(x)
            assert np.allclose(t.var(dims).numpy(), exact, rtol=bound, atol=1e-24)
            strided = tk.from_numpy(np.repeat(x, 2, -1))[..., ::2]
            assert np.allclose(strided.var(dims).numpy(), exact, rtol=bound, atol=1e-24)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize("length", (2, 9, 33, 50, 100, 130, 300, 700))
def test_variance_of_a_row_is_its_own(kind: tk.dtype, length: int, isa: str) -> None:
    """Rows are taken some at a time; how many there are does not show."""
    x = 1e3 + tk.randn(19, length, generator=tk.Generator().manual_seed(0)).to(kind)
    alone = np.array([x[i : i + 1].contiguous().var(-1).item() for i in range(19)])
    assert np.array_equal(x.var(-1).numpy(), alone)
    apart = tk.stack([x, x], 1).reshape(38, length)[::2]
    assert np.array_equal(apart.var(-1).numpy(), alone)


def test_variance_of_what_is_not_finite(isa: str) -> None:
    for shape in ((3,), (50,), (300,), (9000,), (40, 3), (3000, 3), (600, 300)):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        for value, expected in ((np.nan, np.nan), (np.inf, np.nan), (1e30, np.inf)):
            x[-2] = value
            found = tk.from_numpy(x).var(0).numpy()
            assert np.array_equal(found, np.full(shape[1:], expected, np.float32), True)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
def test_variance_of_the_largest_numbers(kind: tk.dtype, isa: str) -> None:
    for shape in ((70,), (3, 70), (5000, 3), (1000, 300)):
        x = tk.full(shape, float(np.finfo(kind.numpy).max), dtype=kind)
        for dim in (None, 0, -1):
            assert not x.var(dim).numpy().any()
