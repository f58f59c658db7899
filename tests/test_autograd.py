"""The engine: what is recorded, how gradients flow and accumulate, and what is released."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k.autograd import Function, grad, gradcheck, gradgradcheck
from tinygrad_k.autograd.function import once_differentiable
from tinygrad_k.backend import lib


def leaf(*values: float, dtype: Any = np.float64) -> tk.Tensor:
    return tk.from_numpy(np.array(values, dtype)).requires_grad_()


def values(tensor: tk.Tensor | None) -> list[float]:
    assert tensor is not None
    return list(tensor.detach().numpy().reshape(-1))


# -- accumulation ------------------------------------------------------------------------------


def test_leaves_accumulate() -> None:
    x = leaf(1.0, 2.0)
    (x * 3.0).sum().backward()
    (x * x).sum().backward()
    assert values(x.grad) == [5.0, 7.0]
    x.grad = None
    (x * 2.0).sum().backward()
    assert values(x.grad) == [2.0, 2.0]


def test_a_tensor_used_twice() -> None:
    x = leaf(3.0)
    (x * x + x).sum().backward()
    assert values(x.grad) == [7.0]


def test_diamonds_visit_each_node_once() -> None:
    """2^60 paths, 60 nodes: the gradient is exact and comes at once."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.sum().backward()
    assert values(x.grad) == [2.0**60]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.booleans()), max_size=30))
def test_any_graph(edges: list[tuple[int, int, bool]]) -> None:
    """A random graph of sums and products against the same graph of dual numbers."""
    start = (0.7, -0.4)
    leaves = [leaf(each) for each in start]
    nodes = list(leaves)
    duals = [(start[0], np.array([1.0, 0.0])), (start[1], np.array([0.0, 1.0]))]
    for a, b, product in edges:
        i, j = a % len(nodes), b % len(nodes)
        (u, du), (v, dv) = duals[i], duals[j]
        if product:
            nodes.append((nodes[i] * nodes[j]).tanh())
            t = np.tanh(u * v)
            duals.append((t, (1 - t * t) * (u * dv + v * du)))
        else:
            nodes.append((nodes[i] + nodes[j]) * 0.5)
            duals.append(((u + v) / 2, (du + dv) / 2))
    found = grad(nodes[-1].sum(), leaves, allow_unused=True)
    for k, each in enumerate(found):
        expected = duals[-1][1][k]
        assert each is not None or expected == 0.0
        if each is not None:
            assert np.isclose(values(each)[0], expected, rtol=1e-9, atol=1e-12)


def test_backward_to_chosen_inputs() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * y).sum().backward(inputs=[x])
    assert values(x.grad) == [3.0]
    assert y.grad is None


def test_backward_of_several_roots_to_chosen_inputs() -> None:
    x, y = leaf(2.0), leaf(3.0)
    middle = x * y
    tk.autograd.backward([middle * 2.0, x * 1.0], inputs=[middle, x, x])
    assert values(middle.grad) == [2.0] and values(x.grad) == [7.0] and y.grad is None
    with pytest.raises(RuntimeError, match=r"^backward: inputs is empty"):
        (x * y).backward(inputs=[])


def test_several_roots() -> None:
    x = leaf(2.0)
    tk.autograd.backward([x * 3.0, x * x], [tk.from_numpy(np.array([2.0])), None])
    assert values(x.grad) == [10.0]


def test_the_same_root_twice() -> None:
    x = leaf(2.0)
    y = x * x
    tk.autograd.backward([y, y])
    assert values(x.grad) == [8.0]


# -- the life of a graph -----------------------------------------------------------------------


def test_second_backward_is_an_error() -> None:
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"^backward: .* that sum saved .* retain_graph=True"):
        y.backward()
    assert values(x.grad) == values(x.exp())


def test_retain_graph() -> None:
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    assert values(x.grad) == values(x.exp() * 2.0)


