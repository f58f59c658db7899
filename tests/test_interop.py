"""Tensors among NumPy's arrays, other libraries' tensors, copies and pickles."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from cases import name_of
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k.backend import DTYPES
from tinygrad_k.testing import assert_close, strategies

# -- NumPy --------------------------------------------------------------------------------------

OPERATORS = ("add", "subtract", "multiply", "divide", "maximum", "less", "not_equal", "arctan2")


@given(data=st.data())
def test_an_array_on_either_side_gives_a_tensor(data: st.DataObject) -> None:
    """The values and the dtype are those of the op on two tensors."""
    shapes = data.draw(strategies.broadcastable_shapes())
    kinds = [data.draw(strategies.dtypes("number")) for _ in shapes]
    a, b = (data.draw(strategies.arrays(k, s)) for k, s in zip(kinds, shapes, strict=True))
    ufunc = getattr(np, data.draw(st.sampled_from(OPERATORS)))
    expected = ufunc(tk.from_numpy(a), tk.from_numpy(b))
    for found in (ufunc(a, tk.from_numpy(b)), ufunc(tk.from_numpy(a), b)):
        assert type(found) is tk.Tensor
        assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_operators_with_arrays() -> None:
    x, a = tk.tensor([1.0, 2.0]).requires_grad_(), np.array([3.0, 5.0], np.float32)
    for found, expected in (
        (a + x, [4.0, 7.0]),
        (a - x, [2.0, 3.0]),
        (x - a, [-2.0, -3.0]),
        (a**x, [3.0, 25.0]),
        (np.float32(2.0) * x, [2.0, 4.0]),
        (a > x, [True, True]),
        (a @ x, 13.0),
        (x @ a, 13.0),
    ):
        assert isinstance(found, tk.Tensor)
        assert found.tolist() == expected
    (a * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 5.0]


def test_universal_functions() -> None:
    x = tk.tensor([0.5, 1.0]).requires_grad_()
    y = np.exp(x)
    assert isinstance(y, tk.Tensor)
    y.sum().backward()
    assert_close(x.grad, np.exp(np.array([0.5, 1.0], np.float32)))
    plain = x.detach()
    assert isinstance(np.spacing(plain), tk.Tensor)  # no op of ours: NumPy computes it
    assert np.add.reduce(plain).item() == 1.5
    assert np.add.outer(plain, plain).shape == (2, 2)
    assert [each.tolist() for each in np.modf(plain)] == [[0.5, 0.0], [0.0, 1.0]]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.spacing(x)


def test_out_of_universal_functions() -> None:
    array, x = np.ones(2, np.float32), tk.tensor([1.0, 2.0])
    array += x
    assert array.tolist() == [2.0, 3.0]
    version = x._version
    assert np.add(x, array, out=x) is x
    assert x.tolist() == [3.0, 5.0]
    assert x._version > version


@pytest.mark.parametrize("kind", DTYPES, ids=name_of)
def test_array_of_a_tensor_shares_its_memory(kind: tk.dtype) -> None:
    x = tk.ones(2, 3, dtype=kind).t()
    array = np.asarray(x)
    assert array.dtype == kind.numpy and np.shares_memory(array, x.numpy())
    assert array.strides == tuple(n * kind.itemsize for n in x.stride())
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.int16, copy=False)
    assert not np.shares_memory(np.array(x), x.numpy())


# -- DLPack -------------------------------------------------------------------------------------


@given(data=st.data())
def test_dlpack_both_ways_with_numpy(data: st.DataObject) -> None:
    array = data.draw(strategies.arrays())
    tensor = tk.from_dlpack(array)
    assert tensor.data_ptr() == array.__array_interface__["data"][0] or not array.size
    assert np.array_equal(tensor.numpy(), array, equal_nan=array.dtype.kind == "f")
    back = np.from_dlpack(tensor)
    assert back.dtype == array.dtype and back.flags.writeable <= array.flags.writeable
    assert np.array_equal(back, array, equal_nan=array.dtype.kind == "f")
    assert back.__array_interface__["data"][0] == tensor.data_ptr() or not array.size


def test_dlpack_keeps_memory_alive() -> None:
    array = np.from_dlpack(tk.arange(1000))
    tensor = tk.from_dlpack(np.arange(1000))
    noise = [tk.zeros(1000, dtype=tk.int64) for _ in range(5)]
    assert array.tolist() == tensor.tolist() == list(range(1000)) and noise


def test_dlpack_says_what_it_cannot() -> None:
    x = tk.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    for call in (
        lambda: x.requires_grad_().__dlpack__(),
        lambda: x.__dlpack__(stream=1),
        lambda: x.__dlpack__(dl_device=(2, 0)),
        lambda: tk.from_dlpack(np.ones(2, np.complex64)),
        lambda: tk.from_dlpack(np.ones(2, np.float16)),
    ):
        with pytest.raises(BufferError, match=r"dlpack(__)?: "):
            call()
    for wrong in (None, 3, "text", [1.0]):
        with pytest.raises(TypeError, match=r"^from_dlpack: "):
            tk.from_dlpack(wrong)


def test_dlpack_of_read_only_memory() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    tensor = tk.from_numpy(array)
    assert not np.from_dlpack(tensor).flags.writeable
    with pytest.raises(BufferError, match="__dlpack__"):
        tensor.__dlpack__()
    with pytest.raises((RuntimeError, ValueError), match="read-only"):
        tk.from_dlpack(array).add_(1.0)


def test_dlpack_takes_a_capsule() -> None:
    x = tk.arange(3)
    assert tk.from_dlpack(x.__dlpack__()).data_ptr() == x.data_ptr()
    assert not np.shares_memory(np.from_dlpack(x, copy=True), x.numpy())


@pytest.mark.parametrize("kind", DTYPES, ids=name_of)
def test_dlpack_with_torch(kind: tk.dtype) -> None:
    torch = pytest.importorskip("torch")
    ours = tk.ones(2, 3, dtype=kind).t()
    theirs = torch.from_dlpack(ours)
    assert theirs.data_ptr() == ours.data_ptr() and theirs.stride() == tuple(ours.stride())
    theirs.zero_()
    assert not ours.any()
    back = tk.from_dlpack(theirs)
    back.fill_(1)
    assert back.dtype is kind and theirs.all()
    with pytest.raises(BufferError, match="from_dlpack"):
        tk.from_dlpack(torch.ones(2, dtype=torch.complex64))
    with pytest.raises(BufferError, match="from_dlpack"):
        tk.from_dlpack(torch.ones(2, requires_grad=True))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is of Python 3.12")
def test_buffer() -> None:
    x = tk.arange(3)
    memoryview(x)[0] = 7
    assert x.tolist() == [7, 1, 2]


def test_buffer_by_its_name() -> None:
    x = tk.arange(3)
    x.__buffer__(0)[0] = 7
    assert x.tolist() == [7, 1, 2]
    with pytest.raises(BufferError, match="read-only"):
        tk.from_dlpack(np.broadcast_to(1.0, 3)).__buffer__(1)


# -- copies and pickles -------------------------------------------------------------------------


def test_copies_of_tensors() -> None:
    x = tk.tensor([1.0, 2.0]).requires_grad_()
    x.sum().backward()
    shallow, deep = copy.copy(x), copy.deepcopy(x)
    assert shallow.data_ptr() == x.data_ptr() and deep.data_ptr() != x.data_ptr()
    assert shallow.requires_grad and deep.requires_grad and shallow.is_leaf and deep.is_leaf
    assert deep.grad is not None and deep.grad.data_ptr() != x.grad.data_ptr()
    for function in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="only leaves"):
            function(x * 2.0)


@given(array=strategies.arrays())
def test_pickles_of_tensors(array: np.ndarray) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found = pickle.loads(pickle.dumps(tk.from_numpy(array), protocol))
        assert_close(found, array, rtol=0, atol=0, equal_nan=True)
    assert_close(copy.deepcopy(tk.from_numpy(array)), array, rtol=0, atol=0, equal_nan=True)


def test_copies_and_pickles_of_modules() -> None:
    model: Any = tk.nn.Sequential(tk.nn.Linear(3, 2), tk.nn.BatchNorm1d(2))
    model[0].tied = model[0].weight
    x = tk.ones(4, 3)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin[0].tied is twin[0].weight
        assert type(twin[0].weight) is tk.nn.Parameter and twin[0].weight.requires_grad
        assert twin[0].weight.data_ptr() != model[0].weight.data_ptr()
        assert_close(twin.eval()(x), copy.deepcopy(model).eval()(x))
    parameter = copy.copy(model[0].weight)
    assert type(parameter) is tk.nn.Parameter
    assert parameter.data_ptr() == model[0].weight.data_ptr()


# -- Python's own protocols ---------------------------------------------------------------------


def test_python_protocols() -> None:
    x = tk.tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in x] == x.tolist() == [[1, 2], [3, 4]]
    assert reversed(x).tolist() == [[3, 4], [1, 2]]
    assert 3 in x and 7 not in x and 2.0 in x
    assert len({x, x, x.clone()}) == 2 and hash(x) == hash(x)
    assert "abc"[tk.tensor(1)] == "b" and list(range(tk.tensor(3))) == [0, 1, 2]
    assert f"{tk.tensor(1.5):.3f}" == "1.500" and f"{x}" == str(x)
    assert (int(tk.tensor(2.7)), float(tk.tensor(2)), complex(tk.tensor(2))) == (2, 2.0, 2 + 0j)
    assert bytes(tk.tensor([1, 255], dtype=tk.uint8)) == b"\1\xff"
    assert bool(tk.tensor([[3]])) and not tk.tensor(0.0)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: bool(tk.ones(2)), (ValueError, RuntimeError)),
        (lambda: bool(tk.ones(0)), (ValueError, RuntimeError)),
        (lambda: "abc"[tk.tensor(1.0)], TypeError),
        (lambda: "abc"[tk.tensor([1, 2])], TypeError),
        (lambda: tk.ones(2).item(), (ValueError, RuntimeError)),
        (lambda: len(tk.tensor(1)), TypeError),
        (lambda: iter(tk.tensor(1)), TypeError),
        (lambda: f"{tk.ones(2):.3f}", TypeError),
        (lambda: "x" in tk.ones(2), TypeError),
        (lambda: None in tk.ones(2), TypeError),
    ],
)
def test_refusals_of_python_protocols(call: Any, kind: Any) -> None:
    with pytest.raises(kind):
        call()
