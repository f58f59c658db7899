"""Hooks: when they are called, with what, and what becomes of what they return."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import tinygrad_k as tk


def leaf(*values: float) -> tk.Tensor:
    return tk.tensor(values, dtype=tk.float64, requires_grad=True)


def lists(gradients: Any) -> Any:
    return [None if each is None else each.tolist() for each in gradients]


# -- after accumulation ---------------------------------------------------------------------------


def test_called_with_the_tensor_once_its_gradient_is_there() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seen: list[Any] = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    (x * y + x).sum().backward()
    assert seen == [(True, [4.0, 5.0])]
    (x * y).sum().backward()
    assert seen[1:] == [(True, [7.0, 9.0])]
    tk.autograd.grad((x * y).sum(), [x])
    assert len(seen) == 2
    handle.remove()
    (x * y).sum().backward()
    assert len(seen) == 2


def test_steps_during_backward_and_forgets_the_gradient() -> None:
    parameter = tk.nn.Parameter(tk.ones(2))
    optimizer = tk.optim.SGD([parameter], lr=0.5)

    def step(t: tk.Tensor) -> None:
        optimizer.step()
        t.grad = None

    parameter.register_post_accumulate_grad_hook(step)
    (parameter * 2.0).sum().backward()
    assert parameter.tolist() == [0.0, 0.0] and parameter.grad is None


def test_the_leaf_does_not_keep_its_tensor() -> None:
    x = leaf(1.0)
    called: list[Any] = []
    x.register_post_accumulate_grad_hook(called.append)
    node, result = x._node, x * 2.0
    there = weakref.ref(x)
    del x
    gc.collect()
    assert there() is None
    result.sum().backward()
    assert node.grad.tolist() == [2.0] and not called


def test_only_leaves_have_them() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match=r"^register_post_accumulate_grad_hook: .* is no leaf"):
        (x * 2.0).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="does not require grad"):
        tk.ones(2).register_post_accumulate_grad_hook(print)
    with pytest.raises(TypeError, match="callable; got int"):
        x.register_post_accumulate_grad_hook(3)


# -- of nodes -------------------------------------------------------------------------------------


def test_node_hooks_see_gradients_of_inputs_and_outputs() -> None:
    x, y = leaf(1.0, 2.0), tk.tensor([[3.0], [4.0]], dtype=tk.float64, requires_grad=True)
    product = x * y
    seen: list[Any] = []
    product.grad_fn.register_hook(lambda ins, outs: seen.append((lists(ins), lists(outs))))
    product.sum().backward()
    # as the inputs are: broadcasting has been undone
    assert seen == [([[7.0, 7.0], [[3.0], [3.0]]], [[[1.0, 1.0], [1.0, 1.0]]])]
    assert x.grad.tolist() == [7.0, 7.0]


def test_what_node_hooks_return_is_used() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    first = y.grad_fn.register_hook(lambda ins, outs: (ins[0] * 10.0,))
    y.grad_fn.register_prehook(lambda outs: (outs[0] + 1.0,))
    (gradient,) = tk.autograd.grad(y.sum(), [x], retain_graph=True)
    assert gradient.tolist() == (y.detach() * 20.0).tolist()
    first.remove()
    (gradient,) = tk.autograd.grad(y.sum(), [x])
    assert gradient.tolist() == (y.detach() * 2.0).tolist()
    with pytest.raises(RuntimeError, match="released by an earlier backward"):
        y.sum().backward()


def test_hooks_are_differentiated() -> None:
    x = leaf(0.5)
    y = x.exp()
    y.grad_fn.register_hook(lambda ins, outs: (ins[0] * x,))
    (first,) = tk.autograd.grad(y, [x], create_graph=True)
    (second,) = tk.autograd.grad(first, [x])
    # d(x e^x): the way back through exp calls the hook again, and x e^x x comes of it
    assert second.item() == pytest.approx((1.0 + 0.5 * 0.5) * y.item())


def test_hooks_may_change_what_they_are_given() -> None:
    x, y = leaf(1.0), leaf(2.0)
    total = x + y  # whose rules hand the same gradient on

    def spoil(ins: Any, outs: Any) -> None:
        ins[0].mul_(5.0)

    total.grad_fn.register_hook(spoil)
    seed = tk.ones(1, dtype=tk.float64)
    total.backward(seed)
    assert (x.grad.item(), y.grad.item(), seed.item()) == (5.0, 1.0, 1.0)


def test_hooks_of_a_function_of_several_outputs() -> None:
    class Pair(tk.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
            return x * 2.0, x * 3.0

        @staticmethod
        def backward(ctx: Any, a: tk.Tensor, b: tk.Tensor) -> tk.Tensor:
            return a * 2.0 + b * 3.0

    x = leaf(1.0)
    first, second = Pair.apply(x)
    seen: list[Any] = []
    second.grad_fn.register_hook(lambda ins, outs: seen.append((lists(ins), lists(outs))))
    (first + 10.0 * second).sum().backward()
    assert seen == [([[32.0]], [[1.0], [10.0]])]


def test_hooks_of_a_leaf_s_node() -> None:
    x = leaf(1.0, 2.0)
    node = (x * 2.0).grad_fn.next_functions[0][0]
    order: list[Any] = []
    node.register_prehook(lambda outs: order.append("before") or (outs[0] * 2.0,))
    node.register_hook(lambda ins, outs: order.append((ins, lists(outs), lists([x.grad]))))
    x.register_post_accumulate_grad_hook(lambda t: order.append("accumulated"))
    (x * 3.0).sum().backward()
    assert order == ["before", "accumulated", ((), [[6.0, 6.0]], [[6.0, 6.0]])]
    assert tk.autograd.grad((x * 3.0).sum(), [x])[0].tolist() == [3.0, 3.0]  # nothing accumulates


def test_wrong_results_are_refused() -> None:
    x = leaf(1.0, 2.0)
    for returned, match in (((), "must return 1 gradients; got 0"), (tk.ones(2), "float64")):
        y = x * 2.0
        y.grad_fn.register_hook(lambda ins, outs, returned=returned: returned)
        with pytest.raises((RuntimeError, TypeError, ValueError), match=match):
            y.sum().backward()
    with pytest.raises(TypeError, match="register_prehook: expected a callable"):
        (x * 2.0).grad_fn.register_prehook(None)


def test_compiled_steps_with_hooks() -> None:
    weight = tk.ones(2, requires_grad=True)

    def step(x: tk.Tensor) -> tk.Tensor:
        y = weight * x
        y.grad_fn.register_hook(lambda ins, outs: tuple(each * 2.0 for each in ins))
        weight.grad = None
        y.sum().backward()
        return weight.grad.clone()

    compiled = tk.compile(step)
    for value in (1.0, 2.0, 3.0):
        assert compiled(tk.full((2,), value)).tolist() == [2.0 * value] * 2
    handle = weight.register_post_accumulate_grad_hook(lambda t: t.grad.mul_(3.0))
    assert compiled(tk.ones(2)).tolist() == compiled(tk.ones(2)).tolist() == [6.0, 6.0]
    handle.remove()
    assert compiled(tk.ones(2)).tolist() == [2.0, 2.0]