def test_long_chains_go_back_and_are_released() -> None:
    """100,000 nodes: no recursion in backward, none when the graph is dropped."""
    gc.collect()
    before = tk.memory_stats()["tensors"]
    x = leaf(1.0, 2.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.sum().backward()
    assert values(x.grad) == [1.0, 1.0]
    del y
    y = x
    for _ in range(100_000):
        y = y * 1.0
    del y, x
    gc.collect()
    assert tk.memory_stats()["tensors"] == before


def test_long_chains_of_second_derivatives() -> None:
    x = leaf(0.5)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    (first,) = grad((y * y).sum(), [x], create_graph=True)
    assert first is not None
    (second,) = grad(first.sum(), [x])
    assert values(second) == [2.0]


def test_graphs_are_freed_without_the_garbage_collector() -> None:
    """No cycles: reference counts alone release a graph, whether backward ran or not."""
    gc.collect()
    gc.disable()
    try:
        before = tk.memory_stats()["tensors"]
        for run_back in (True, False):
            x = leaf(1.0, 2.0)
            result = (x.exp() * x.tanh()).sigmoid().sum()
            node = weakref.ref(result.grad_fn)
            if run_back:
                result.backward()
            del result, x
            assert node() is None
            assert tk.memory_stats()["tensors"] == before
        x = leaf(1.0, 2.0)
        (first,) = grad(x.exp().tanh().sum(), [x], create_graph=True)
        assert first is not None
        first.sum().backward()
        del first, x
        assert tk.memory_stats()["tensors"] == before
    finally:
        gc.enable()


def test_saved_tensors_go_with_backward() -> None:
    x = leaf(*np.ones(1000))
    y = (x.exp() * x.sin()).sum()
    held = tk.memory_stats()["tensors"]
    y.backward()
    assert tk.memory_stats()["tensors"] < held


# -- grad() ------------------------------------------------------------------------------------


def test_grad_touches_no_leaf() -> None:
    x, y = leaf(2.0), leaf(5.0)
    (found,) = grad((x * y).sum(), [x])
    assert values(found) == [5.0]
    assert x.grad is None and y.grad is None


def test_grad_of_what_is_not_used() -> None:
    x, y = leaf(2.0), leaf(5.0)
    z = (x * 2.0).sum()
    with pytest.raises(RuntimeError, match=r"^grad: input 1 .*not used"):
        grad(z, [x, y], retain_graph=True)
    assert grad(z, [x, y], retain_graph=True, allow_unused=True)[1] is None
    assert values(grad(z, [x, y], materialize_grads=True)[1]) == [0.0]


def test_grad_for_something_in_the_middle() -> None:
    x = leaf(2.0)
    middle = x * x
    found = grad((middle * 3.0).sum(), [middle, x])
    assert values(found[0]) == [3.0]
    assert values(found[1]) == [12.0]


def test_grad_of_the_output_itself() -> None:
    x = leaf(2.0)
    y = x * 2.0
    assert values(grad(y, [y])[0]) == [1.0]
    assert values(grad(x, [x])[0]) == [1.0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (lambda x: (x.detach().sum(), [x]), r"does not require grad"),
        (lambda x: (x.sum(), [x.detach()]), r"does not require grad"),
        (lambda x: (x * 2.0, [x]), r"implied only for one element; got shape \(2,\)"),
        (lambda x: (x * 2.0, [x], tk.from_numpy(np.ones(3))), r"\(3,\) and \(2,\)"),
        (lambda x: ([x.sum(), x.sum()], [x], [None]), r"2 outputs but 1 gradients"),
        (lambda x: ("text", [x]), r"expected tensors; got str"),
        (lambda x: (x.sum(), [1.0]), r"expected tensors; got float"),
    ],
)
def test_wrong_arguments(arguments: Any, error: str) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError), match=r"^grad: .*" + error):
        grad(*arguments(leaf(1.0, 2.0)))


def test_third_derivative() -> None:
    x = leaf(0.3, -0.8)
    current = x.sin()
    for expected in (np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin):
        (current,) = grad(current.sum(), [x], create_graph=True)  # type: ignore[assignment]
        assert np.allclose(values(current), expected(np.array([0.3, -0.8])), rtol=1e-12)


def test_create_graph_accumulates_a_recorded_gradient() -> None:
    x = leaf(2.0)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad is not None and x.grad.requires_grad
    (second,) = grad(x.grad.sum(), [x])
    assert values(second) == [12.0]
    x.grad = None


# -- modes -------------------------------------------------------------------------------------


def test_no_grad_records_nothing() -> None:
    x = leaf(1.0)
    with tk.no_grad():
        y = x * 2.0
        assert not y.requires_grad and not tk.is_grad_enabled()
        with tk.enable_grad():
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad

    @tk.no_grad()
    def function() -> tk.Tensor:
        return x * 2.0

    assert not function().requires_grad
    with pytest.raises(ZeroDivisionError), tk.no_grad():
        raise ZeroDivisionError
    assert tk.is_grad_enabled()


