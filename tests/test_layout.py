"""How the operands lie in memory does not show in the result, nor does the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import (
    FLOATS,
    GROUPS,
    INSTRUCTION_SETS,
    INTEGERS,
    Case,
    array_of,
    assert_agrees,
    big_case,
    cases,
    elementwise_case,
    mapped,
    name_of,
    rows,
    same_bits,
)
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_k as tk
from tinygrad_k.backend import lib
from tinygrad_k.ops import TRIED, Op
from tinygrad_k.testing.layouts import LAYOUTS, contiguous, transposed

F = tk.nn.functional

every_op = pytest.mark.parametrize(
    "op", rows(lambda op: op.samples and op.family != "storage"), ids=name_of
)


def outcome(case: Case) -> np.ndarray | str:
    """The result, or the kind of exception."""
    try:
        return array_of(case.call())
    except (ValueError, IndexError, ZeroDivisionError) as error:
        return type(error).__name__


def assert_same(laid: Case, note: str) -> None:
    """The case gives what it gives with contiguous copies of its operands."""
    before = [np.array(x) for x in laid.arrays()]
    expected = outcome(laid.changed(contiguous))
    try:
        found = outcome(laid)
    except RuntimeError as error:
        # only a view may say that these strides allow none
        assert laid.op.family == "view" and "stride" in str(error), f"{laid}: {error}"
        return
    if isinstance(expected, str) or isinstance(found, str):
        assert isinstance(expected, str) and found == expected, f"{laid} {note}: {found}"
        return
    if laid.op.family in (
        "reduction",
        "sums",
    ):  # walks the memory in its order, so it rounds in that order
        reference = laid.reference()
        assert reference is None or assert_agrees(laid, found, reference) is None
    else:
        assert same_bits(found, expected), f"{laid} with {note} operands: {found} {expected}"
    for x, old in zip(laid.arrays(), before, strict=True):
        assert same_bits(np.array(x), old), f"{laid} changed an operand"


@every_op
def test_samples_in_every_layout(op: Op, isa: str) -> None:
    kinds = [kind for kind in GROUPS[op.dtypes] if kind in (*FLOATS, INTEGERS[0])] or None
    for case in cases(op, tuple(kinds) if kinds else None):
        for layout in LAYOUTS:
            assert_same(case.changed(layout), layout.__name__)
        for i in range(len(case.arrays())):
            some = [transposed(x) if i == j else x for j, x in enumerate(case.arrays())]
            assert_same(case.replaced(some), f"operand {i} transposed")


@pytest.mark.parametrize("op", rows(lambda op: op.domain), ids=name_of)
@given(data=st.data())
def test_drawn_layouts(op: Op, data: st.DataObject) -> None:
    assert lib.tk_choose_isa(data.draw(st.sampled_from(INSTRUCTION_SETS)).encode()) == 0
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(num_shapes=len(op.domain), max_dims=4, max_side=20)
    ).input_shapes
    kind = data.draw(st.sampled_from(GROUPS[op.dtypes]))
    case = elementwise_case(op, shapes, kind, data.draw(st.integers(0, 999)))
    chosen = [data.draw(st.sampled_from(LAYOUTS)) for _ in shapes]
    laid = [layout(x) for layout, x in zip(chosen, case.arrays(), strict=True)]
    assert_same(case.replaced(laid), str([layout.__name__ for layout in chosen]))


ELEMENTWISE = ("unary", "binary", "where")


@pytest.mark.parametrize("op", rows(lambda op: op.domain and op.family in ELEMENTWISE), ids=name_of)
def test_results_lie_as_their_operands(op: Op) -> None:
    """What is transposed stays so; beside an operand that lies row by row the result does too."""
    shape = (2, 3, 4)
    assert op.domain is not None
    case = elementwise_case(op, (shape,) * len(op.domain), GROUPS[op.dtypes][0], 0)
    laid = case.changed(transposed)
    assert tuple(laid.call().stride()) == (1, 2, 6), f"{laid}"
    some = [transposed(x) if i else x for i, x in enumerate(case.arrays())]
    assert case.replaced(some).call().is_contiguous(), f"{case}"


def foul(nbytes: int) -> None:
    """Fills the blocks that the allocator keeps for this size with NaN."""
    poison = np.full(nbytes // 8 + 1, np.nan)
    kept = [tk.from_numpy(poison).clone() for _ in range(3)]
    del kept


@every_op
def test_every_element_is_written(op: Op, isa: str) -> None:
    """Memory that held something else before gives the same result: nothing is left unwritten."""
    for case in cases(op, (GROUPS[op.dtypes][0],)):
        first = outcome(case)
        if isinstance(first, np.ndarray):
            for _ in range(2):
                foul(first.nbytes)
                again = outcome(case)
                assert isinstance(again, np.ndarray)
                assert same_bits(again, first), f"{case}: {again} {first}"


@every_op
def test_threads_do_not_show(op: Op, in_turn: Any) -> None:
    """1, 2, 3 and 7 threads give the same bits on operands large enough for all of them."""
    case = big_case(op, GROUPS[op.dtypes][0])
    if case is None:
        assert op.family in ("view", "place") or op.name in TRIED, (
            f"{op.name}: no sample can be made large"
        )
        return
    results = {n: array_of(case.call()) for n in in_turn()}
    for n, result in results.items():
        assert same_bits(result, results[1]), f"{case}: {n} threads give other bits than 1"


@pytest.mark.parametrize("op", rows(lambda op: op.domain), ids=name_of)
def test_threads_do_not_show_in_strided_operands(op: Op, in_turn: Any) -> None:
    case = big_case(op, GROUPS[op.dtypes][0])
    assert case is not None
    laid = case.changed(lambda x: mapped(transposed, x, np.ndarray))
    expected = array_of(case.call())
    for n in in_turn():
        assert same_bits(array_of(laid.call()), expected), f"{laid}: {n} threads"


@pytest.mark.parametrize("kind", tk.backend.DTYPES, ids=name_of)
@pytest.mark.parametrize("columns", (2, 3, 10, 40, 64))
def test_short_rows(kind: Any, columns: int, isa: str, in_turn: Any) -> None:
    """Many rows of a few elements, with operands that are expanded, crossed or apart."""
    rng = np.random.default_rng(columns)

    def drawn(*shape: int) -> np.ndarray:
        return rng.integers(0, 2 if kind is tk.bool else 9, shape).astype(kind.numpy)

    x = drawn(3, 501, columns)
    others = (
        drawn(3, 501, 1),
        drawn(columns),
        drawn(3, 1, columns),
        drawn(1, 501, 1),
        drawn(3, columns, 501).swapaxes(1, 2),
        drawn(3, 501, 2 * columns)[..., ::2],
    )
    for y in others:
        a, b = tk.from_numpy(x), tk.from_numpy(y)
        for _ in in_turn():
            assert np.array_equal((a * b).numpy(), x * y)
            assert np.array_equal((b > a).numpy(), y > x)
            assert np.array_equal(tk.where(b > 1, a, b).numpy(), np.where(y > 1, x, y))
            assert np.array_equal(a.clone().mul_(b).numpy(), x * y)


@pytest.mark.parametrize("kind", (tk.float32, tk.float64, tk.int32, tk.int64), ids=name_of)
@pytest.mark.parametrize("columns", (600, 1703))
def test_rows_past_the_caches(kind: Any, columns: int, isa: str, in_turn: Any) -> None:
    """Rows that end within a cache line of a result too large for the caches."""
    rows = 12_000_000 // kind.itemsize // columns * 2 + 1
    rng = np.random.default_rng(0)
    x = rng.integers(-99, 99, (rows, columns)).astype(kind.numpy)
    t = tk.from_numpy(x)
    padded = np.pad(x, ((0, 0), (3, 2)), "reflect")
    order, places = rng.permutation(rows), rng.integers(0, columns, (rows, columns))
    by_order, by_places = tk.from_numpy(order), tk.from_numpy(places)
    for n in in_turn():
        assert np.array_equal((t + t[0]).numpy(), x + x[0])
        assert np.array_equal((t[:, :1] * t[:, 1:]).numpy(), x[:, :1] * x[:, 1:])
        assert np.array_equal(tk.where(t > 0, t[0], t).numpy(), np.where(x > 0, x[0], x))
        assert np.array_equal((t[:, 1:] > t[0, 1:]).numpy(), x[:, 1:] > x[0, 1:])
        assert np.array_equal(t[:, 1:].logical_not().numpy(), x[:, 1:] == 0)
        assert np.array_equal(t.index_select(0, by_order).numpy(), x[order])
        assert np.array_equal(t.index_copy(0, by_order, t + 1).numpy()[order], x + 1)
        assert np.array_equal(t.tril(-5).numpy(), np.tril(x, -5))
        if n < 3:
            assert np.array_equal(t.triu(5).numpy(), np.triu(x, 5))
            assert np.array_equal(t.gather(1, by_places).numpy(), np.take_along_axis(x, places, 1))
            with pytest.raises(IndexError, match=f"index {rows} is out of range"):
                t.index_select(0, by_order + (by_order == rows - 1))
            assert np.array_equal(t.roll(5, 1).numpy(), np.roll(x, 5, 1))
            assert np.array_equal(t.roll((2, -7), (0, 1)).numpy(), np.roll(x, (2, -7), (0, 1)))
            assert np.array_equal(F.pad(t, (3, 2), "reflect").numpy(), padded)


FUSED = [isa for isa in INSTRUCTION_SETS if isa != "base"]  # with fused multiply-adds
NORMS: dict[str, Any] = {
    "layer_norm": lambda x, w: F.layer_norm(x, (x.shape[-1],), w, w),
    "layer_norm, bias": lambda x, w: F.layer_norm(x, (x.shape[-1],), None, w),
    "group_norm": lambda x, w: F.group_norm(x, 2, x.detach()[0, :, 0]),
    "instance_norm": lambda x, w: F.instance_norm(x),
    "batch_norm": lambda x, w: F.batch_norm(x, None, None, training=True),
    "batch_norm of columns": lambda x, w: F.batch_norm(x[0], None, None, w, w, training=True),
    "batch_norm, evaluation": lambda x, w: F.batch_norm(x[0], w, w * w, w, w),
    "rms_norm": lambda x, w: F.rms_norm(x, (x.shape[-1],), w),
    "softmax": lambda x, w: F.softmax(x, -1) * w,
    "log_softmax": lambda x, w: F.log_softmax(x, -1) * w,
}


@pytest.mark.parametrize("kind", tk.backend.DTYPES, ids=name_of)
@pytest.mark.parametrize("shape", [(5, 3300), (3000, 1003), (70, 33_000)], ids=str)
def test_large_copies_and_fills(kind: Any, shape: tuple[int, int], isa: str) -> None:
    """Such as go by other instructions, or ask for what comes next."""
    x = np.random.default_rng(0).integers(0, 2, shape).astype(kind.numpy)
    t = tk.from_numpy(x)
    assert np.array_equal(t.clone().numpy(), x)
    assert np.array_equal(t[1:, 1:].contiguous().numpy(), x[1:, 1:])
    assert np.array_equal(tk.cat([t, t[:2]]).numpy(), np.concatenate([x, x[:2]]))
    beside = tk.cat([t, t[:, :1000].contiguous()], 1)
    assert np.array_equal(beside.numpy(), np.concatenate([x, x[:, :1000]], 1))
    for other in tk.backend.DTYPES:
        for part, y in (t, x), (t[:, 1:], x[:, 1:]), (t[:, ::2], x[:, ::2]):
            assert np.array_equal(part.to(other).numpy(), y.astype(other.numpy))
    for dims in ((0,), (1,), (0, 1)):
        assert np.array_equal(t.flip(dims).numpy(), np.flip(x, dims))
        assert np.array_equal(t[:, 1:].flip(dims).numpy(), np.flip(x[:, 1:], dims))
    for part in (t.clone(), t.clone().reshape(-1)[3:-2]):
        assert (part.fill_(1) == 1).all()


@pytest.mark.skipif(len(FUSED) < 2, reason="this machine has one of them")
@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("kind", FLOATS, ids=name_of)
def test_avx2_and_avx512_agree(name: str, kind: Any) -> None:
    """Rows of every length around the blocks of lanes, and their gradients, to the last bit."""
    rng = np.random.default_rng(3)
    for n in (*range(2, 140), 255, 256, 257, 1000, 4100):
        x, w = (rng.standard_normal(shape).astype(kind.numpy) for shape in ((3, 4, n), (n,)))
        found = []
        for isa in FUSED:
            assert lib.tk_choose_isa(isa.encode()) == 0
            a = tk.tensor(x, requires_grad=True)
            y = NORMS[name](a, tk.tensor(w))
            found.append((array_of(y.detach()), array_of(tk.autograd.grad((y * y).sum(), a)[0])))
        for one, other in zip(*found, strict=True):
            assert same_bits(one, other), f"{name} of rows of {n}"


@pytest.mark.skipif(len(FUSED) < 2, reason="this machine has one of them")
@pytest.mark.parametrize("kind", FLOATS, ids=name_of)
def test_avx2_and_avx512_agree_on_gradients_of_weights(kind: Any) -> None:
    """Of short rows, so many that several sums are put together, and of groups side by side."""
    rng = np.random.default_rng(3)
    for n in (2, 5, 8, 17, 32, 33):
        x, g = rng.standard_normal((2, 1100, n)).astype(kind.numpy)
        found = []
        for isa in FUSED:
            assert lib.tk_choose_isa(isa.encode()) == 0
            a, w = tk.tensor(x, requires_grad=True), tk.ones(n, dtype=kind, requires_grad=True)
            slopes = tk.autograd.grad(F.layer_norm(a, (n,), w, w), [a, w], tk.tensor(g))
            images = a.detach()[: 1100 // 9 * 9].reshape(-1, 3, 3, n).permute(0, 3, 1, 2)
            images, groups = images.requires_grad_(), 2 if n % 2 == 0 else 1
            y = F.group_norm(images, groups, w, w)
            slopes += tk.autograd.grad((y * y).sum(), [images, w])
            found.append([array_of(each) for each in slopes])
        for one, other in zip(*found, strict=True):
            assert same_bits(one, other), f"rows of {n}"
