"""Many values to one place, columns of windows, and views that a tensor becomes in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_k as tk
import tinygrad_k.nn.functional as F
from tinygrad_k.autograd import gradcheck, gradgradcheck

REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "prod": lambda values: float(np.prod(values)),
    "mean": lambda values: sum(values) / len(values),
    "amax": max,
    "amin": min,
}


def expected(x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool) -> Any:
    """Element by element."""
    met: dict[tuple[int, ...], list[float]] = {}
    for place in np.ndindex(*index.shape):
        target = (*place[:dim], int(index[place]), *place[dim + 1 :])
        met.setdefault(target, []).append(float(src[place]))
    out = np.array(x)
    for target, values in met.items():
        out[target] = REDUCTIONS[reduce](values + [float(x[target])] * include_self)
    return out


@pytest.mark.parametrize("reduce", REDUCTIONS)
@given(data=st.data())
def test_reduced_where_an_index_sends_it(reduce: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    ndim = data.draw(st.integers(1, 3))
    dim = data.draw(st.integers(0, ndim - 1))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in range(ndim))
    sent = tuple(data.draw(st.integers(0, 6 if i == dim else n)) for i, n in enumerate(shape))
    include_self = data.draw(st.booleans())
    size, count = int(np.prod(shape)), int(np.prod(sent))
    values = rng.permutation(np.arange(size + count) - 2.0)  # distinct, with a zero
    x, src = values[:size].reshape(shape), values[size:].reshape(sent)
    index = rng.integers(0, shape[dim], sent)
    leaves = [tk.from_numpy(each).requires_grad_() for each in (x, src)]
    places = tk.from_numpy(index)

    def function(x: tk.Tensor, src: tk.Tensor) -> tk.Tensor:
        return x.scatter_reduce(dim, places, src, reduce, include_self=include_self)

    found = function(*leaves)
    assert np.allclose(
        found.detach().numpy(), expected(x, dim, index, src, reduce, include_self), rtol=1e-12
    )
    if count:
        assert gradcheck(function, leaves)
        assert gradgradcheck(function, leaves)
    target = leaves[0].detach().clone()
    target.scatter_reduce_(dim, places, leaves[1].detach(), reduce, include_self=include_self)
    assert np.array_equal(target.numpy(), found.detach().numpy())


def test_extremes_share_and_integers_round_down() -> None:
    x = tk.tensor([1.0, 5.0], requires_grad=True)
    src = tk.tensor([5.0, 5.0, 0.0], requires_grad=True)
    x.scatter_reduce(0, tk.tensor([1, 1, 0]), src, "amax").sum().backward()
    assert x.grad is not None and src.grad is not None
    assert np.allclose(x.grad.tolist(), [1.0, 1 / 3])
    assert np.allclose(src.grad.tolist(), [1 / 3, 1 / 3, 0.0])
    whole = tk.tensor([-3]).scatter_reduce(0, tk.tensor([0]), tk.tensor([0]), "mean")
    assert whole.tolist() == [-2]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.scatter_reduce(0, tk.tensor([5]), tk.ones(1), "amax"),
        lambda x: x.scatter_reduce(0, tk.tensor([5]), tk.ones(1), "prod"),
        lambda x: x.scatter_reduce(0, tk.tensor([0]), tk.ones(1), "median"),
        lambda x: x.scatter_reduce(0, tk.tensor([0]), tk.ones(1, dtype=tk.int64), "sum"),
        lambda x: x.scatter_reduce(1, tk.tensor([0]), tk.ones(1), "sum"),
        lambda x: F.unfold(x.reshape(1, 1, 1, 3), 4),
        lambda x: F.fold(x.reshape(1, 1, 3), (4, 4), 2),
        lambda x: x.hsplit(2),
        lambda x: x.vsplit(1),
        lambda x: tk.arange(10**6).combinations(3),
        lambda x: x.set_(tk.arange(3)),
    ],
)
def test_mistakes(function: Callable[[tk.Tensor], Any]) -> None:
    with pytest.raises((ValueError, TypeError, IndexError), match=r"^\w+: "):
        function(tk.ones(3))


def test_fold_is_the_transpose_of_unfold() -> None:
    rng = np.random.default_rng(0)
    how: dict[str, Any] = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": 1, "stride": 2}
    image = tk.from_numpy(rng.standard_normal((2, 3, 6, 5)))
    columns = F.unfold(image, **how)
    other = tk.from_numpy(rng.standard_normal(tuple(columns.shape)))
    back = F.fold(other, (6, 5), **how)
    assert np.isclose((columns * other).sum().item(), (image * back).sum().item())
    assert F.unfold(image[0], **how).shape == columns.shape[1:]
    assert F.fold(other[0], (6, 5), **how).shape == back.shape[1:]


def test_tensors_become_views_of_themselves() -> None:
    x = tk.arange(6.0).reshape(1, 2, 3).clone()
    address = x.data_ptr()
    assert x.squeeze_(0).shape == (2, 3)
    assert x.t_().tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert x.unsqueeze_(-1).shape == (3, 2, 1)
    assert x.transpose_(0, 2).shape == (1, 2, 3)
    assert x.data_ptr() == address
    leaf = tk.arange(6.0).reshape(2, 3).requires_grad_()
    y = leaf * 2
    y.t_().mul_(tk.tensor([1.0, 10.0]))
    y.sum().backward()
    assert leaf.grad is not None and leaf.grad.tolist() == [[2.0] * 3, [20.0] * 3]
    with pytest.raises(RuntimeError, match="leaf"):
        leaf.t_()
    leaf.grad = None
    with tk.no_grad():
        leaf.t_()
    (leaf * 3).sum().backward()
    assert leaf.grad is not None and leaf.grad.shape == (3, 2)


def test_a_window_on_other_memory() -> None:
    x, y = tk.zeros(3), tk.arange(4.0)
    x.set_(y)
    x[0] = 7.0
    assert y.tolist() == [7.0, 1.0, 2.0, 3.0]
    assert x.set_().numel() == 0


def test_integers_of_what_wants_a_gradient_want_none() -> None:
    x = tk.tensor([1.5, 2.5], requires_grad=True)
    assert not x.to(tk.int64).requires_grad
    assert not tk.zeros(2, dtype=tk.int64).copy_(x).requires_grad
    assert not tk.zeros(2, dtype=tk.int64).masked_fill(x > 2, x.sum()).requires_grad


def test_blocks_on_a_diagonal() -> None:
    a = tk.tensor([[1.0, 2.0]], requires_grad=True)
    both = tk.block_diag(a, tk.tensor(3, dtype=tk.int64), tk.zeros(2, 0))
    assert both.tolist() == [[1.0, 2.0, 0.0], [0.0, 0.0, 3.0], [0.0] * 3, [0.0] * 3]
    (both * both).sum().backward()
    assert a.grad is not None and a.grad.tolist() == [[2.0, 4.0]]


def test_each_part_so_many_times() -> None:
    rows = tk.arange(6.0).reshape(3, 2).to(tk.float64).requires_grad_()
    counts = tk.tensor([2, 0, 1])
    assert rows.repeat_interleave(counts, 0).tolist() == [[0.0, 1.0], [0.0, 1.0], [4.0, 5.0]]
    assert gradcheck(lambda x: x.repeat_interleave(counts, 0).square(), [rows])
    assert rows[:0].repeat_interleave(counts[:0], 0).shape == (0, 2)
    with pytest.raises(ValueError, match="repeat_interleave"):
        rows.repeat_interleave(tk.tensor([1, -1, 0]), 0)


def test_a_factor_that_integers_cannot_hold() -> None:
    for kind, alpha in ((tk.uint8, 300), (tk.uint8, -1), (tk.int32, 2**31), (tk.int64, 2**53 + 1)):
        x, one = tk.ones(2, dtype=kind), tk.ones(1, dtype=kind)
        for name in ("index_add", "index_add_"):
            with pytest.raises(ValueError, match=f"^{name}: "):
                getattr(x, name)(0, tk.tensor([0]), one, alpha=alpha)
            with pytest.raises(TypeError, match=f"^{name}: integers need an integer alpha"):
                getattr(x, name)(0, tk.tensor([0]), one, alpha=0.5)
        assert x.tolist() == [1, 1]
    assert tk.ones(2).index_add(0, tk.tensor([0]), tk.ones(1), alpha=300).tolist() == [301, 1]


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_an_index_without_elements_has_any_dimensions(reduce: str) -> None:
    x, src = (tk.ones(2, 1, 3, requires_grad=True) for _ in range(2))
    out = tk.scatter_reduce(x, 0, tk.zeros(0, dtype=tk.int64), src, reduce)
    out.sum().backward()
    assert x.grad.tolist() == tk.ones(2, 1, 3).tolist()
    assert src.grad is None or not src.grad.numpy().any()