@pytest.mark.parametrize("mode", [tk.no_grad, tk.enable_grad, tk.inference_mode])
def test_modes_as_decorators(mode: Any) -> None:
    """With brackets and without; of functions, and of generators whenever they run."""
    inside = mode is tk.enable_grad
    outside = not inside

    def function(value: int) -> tuple[bool, int]:
        return tk.is_grad_enabled(), value

    def generator(n: int) -> Any:
        for i in range(n):
            try:
                got = yield i, tk.is_grad_enabled()
            except ValueError:
                got = "thrown"
            if got:
                yield got, tk.is_grad_enabled()
        return tk.is_grad_enabled()

    with tk.set_grad_enabled(outside):
        for decorate in (mode, mode()):
            assert decorate(function)(3) == (inside, 3)
            steps = decorate(generator)(2)
            assert next(steps) == (0, inside)
            assert tk.is_grad_enabled() is outside
            assert steps.send("sent") == ("sent", inside)
            assert next(steps) == (1, inside)
            assert steps.throw(ValueError()) == ("thrown", inside)
            with pytest.raises(StopIteration) as end:
                next(steps)
            assert end.value.value is inside
            assert tk.is_grad_enabled() is outside
            left = decorate(generator)(2)
            next(left)
            left.close()
            assert tk.is_grad_enabled() is outside


def test_a_copied_mode_is_a_mode_of_its_own() -> None:
    for make in (tk.no_grad, tk.enable_grad, tk.inference_mode, lambda: tk.set_grad_enabled(False)):
        mode = make()
        with mode:
            inside = tk.is_grad_enabled()
            copies = copy.copy(mode), copy.deepcopy(mode), pickle.loads(pickle.dumps(mode))
        assert tk.is_grad_enabled()
        for copied in copies:
            assert type(copied) is type(mode)
            assert tk.is_grad_enabled()
            with copied:
                assert tk.is_grad_enabled() is inside
            assert tk.is_grad_enabled()


def test_a_mode_can_be_used_again() -> None:
    for mode, inside in ((tk.no_grad(), False), (tk.set_grad_enabled(True), True)):
        for _ in range(2):
            with mode:
                assert tk.is_grad_enabled() is inside
                with mode:
                    assert tk.is_grad_enabled() is inside
            assert tk.is_grad_enabled()


def test_no_grad_is_per_thread() -> None:
    seen = []
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with tk.no_grad():
            entered.set()
            leave.wait(300)
            seen.append(tk.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(300)
    seen.append(tk.is_grad_enabled())
    leave.set()
    thread.join()
    assert seen == [True, False]


def test_grad_mode_is_restored_when_backward_fails() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            return x * 2.0

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            raise KeyError("on purpose")

    for enabled in (True, False):
        for create in (True, False):
            with tk.set_grad_enabled(True):
                y = Fails.apply(leaf(1.0)).sum()
            with tk.set_grad_enabled(enabled):
                with pytest.raises(KeyError, match="on purpose"):
                    y.backward(create_graph=create)
                assert tk.is_grad_enabled() is enabled


def test_detach_shares_memory_and_leaves_the_graph() -> None:
    x = leaf(1.0, 2.0)
    y = (x * 2.0).detach()
    assert not y.requires_grad and y.is_leaf
    z = x.detach()
    assert z.data_ptr() == x.data_ptr()
    ((x * 3.0) * z).sum().backward()
    assert values(x.grad) == [3.0, 6.0]


def test_requires_grad_is_for_floats_and_leaves() -> None:
    with pytest.raises(RuntimeError, match=r"^requires_grad_: .*int64"):
        tk.from_numpy(np.arange(3)).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^requires_grad_: "):
        (leaf(1.0) * 2.0).requires_grad_(False)
    x = leaf(1.0)
    assert not x.requires_grad_(False).requires_grad


# -- hooks -------------------------------------------------------------------------------------


def test_hooks_see_and_change_gradients() -> None:
    seen = []
    x = leaf(1.0)
    middle = x * 2.0
    handle = middle.register_hook(lambda g: seen.append(values(g)))
    middle.register_hook(lambda g: g * 10.0)
    x.register_hook(lambda g: g + 1.0)
    (middle * 3.0).sum().backward()
    assert seen == [[3.0]]
    assert values(x.grad) == [61.0]
    handle.remove()
    x.grad = None
    (x * 1.0).sum().backward()
    assert values(x.grad) == [2.0]
    assert seen == [[3.0]]


def test_hook_sees_the_sum_once() -> None:
    seen = []
    x = leaf(1.0)
    middle = x * 1.0
    middle.register_hook(lambda g: seen.append(values(g)))
    (middle * 2.0 + middle * 3.0).sum().backward()
    assert seen == [[5.0]]


def test_hook_of_a_wrong_shape_is_an_error() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"^hook: .*\(2,\)"):
        (x * 2.0).sum().backward()
    assert tk.is_grad_enabled()


