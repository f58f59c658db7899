"""Numbers that a dtype cannot hold, bytes that are no truth, and results of a dtype asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import INSTRUCTION_SETS

import tinygrad_k as tk
import tinygrad_k.nn.functional as F
from tinygrad_k.backend import lib

INTEGERS = (tk.int64, tk.int32, tk.uint8)
TOO_MUCH = (float("nan"), float("inf"), -float("inf"), 1e30, -1e30, 2**63, -(2**63) - 1)


def zeros(kind: Any) -> tk.Tensor:
    return tk.zeros(3, dtype=kind)


FIRST = tk.tensor([0])
MASK = tk.tensor([True, False, False])

# Every way a Python number gets into a tensor of integers.
WRITERS: dict[str, Callable[[Any, Any], Any]] = {
    "full": lambda kind, v: tk.full((3,), v, dtype=kind),
    "full_like": lambda kind, v: tk.full_like(zeros(kind), v),
    "full_like of floats": lambda kind, v: tk.full_like(tk.ones(2), v, dtype=kind),
    "scalar_tensor": lambda kind, v: tk.scalar_tensor(v, dtype=kind),
    "new_full": lambda kind, v: zeros(kind).new_full((3,), v),
    "fill_": lambda kind, v: zeros(kind).fill_(v),
    "masked_fill": lambda kind, v: zeros(kind).masked_fill(MASK, v),
    "masked_fill_": lambda kind, v: zeros(kind).masked_fill_(MASK, v),
    "index_fill": lambda kind, v: zeros(kind).index_fill(0, FIRST, v),
    "index_fill_": lambda kind, v: zeros(kind).index_fill_(0, FIRST, v),
    "scatter": lambda kind, v: zeros(kind).scatter(0, FIRST, v),
    "scatter_": lambda kind, v: zeros(kind).scatter_(0, FIRST, v),
    "copy_": lambda kind, v: zeros(kind).copy_(v),
    "setitem": lambda kind, v: zeros(kind).__setitem__(0, v),
    "index_put": lambda kind, v: zeros(kind).index_put((FIRST,), v),
    "pad": lambda kind, v: F.pad(zeros(kind), (1, 1), value=v),
    "tensor": lambda kind, v: tk.tensor(v, dtype=kind),
    "tensor of a list": lambda kind, v: tk.tensor([v, 1], dtype=kind),
}


@pytest.mark.parametrize("big", [2**63, 2**64, -(2**63) - 1, 10**30])
def test_integers_beyond_int64_are_refused(big: int) -> None:
    """NumPy takes those up to 2 ** 64 for floats where there are negative ones beside them."""
    for data in (big, [big], [big, -1], [1, big], [[1], [big]], [[big, 1], [0, -1]], [True, big]):
        with pytest.raises(ValueError, match=f"^tensor: the number {big} does not fit int64"):
            tk.tensor(data)
    assert tk.tensor([2**63, 0.5]).tolist() == [2.0**63, 0.5]
    assert tk.tensor([2.0**63, float("inf")]).tolist() == [2.0**63, float("inf")]
    for wrong, name in (([None], "NoneType"), ([1, "a"], "str"), ([[1.0, None]], "NoneType")):
        with pytest.raises(TypeError, match=f"^tensor: expected numbers; got {name}$"):
            tk.tensor(wrong)


@pytest.mark.parametrize("kind", INTEGERS, ids=str)
@pytest.mark.parametrize("writer", WRITERS)
def test_numbers_that_do_not_fit_are_refused(writer: str, kind: Any) -> None:
    limits = np.iinfo(kind.numpy)
    for value in (*TOO_MUCH, int(limits.max) + 1, int(limits.min) - 1):
        with pytest.raises((ValueError, TypeError), match=rf"^{writer.split()[0]}: .*"):
            WRITERS[writer](kind, value)


@pytest.mark.parametrize("kind", INTEGERS, ids=str)
@pytest.mark.parametrize("writer", WRITERS)
def test_numbers_that_fit_lose_their_fraction(writer: str, kind: Any) -> None:
    for value in (int(np.iinfo(kind.numpy).max), int(np.iinfo(kind.numpy).min), 2.75, -0.5, True):
        WRITERS[writer](kind, value)
    assert tk.full((2,), 2.75, dtype=kind).tolist() == [2, 2]
    x = zeros(kind)
    x[0] = 2.75
    assert x.tolist() == [2, 0, 0]


def test_floats_become_integers_alike_everywhere() -> None:
    """The lowest number stands for what does not fit; uint8 takes the low byte."""
    values = [1e30, -1e30, float("inf"), float("-inf"), float("nan"), 2.0**31, -3.7, 300.5, -1.5]
    low, low32 = -(2**63), -(2**31)
    expected = {
        tk.int64: [low] * 5 + [2**31, -3, 300, -1],
        tk.int32: [low32] * 6 + [-3, 300, -1],
        tk.uint8: [0] * 6 + [253, 44, 255],
        tk.bool: [True] * 9,
    }
    for isa in INSTRUCTION_SETS:
        assert lib.tk_choose_isa(isa.encode()) == 0
        for source in (tk.float32, tk.float64):
            x = tk.tensor(values * 9, dtype=source)
            for kind, wanted in expected.items():
                assert x.to(kind).tolist() == wanted * 9
                assert tk.zeros(81, dtype=kind).copy_(x).tolist() == wanted * 9
                assert x[::2].to(kind).tolist() == (wanted * 9)[::2]


def odd_truth() -> np.ndarray:
    return np.array([0, 1, 2, 255], np.uint8).view(np.bool_)


def test_bools_of_other_bytes() -> None:
    """They cannot be shared; a copy holds zeros and ones."""
    for share in (tk.from_numpy, lambda a: tk.frombuffer(a.tobytes(), dtype=tk.bool)):
        with pytest.raises(ValueError, match="0 or 1"):
            share(odd_truth())
    for copy in (tk.tensor, tk.as_tensor, tk.asarray):
        t = copy(odd_truth())
        assert t.sum().item() == 3
        assert t.numpy().view(np.uint8).tolist() == [0, 1, 1, 1]
    assert tk.from_numpy(np.array([True, False])).sum().item() == 1


@pytest.mark.parametrize("kind", [tk.float32, *INTEGERS, tk.bool], ids=str)
def test_the_dtype_asked_for(kind: Any) -> None:
    for source in (tk.float64, *INTEGERS, tk.bool):
        x = tk.ones(3, dtype=source)
        for result in (
            x.sum(dtype=kind),
            x.prod(dtype=kind),
            x.sum(0, dtype=kind),
            x.cumsum(0, dtype=kind),
            x.cumprod(0, dtype=kind),
        ):
            assert result.dtype is kind
    assert tk.full((300,), 255, dtype=tk.uint8).sum(dtype=tk.uint8).item() == 300 * 255 % 256


def test_extremes_without_dimensions_keep_their_dtype() -> None:
    for kind in (tk.float32, tk.float64, *INTEGERS, tk.bool):
        x = tk.ones((), dtype=kind)
        for name in ("max", "min", "cummax", "cummin"):
            values, indices = getattr(x, name)(0)
            assert values.dtype is kind, name
            assert indices.item() == 0


def gradient(function: Callable[[tk.Tensor], tk.Tensor], values: list[float]) -> list[float]:
    leaf = tk.tensor(values, dtype=tk.float64, requires_grad=True)
    function(leaf).sum().backward()
    assert leaf.grad is not None
    return list(leaf.grad.tolist())


def test_gradients_at_kinks_are_pytorchs() -> None:
    assert gradient(F.relu6, [0.0, 6.0, 3.0]) == [0.0, 0.0, 1.0]
    assert gradient(F.hardtanh, [-1.0, 1.0, 0.0]) == [0.0, 0.0, 1.0]
    assert gradient(F.hardsigmoid, [-3.0, 3.0, 0.0]) == [0.0, 0.0, 1 / 6]
    assert gradient(F.hardswish, [-3.0, 3.0, 0.0]) == [0.0, 1.0, 0.5]
    assert gradient(lambda x: x.norm(p=0.5), [0.0, 4.0]) == [0.0, 1.0]
    assert gradient(lambda x: x.norm(p=0.5), [0.0, 0.0]) == [0.0, 0.0]
    assert gradient(lambda x: x.norm(p=-1), [0.0, 2.0])[1] == 0.0
    assert tk.tensor([0.0, 2.0]).norm(p=-1).item() == 0.0


def test_the_enormous_is_printed_by_its_edges() -> None:
    for shape in ((10**12,), (10**6, 10**6), (3,) * 16, (100,) * 8):
        text = repr(tk.ones((1,) * len(shape)).expand(shape))
        assert len(text) < 5_000_000
        assert "..." in text


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.split(1),
        lambda x: x.unbind(),
        lambda x: x.chunk(10**12),
        lambda x: x.tensor_split(10**12),
        lambda x: x[:0].chunk(10**12),
    ],
)
def test_too_many_parts_are_refused(function: Callable[[tk.Tensor], Any]) -> None:
    with pytest.raises(ValueError, match="too many"):
        function(tk.ones(1).expand(10**12))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([], tk.float32),
        ([[], []], tk.float32),
        ([1, 2.5], tk.float32),
        ([[1], [True]], tk.int64),
        ([np.float64(1.0), 2], tk.float64),
        ([np.float32(1.0), 2.0], tk.float32),
        ([np.int32(1), 2], tk.int64),
        ([np.int32(1), 2.5], tk.float32),
        ([np.bool_(True), False], tk.bool),
        ([np.arange(2), [1.0, 2.0]], tk.float32),
        ([tk.tensor(1.0), tk.tensor(2)], tk.float32),
        ([[tk.tensor(1.0, dtype=tk.float64)], [2]], tk.float64),
        (np.float64(2), tk.float64),
        (range(3), tk.int64),
    ],
)
def test_the_dtype_that_data_has(data: Any, kind: Any) -> None:
    """What PyTorch infers."""
    assert tk.tensor(data).dtype is kind


def test_names_of_types() -> None:
    x = tk.ones(2)
    assert x.type() == "tinygrad_k.FloatTensor"
    assert x.type("torch.LongTensor").dtype is x.type(tk.int64).dtype is tk.int64
    with pytest.raises(TypeError, match=r"^type: "):
        x.type("ComplexTensor")
    assert (x.itemsize, x.get_device()) == (4, -1)
    assert tk.ones(2, 3).H.shape == tk.ones(2, 3).mH.shape == (3, 2)
    assert tk.repeat_interleave(tk.tensor([1, 0, 2])).tolist() == [0, 2, 2]
    assert tk.randint(high=1, size=(2,)).tolist() == tk.randint(1, size=(2,)).tolist() == [0, 0]
    assert len(x.split(split_size=1)) == 2


def changed_in_place(x: tk.Tensor) -> tk.Tensor:
    total = tk.tensor([1.0, 2.0, 3.0])
    total += x
    return total


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + tk.tensor([1.0, 2.0, 3.0]),
        lambda x: x + tk.arange(3),
        lambda x: x * tk.linspace(0, 1, 3),
        lambda x: x.reshape(1, 3).tril(),
        lambda x: x.repeat_interleave(2),
        lambda x: F.pad(x.reshape(1, 3), (1, 1), "reflect"),
        lambda x: x.index_select(0, tk.tensor([2, 0])),
        lambda x: x[[2, 0]],
        lambda x: x.expand(3, 3).tril().sum(0) + tk.eye(3)[1],
        lambda x: tk.tensor([1.0, 2.0, 3.0]),
        changed_in_place,
    ],
)
def test_python_data_in_compiled_functions(function: Callable[[tk.Tensor], tk.Tensor]) -> None:
    """What is made of it while recording is there again in every replay."""
    compiled = tk.compile(function)
    for number in (1.0, 2.0, -3.0, 4.0):
        x = tk.full((3,), number)
        noise = [tk.full((3,), 99.0) for _ in range(3)]  # what freed memory might hold now
        assert compiled(x).tolist() == function(x).tolist()
        del noise


def test_targets_keep_their_fractions_beside_integers() -> None:
    integers, target = tk.tensor([0, 2, 1]), tk.tensor([2.7, 0.4, 1.5])
    losses = [F.poisson_nll_loss(x, target, full=True) for x in (integers, integers.float())]
    assert losses[0].item() == losses[1].item()


@pytest.mark.parametrize("factor", [2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**62])
def test_products_of_integers_are_exact_or_floats(factor: int) -> None:
    one = tk.tensor(1)
    result = tk.addcmul(tk.tensor(0), one, one, value=factor)
    assert result.is_floating_point() or result.item() == factor


def test_integers_are_clamped_exactly() -> None:
    large = tk.tensor([2**62 + 1, -(2**62) - 1, 5])
    assert large.clamp(-(2**61) - 1, 2**61 + 1).tolist() == [2**61 + 1, -(2**61) - 1, 5]
    assert large.clamp(-3, 2**53).tolist() == [2**53, -3, 5]
    assert large.clone().clamp_(-3, 4).tolist() == [4, -3, 4]
    small = tk.tensor([0, 7, 255], dtype=tk.uint8)
    assert small.clamp(3, 250).tolist() == [3, 7, 250]
    with pytest.raises(ValueError, match="does not fit uint8"):
        small.clamp(-1, 3)
