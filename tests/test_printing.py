"""Tensors print as in PyTorch; the expected texts are PyTorch's, but for the package's name."""

import numpy as np
import pytest

import tinygrad_k as tk
from tinygrad_k.printing import PROFILES, set_printoptions

NAN, INF = float("nan"), float("inf")

FLOATS = [
    (1.0, "tensor(1.)"),
    ([], "tensor([])"),
    ([1.0, 2.0], "tensor([1., 2.])"),
    ([1e-5, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
    ([1e5, 1.5], "tensor([1.0000e+05, 1.5000e+00])"),
    ([0.0, 1e-4], "tensor([0.0000e+00, 1.0000e-04])"),
    ([-0.0, 1.0], "tensor([-0., 1.])"),
    ([NAN, 1.0], "tensor([nan, 1.])"),
    ([INF, 1.5], "tensor([   inf, 1.5000])"),
    ([-INF], "tensor([-inf])"),
    (1e8, "tensor(100000000.)"),
    (123456789.0, "tensor(1.2346e+08)"),
    (3.14159265, "tensor(3.1416)"),
    ([[[[0.0]]]], "tensor([[[[0.]]]])"),
    ([[1.0, 2.5], [-3.0, 4.0]], "tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]])"),
]


@pytest.mark.parametrize(("values", "text"), FLOATS)
def test_float32(values, text):
    assert repr(tk.from_numpy(np.array(values, np.float32))) == text


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1, -200]), "tensor([   1, -200])"),
        (np.array([True, False]), "tensor([ True, False])"),
        (np.array([1, 2], np.int32), "tensor([1, 2], dtype=tinygrad_k.int32)"),
        (np.array(0.5), "tensor(0.5000, dtype=tinygrad_k.float64)"),
        (np.zeros((0, 3), np.float32), "tensor([], size=(0, 3))"),
        (np.zeros((0, 3), np.int64), "tensor([], size=(0, 3), dtype=tinygrad_k.int64)"),
        (np.zeros(0, np.bool_), "tensor([], dtype=tinygrad_k.bool)"),
        (np.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ],
)
def test_other_dtypes_and_empties(array, text):
    assert repr(tk.from_numpy(array)) == text


def test_matrices_are_summarised_and_separated():
    rows = "        [0., 0., 0.,  ..., 0., 0., 0.]"
    expected = ",\n".join([*[rows] * 3, "        ...", *[rows] * 3])
    text = repr(tk.from_numpy(np.zeros((100, 100), np.float32)))
    assert text == f"tensor([{expected.lstrip()}])"
    text = repr(tk.from_numpy(np.zeros((2, 1, 1), np.float32)))
    assert text == "tensor([[[0.]],\n\n        [[0.]]])"


def test_long_rows_are_wrapped():
    text = repr(tk.from_numpy(np.arange(40)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.replace("\n       ", "") == f"tensor([{', '.join(f'{n:2}' for n in range(40))}])"


def test_place_in_the_graph():
    x = tk.from_numpy(np.ones((2, 2), np.float32)).requires_grad_()
    assert repr(x) == "tensor([[1., 1.],\n        [1., 1.]], requires_grad=True)"
    assert repr(x + 1) == "tensor([[2., 2.],\n        [2., 2.]], grad_fn=<AddBackward0>)"


def test_a_suffix_that_does_not_fit_takes_a_line():
    x = tk.from_numpy(np.linspace(0.5, 9.5, 7)).requires_grad_()
    first, second = repr(x).splitlines()
    assert first.endswith("9.5000],")
    assert second == "       dtype=tinygrad_k.float64, requires_grad=True)"


def test_options():
    x = tk.from_numpy(np.array([0.123456, 2.0], np.float32))
    try:
        set_printoptions(precision=2)
        assert repr(x) == "tensor([0.12, 2.00])"
        set_printoptions(sci_mode=True)
        assert repr(x) == "tensor([1.23e-01, 2.00e+00])"
        set_printoptions(profile="full")
        assert "..." not in repr(tk.from_numpy(np.zeros(1001)))
        with pytest.raises(ValueError, match="profile"):
            set_printoptions(profile="loud")
        with pytest.raises(ValueError, match="precision"):
            set_printoptions(precision=-1)
    finally:
        set_printoptions(profile="default")
    assert repr(x) == "tensor([0.1235, 2.0000])"
    assert PROFILES["default"].precision == 4