@pytest.mark.parametrize(
    ("change", "error", "got"),
    [
        (lambda g: g.float(), TypeError, r"float32 \(2,\)"),
        (lambda g: g.long(), TypeError, r"int64 \(2,\)"),
        (lambda g: g[:1], ValueError, r"float64 \(1,\)"),
        (lambda g: 3.0, TypeError, "float"),
        (lambda g: g.numpy(), TypeError, "ndarray"),
    ],
)
def test_hooks_that_return_what_is_no_gradient(change: Any, error: Any, got: str) -> None:
    """The message names hook and op; on a leaf and in the middle of a graph."""
    for pick in (0, 1):
        x = leaf(1.0, 2.0)
        middle = x * 2.0
        (x, middle)[pick].register_hook(change)
        name = ("AccumulateGrad", "MulBackward0")[pick]
        with pytest.raises(
            error, match=rf"^hook: .*<lambda> .* {name} .*float64 \(2,\); got {got}"
        ):
            (middle * 1.0).backward(tk.from_numpy(np.ones(2)))


def test_handles_of_one_hook_are_apart() -> None:
    seen = []
    x = leaf(1.0)
    first = x.register_hook(seen.append)
    x.register_hook(seen.append)
    first.remove()
    first.remove()
    (x * 2.0).backward()
    assert len(seen) == 1
    with x.register_hook(seen.append):
        (x * 2.0).backward()
    (x * 2.0).backward()
    assert len(seen) == 4
    with pytest.raises(TypeError, match=r"^register_hook: .*int"):
        x.register_hook(3)


def test_hooks_may_change_gradients_in_place() -> None:
    """Only what they are given: no tensor of the user's, and no other consumer's gradient."""

    def spoil(g: tk.Tensor) -> None:
        g.mul_(100.0)

    seed = tk.from_numpy(np.array([1.0, 2.0]))
    for create_graph in (False, True):
        x, y, z = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0, 6.0)
        x.register_hook(spoil)
        total = x + y.view(2, 1).view(2) + z
        total.backward(seed, create_graph=create_graph)
        assert values(seed) == [1.0, 2.0]
        assert values(x.grad) == [100.0, 200.0]
        assert values(y.grad) == values(z.grad) == [1.0, 2.0]

        x = leaf(1.0, 2.0)
        x.register_hook(spoil)
        x.backward(seed, create_graph=create_graph)
        assert values(seed) == [1.0, 2.0] and values(x.grad) == [100.0, 200.0]

        kept: list[tk.Tensor] = []
        x = leaf(1.0, 2.0)
        middle = x * 1.0
        middle.register_hook(kept.append)
        middle.register_hook(lambda g: seed)
        middle.retain_grad()
        x.register_hook(spoil)
        (middle * 3.0).sum().backward(create_graph=create_graph)
        assert values(kept[0]) == [3.0, 3.0] and values(seed) == [1.0, 2.0]
        assert values(middle.grad) == [1.0, 2.0] and values(x.grad) == [100.0, 200.0]


def test_retain_grad() -> None:
    x = leaf(2.0)
    middle = x * 3.0
    middle.retain_grad()
    (middle * middle).sum().backward()
    assert values(middle.grad) == [12.0]
    assert (x * 2.0).grad is None


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.mul_(5.0),
        lambda y: y[:2].mul_(5.0),
        lambda y: y.view(3, 1).t().mul_(5.0),
        lambda y: y.unsqueeze_(0).squeeze_(0).mul_(5.0),
        lambda y: y.__setitem__(slice(1), tk.ones(1, requires_grad=True) * 5.0),
        lambda y: Doubled.apply(y),
    ],
)
def test_retain_grad_before_a_change_in_place(change: Any) -> None:
    """What is kept is the gradient of the tensor as it stands after its last change."""
    x = leaf(1.0, 2.0, 3.0)
    middle = x * 3.0
    middle.retain_grad()
    change(middle)
    (middle * middle).sum().backward()
    assert values(middle.grad) == values(2.0 * middle)


class Doubled(Function):
    """Twice its input, in its memory."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
        ctx.mark_dirty(x)
        return x.mul_(2.0)

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        return g * 2.0


# -- memory of gradients -----------------------------------------------------------------------


def windows(tensor: tk.Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes


def apart(*tensors: tk.Tensor | None) -> bool:
    """Whether no two tensors share memory."""
    ends = sorted(windows(each) for each in tensors if each is not None)
    return all(a[1] <= b[0] for a, b in itertools.pairwise(ends))


def test_a_gradient_shares_memory_with_nothing() -> None:
    """Not with what was handed in, not with another gradient, not with what a hook kept."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = tk.from_numpy(np.array([1.0, 1.0]))
    (x + y).backward(seed)
    assert apart(x.grad, y.grad, seed, x, y)
    seed.fill_(100.0)
    assert values(x.grad) == [1.0, 1.0] and values(y.grad) == [1.0, 1.0]

    z = leaf(1.0, 2.0)
    z.backward(seed)
    assert apart(z.grad, seed)
    for how in (
        lambda t: t.view(2, 1),
        lambda t: t + 0.0,
        lambda t: t.neg().neg(),
        lambda t: t.clone(),
    ):
        a, b = leaf(1.0, 2.0), leaf(1.0, 2.0)
        given = tk.from_numpy(np.ones(how(a).shape))
        (how(a) + how(b)).backward(given)
        assert apart(a.grad, b.grad, given), how

    kept = []
    w = leaf(1.0, 2.0)
    w.register_hook(kept.append)
    (w * 2.0).backward(seed)
    before = values(kept[0])
    (w * 2.0).backward(seed)
    assert values(kept[0]) == before


def lying(shape: tuple[int, ...], order: tuple[int, ...]) -> tk.Tensor:
    """Numbers whose dimensions lie in memory in another order, the outermost first."""
    count = int(np.prod(shape))
    memory = tk.arange(count, dtype=tk.float32).view(*(shape[d] for d in order))
    return memory.permute(*(order.index(d) for d in range(len(order))))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("towards", list(itertools.permutations(range(3))))
def test_a_gradient_lies_as_its_leaf(order: tuple[int, ...], towards: tuple[int, ...]) -> None:
    """In whatever order it arrives, and whether anybody else holds it."""
    arriving = lying((2, 3, 4), towards)
    for held in (False, True):
        x = lying((2, 3, 4), order).requires_grad_()
        if held:
            (x + 0.0).backward(arriving)
        else:
            (x * arriving).backward(tk.ones(2, 3, 4))
        first = x.grad
        assert first is not None and first.stride() == x.stride()
        assert values(first) == values(arriving) and apart(first, arriving, x)
        (x * arriving).sum().backward()
        assert x.grad is first and values(first) == values(arriving * 2.0)


@pytest.mark.parametrize(
    "leaf_with_gaps",
    [lambda: tk.ones(4, 6)[:, ::2], lambda: tk.ones(1, 3).expand(4, 3), lambda: tk.ones(5, 3)[:4]],
)
def test_the_gradient_of_a_leaf_with_gaps_is_contiguous(leaf_with_gaps: Any) -> None:
    x, weight = leaf_with_gaps().requires_grad_(), lying((4, 3), (1, 0))
    (x * weight).sum().backward()
    assert x.grad is not None and x.grad.is_contiguous()
    assert values(x.grad) == values(weight)


def test_a_gradient_lies_as_the_memory_that_its_leaf_was_given() -> None:
    x = tk.ones(3, 4).requires_grad_()
    x.data = lying((3, 4), (1, 0))
    (x * tk.ones(3, 4)).sum().backward()
    assert x.grad is not None and x.grad.stride() == x.stride() == (1, 3)


def test_grad_results_share_memory_with_nothing() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = tk.from_numpy(np.array([1.0, 1.0]))
    a, b, again = grad(x + y, [x, y, x], seed)
    assert apart(a, b, again, seed)
    between = x * 2.0
    a, b = grad(between + y, [between, x], seed)
    assert apart(a, b, seed)


def test_recorded_grad_results_are_tensors_of_their_own() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = leaf(1.0, 1.0)
    a, b = grad(x + y, [x, y], seed, create_graph=True)
    assert apart(a, b, seed)
    assert values(grad(a.sum() * 3.0 + b.sum(), [seed])[0]) == [4.0, 4.0]


def test_grad_of_several_vectors_at_once() -> None:
    x, y, z = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0)
    outputs = [x * y, y.exp()]
    vectors = [tk.from_numpy(np.random.default_rng(i).normal(size=(3, 2))) for i in (0, 1)]
    for seeds_of in (vectors, [vectors[0], None]):
        targets = outputs if seeds_of[1] is not None else [outputs[0], y.sum()]
        found = grad(targets, [x, y, z], seeds_of, True, is_grads_batched=True, allow_unused=True)
        assert found[2] is None
        for i in range(3):
            seeds = [None if each is None else each[i] for each in seeds_of]
            expected = grad(targets, [x, y], seeds, retain_graph=True)
            for have, want in zip(found, expected, strict=False):
                assert np.allclose(values(have[i]), values(want))
    zeros = grad(outputs, [z], vectors, is_grads_batched=True, materialize_grads=True)
    assert zeros[0].shape == (3, 1)


def test_user_changes_to_grad_stay_with_the_leaf() -> None:
    x = leaf(1.0, 2.0)
    (x * 2.0).sum().backward()
    first = x.grad
    assert first is not None
    (x * 2.0).sum().backward()
    assert x.grad is first and values(first) == [4.0, 4.0]


def test_grad_is_checked_when_set() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(ValueError, match=r"^grad: .*\(2,\).*\(3,\)"):
        x.grad = tk.from_numpy(np.ones(3))
    with pytest.raises(ValueError, match=r"^grad: .*float32"):
        x.grad = tk.from_numpy(np.ones(2, np.float32))
    with pytest.raises(TypeError, match=r"^grad: "):
        x.grad = 1.0  # type: ignore[assignment]


# -- user functions ----------------------------------------------------------------------------


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        return g * x * x * 3.0


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (y,) = ctx.saved_tensors
        return g * y


class SinCos(Function):
    """Two outputs, both saved; an argument that is no tensor."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor, factor: float) -> tuple[tk.Tensor, tk.Tensor]:
        s, c = (x * factor).sin(), (x * factor).cos()
        ctx.save_for_backward(s, c)
        ctx.factor = factor
        return s, c

    @staticmethod
    def backward(ctx: Any, gs: tk.Tensor, gc: tk.Tensor) -> tuple[tk.Tensor, None]:
        s, c = ctx.saved_tensors
        return (gs * c - gc * s) * ctx.factor, None


@pytest.mark.parametrize(
    "function",
    [
        Cube.apply,
        Exp.apply,
        lambda x: SinCos.apply(x, 2.0),
        lambda x: SinCos.apply(x, 2.0)[0],
        lambda x: SinCos.apply(x, 2.0)[1],
        lambda x: (lambda s, c: s * c + c * c * s)(*SinCos.apply(x, 2.0)),
    ],
    ids=["saves input", "saves output", "two outputs", "first", "second", "both used"],
)
def test_user_functions(function: Any) -> None:
    x = leaf(0.3, -1.2, 2.0)
    assert gradcheck(function, [x])
    assert gradgradcheck(function, [x])


def test_user_functions_leave_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        before = tk.memory_stats()["tensors"]
        for function in (Cube.apply, Exp.apply, lambda x: SinCos.apply(x, 2.0)[0]):
            x = leaf(1.0, 2.0)
            y = function(x)
            del y
            function(x).sum().backward()
            del x
            assert tk.memory_stats()["tensors"] == before
    finally:
        gc.enable()


def test_user_functions_run_unrecorded() -> None:
    seen = []

    class Looks(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor, y: tk.Tensor) -> tk.Tensor:
            seen.append((tk.is_grad_enabled(), ctx.needs_input_grad))
            return x + y

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tuple[tk.Tensor, None]:
            seen.append(tk.is_grad_enabled())
            return g, None

    x, y = leaf(1.0), leaf(1.0).detach()
    Looks.apply(x, y).sum().backward()
    assert seen == [(False, (True, False)), False]
    assert values(x.grad) == [1.0]


def test_user_functions_that_return_nonsense() -> None:
    def make(answer: Any) -> type[Function]:
        class Wrong(Function):
            @staticmethod
            def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
                return x * 1.0

            @staticmethod
            def backward(ctx: Any, g: tk.Tensor) -> Any:
                return answer(g)

        return Wrong

    for answer in (lambda g: (g, g), lambda g: (), lambda g: tk.from_numpy(np.ones(5))):
        with pytest.raises(RuntimeError, match=r"^Wrong: "):
            make(answer).apply(leaf(1.0, 2.0)).sum().backward()
    with pytest.raises((RuntimeError, TypeError), match=r"^Wrong: "):
        make(lambda g: "text").apply(leaf(1.0, 2.0)).sum().backward()
    x = leaf(1.0)
    make(lambda g: None).apply(x).sum().backward()
    assert x.grad is None


def test_user_gradients_take_the_dtype_of_the_input() -> None:
    class Doubles(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            return x * 2.0

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            return tk.from_numpy(np.full(g.shape, 2.0))

    x = leaf(1.0, 2.0, dtype=np.float32)
    Doubles.apply(x).sum().backward()
    assert x.grad is not None and x.grad.dtype is tk.float32
    assert values(x.grad) == [2.0, 2.0]


def test_user_functions_may_change_their_gradients_in_place() -> None:
    class Spoils(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            return x * 1.0

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            return g.mul_(100.0)

    class SpoilsBoth(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
            return x * 1.0, x * 1.0

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor, h: tk.Tensor) -> tk.Tensor:
            return g.mul_(100.0) + h.mul_(1000.0)

    seed = tk.from_numpy(np.array([1.0, 2.0]))
    for create_graph in (False, True):
        x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
        (Spoils.apply(x) + y).backward(seed, create_graph=create_graph)
        assert values(seed) == values(y.grad) == [1.0, 2.0]
        assert values(x.grad) == [100.0, 200.0]
        x = leaf(1.0, 2.0)
        tk.autograd.backward(SpoilsBoth.apply(x), [seed, seed], create_graph=create_graph)
        assert values(seed) == [1.0, 2.0] and values(x.grad) == [1100.0, 2200.0]


def test_user_function_that_returns_a_tensor_twice() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
            y = x * 2.0
            ctx.save_for_backward(y)
            return y, y

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor, h: tk.Tensor) -> tk.Tensor:
            return g * 2.0 + h * 20.0

    x = leaf(1.0)
    first, second = Twice.apply(x)
    assert values(grad(first, [x], retain_graph=True)[0]) == [2.0]
    assert values(grad(second, [x], retain_graph=True)[0]) == [20.0]
    assert values(grad([first, second], [x])[0]) == [22.0]


def test_user_function_with_results_of_every_kind() -> None:
    """Integers, None, what is marked, views, arguments and tensors of the graph."""
    table = leaf(7.0, 8.0, 9.0)

    class Many(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor, plain: tk.Tensor) -> Any:
            floor = x.floor()
            ctx.mark_non_differentiable(floor)
            return x * 2.0, x.argmax(), floor, None, x.view(3, 1), x, table, plain

        @staticmethod
        def backward(ctx: Any, *g: Any) -> Any:
            assert g[3] is None
            assert g[1].dtype is tk.int64 and g[1].shape == ()
            assert values(g[2]) == [0.0, 0.0, 0.0]
            return g[0] * 2.0 + g[4].view(3) + g[5] + g[6] + g[7], None

    x, plain = leaf(1.0, 3.0, 2.0), tk.from_numpy(np.ones(3))
    double, index, floor, nothing, column, same, listed, again = Many.apply(x, plain)
    assert nothing is None and not index.requires_grad and not floor.requires_grad
    assert same is not x and x.is_leaf and table.is_leaf and not plain.requires_grad
    assert again is not plain and again.requires_grad
    assert column.data_ptr() == x.data_ptr()
    for each, expected in ((double, 2.0), (column, 1.0), (same, 1.0), (listed, 1.0), (again, 1.0)):
        assert values(grad(each.sum(), [x], retain_graph=True)[0]) == [expected] * 3
    assert table.grad is None
    tk.autograd.backward([double.sum(), listed.sum()])
    assert values(x.grad) == [3.0, 3.0, 3.0] and table.grad is None
    with tk.no_grad():
        assert not any(isinstance(r, tk.Tensor) and r.requires_grad for r in Many.apply(x, plain))


def test_user_function_without_zeros_for_unused_outputs() -> None:
    seen = []

    class Pair(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
            ctx.set_materialize_grads(False)
            return x * 2.0, x * 3.0

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> tk.Tensor:
            seen.append((g is None, h is None))
            return (0.0 if g is None else g * 2.0) + (0.0 if h is None else h * 3.0)

    x = leaf(1.0)
    Pair.apply(x)[1].backward()
    assert seen == [(True, False)] and values(x.grad) == [3.0]


class ScaleInPlace(Function):
    @staticmethod
    def forward(ctx: Any, x: tk.Tensor, factor: float) -> tk.Tensor:
        ctx.mark_dirty(x)
        ctx.factor = factor
        return x.mul_(factor)

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tuple[tk.Tensor, None]:
        return g * ctx.factor, None


def test_user_function_that_works_in_place() -> None:
    x = leaf(1.0, 2.0)
    middle = x * 1.0
    result = ScaleInPlace.apply(middle, 3.0)
    assert result is middle and result.grad_fn.name() == "ScaleInPlaceBackward"
    result.sum().backward()
    assert values(x.grad) == [3.0, 3.0]

    middle = x * 1.0
    square = middle * middle
    ScaleInPlace.apply(middle, 3.0)
    with pytest.raises(RuntimeError, match=r"mul saved .* changed in place by ScaleInPlace"):
        square.sum().backward()

    before = values(x)
    with pytest.raises(RuntimeError, match=r"^ScaleInPlace: a leaf"):
        ScaleInPlace.apply(x, 3.0)
    with pytest.raises(RuntimeError, match=r"^ScaleInPlace: .* a leaf"):
        ScaleInPlace.apply(x[:1], 3.0)
    assert values(x) == before
    with tk.no_grad():
        assert ScaleInPlace.apply(x, 3.0) is x
    assert values(x) == [3.0, 6.0] and x.is_leaf and x.requires_grad


def test_user_function_that_changes_a_view() -> None:
    x = leaf(1.0, 2.0)
    middle = x * 1.0
    last, whole = middle[1:], middle.view(2, 1)
    ScaleInPlace.apply(last, 3.0)
    (middle * whole.view(2)).sum().backward()
    assert values(middle) == [1.0, 6.0] and values(x.grad) == [2.0, 36.0]


def test_marks_that_make_no_sense() -> None:
    class Forgets(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            ctx.mark_dirty(x)
            return x * 2.0

    class Other(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            y = x * 2.0
            ctx.mark_dirty(y)
            return y

    with pytest.raises(RuntimeError, match=r"^Forgets: .* dirty"):
        Forgets.apply(leaf(1.0) * 1.0)
    with pytest.raises(RuntimeError, match=r"^mark_dirty: .* Other"):
        Other.apply(leaf(1.0))


def test_context_in_a_function_of_its_own() -> None:
    """``setup_context``, a gradient of more dimensions than the input, and extra None."""

    class Affine(Function):
        @staticmethod
        def forward(x: tk.Tensor, w: tk.Tensor) -> tk.Tensor:
            return x * w

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> Any:
            x, w = ctx.saved_tensors
            return g * w, g * x, None

    x, w = leaf(1.0, 2.0), leaf(3.0)
    assert gradcheck(Affine.apply, [x, w])
    assert gradgradcheck(Affine.apply, [x, w])


def test_once_differentiable() -> None:
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            assert not tk.is_grad_enabled()
            return Cube.backward(ctx, g)

    x = leaf(2.0)
    Once.apply(x).sum().backward()
    assert values(x.grad) == [12.0]
    (first,) = grad(Once.apply(x * 1.0).sum(), [x], create_graph=True)
    assert values(first) == [12.0]
    y = leaf(2.0)
    (first,) = grad((Once.apply(x) * y).sum(), [x], create_graph=True)
    with pytest.raises(RuntimeError, match=r"^Once: .* once_differentiable"):
        grad(first.sum(), [y])


def test_saved_tensors_outside_backward() -> None:
    kept = []

    class Keeps(Cube):
        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            kept.append(ctx)
            return Cube.backward(ctx, g)

    Keeps.apply(leaf(1.0)).sum().backward()
    with pytest.raises(RuntimeError, match=r"^saved_tensors: Keeps"):
        _ = kept[0].saved_tensors


def test_saved_input_changed_in_place() -> None:
    x = leaf(1.0, 2.0)
    middle = x * 1.0
    y = Cube.apply(middle).sum()
    middle.detach().add_(1.0)
    with pytest.raises(RuntimeError, match=r"Cube saved .* changed in place by add_"):
        y.backward()


def test_gradcheck_sees_a_wrong_backward() -> None:
    class Wrong(Cube):
        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            (x,) = ctx.saved_tensors
            return g * x * x * 2.9

    with pytest.raises(RuntimeError, match=r"^gradcheck: "):
        gradcheck(Wrong.apply, [leaf(1.0, 2.0)])
    assert not gradcheck(Wrong.apply, [leaf(1.0)], raise_exception=False)
    with pytest.raises(ValueError, match=r"^gradcheck: .*float64"):
        gradcheck(Cube.apply, [leaf(1.0, dtype=np.float32)])
    with pytest.raises(ValueError, match=r"^gradcheck: no input requires grad"):
        gradcheck(Cube.apply, [leaf(1.0).detach()])


def test_backward_within_backward() -> None:
    """A user's backward may itself run backward, on a graph of its own."""

    class Inner(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            (x,) = ctx.saved_tensors
            with tk.enable_grad():
                again = x.detach().requires_grad_()
                (again * again).sum().backward()
            assert again.grad is not None
            return g * again.grad

    x = leaf(3.0)
    Inner.apply(x).sum().backward()
    assert values(x.grad) == [6.0]


def test_mode_of_the_process_is_left_alone() -> None:
    assert lib.tk_grad_mode() == 1


def test_integers_and_bools_leave_the_graph() -> None:
    leaf = tk.tensor([0.5, 2.0]).requires_grad_()
    for kind in (tk.int64, tk.int32, tk.uint8, tk.bool):
        assert not leaf.to(kind).requires_grad
    assert leaf.double().requires_grad


# -- Ctrl-C ---------------------------------------------------------------------------------------


class Interrupting:
    """The C module, when a Ctrl-C is heard as the first change of the grad mode returns."""

    def __init__(self) -> None:
        self.heard = False

    def __getattr__(self, name: str) -> Any:
        return getattr(lib, name)

    def tk_set_grad_mode(self, mode: Any) -> int:
        before = lib.tk_set_grad_mode(mode)
        if not self.heard:
            self.heard = True
            raise KeyboardInterrupt
        return before


class Twice(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("engine", lambda x: (x * 2).sum().backward()),
        ("engine", lambda x: x.sum().backward()),
        ("function", Twice.apply),
        ("mode", tk.no_grad()(lambda x: x * 2)),
    ],
)
def test_an_interrupt_leaves_the_grad_mode(
    module: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = tk.ones(3, requires_grad=True)
    where = sys.modules[f"tinygrad_k.autograd.{module}"]
    with monkeypatch.context() as patched:
        patched.setattr(where, "lib", Interrupting())
        with pytest.raises(KeyboardInterrupt):
            call(x)
    assert tk.is_grad_enabled()
