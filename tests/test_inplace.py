"""In-place forms: the values of the op, written where they belong, and noticed by autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cases import FLOATS, GROUPS, Case, array_of, case_of, cases, name_of, rows, same_bits

import tinygrad_k as tk
from tinygrad_k.ops import OPS, Op
from tinygrad_k.testing.laws import call, differentiable, leaves_of, operands

INPLACE = rows(  # those that are views of the tensor itself write nothing
    lambda op: op.samples and op.family != "view" and hasattr(tk.Tensor, f"{op.name}_")
)
inplace = pytest.mark.parametrize("op", INPLACE, ids=name_of)
inplace_binary = pytest.mark.parametrize(
    "op", [op for op in INPLACE if len(op.domain) == 2], ids=name_of
)


def test_there_are_some() -> None:
    assert len(INPLACE) > 30


@inplace
def test_equals_the_op_and_counts(op: Op, isa: str) -> None:
    """Same bits as the op where the result fits, and a refusal that changes nothing elsewhere."""
    for case in cases(op):
        ready = case.changed(lambda x: tk.from_numpy(np.array(x)))
        target, before = ready.args[0], array_of(ready.args[0])
        expected = case.call()
        version = target._version
        method = getattr(target, f"{op.name}_")
        fits = expected.shape == target.shape and expected.dtype is target.dtype
        try:
            result = method(*ready.args[1:], **ready.kwargs)
        except (ValueError, TypeError, RuntimeError) as error:
            assert not fits, f"{case}: {error}"
            assert str(error).startswith(op.name), str(error)
            assert same_bits(array_of(target), before), f"{case} failed and changed its target"
            continue
        assert result is target
        assert target._version == version + 1, str(case)
        assert target.shape == expected.shape or not fits
        wanted = array_of(expected).astype(target.dtype.numpy)
        assert same_bits(array_of(target), wanted), f"{case}: {target} for {wanted}"


@inplace
def test_read_only_memory_is_refused(op: Op) -> None:
    for case in cases(op, GROUPS[op.dtypes][:1]):
        ready = case.changed(lambda x: tk.from_numpy(np.array(x)))
        frozen = np.array(case.args[0])
        frozen.flags.writeable = False
        with pytest.raises((RuntimeError, ValueError), match=r"^\w+: "):
            getattr(tk.from_numpy(frozen), f"{op.name}_")(*ready.args[1:], **ready.kwargs)
        assert same_bits(frozen, np.array(case.args[0]))


VIEWS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda x: x,
    lambda x: x[::-1],
    lambda x: x[:, ::-1],
    lambda x: x.T,
    lambda x: x[1:2],
    lambda x: x[:, 2:3],
    lambda x: x[3, 4, ...],
    lambda x: np.broadcast_to(x[0], x.shape),
    lambda x: np.broadcast_to(x[:, :1], x.shape),
)


@inplace_binary
def test_operand_in_the_same_memory(op: Op, isa: str) -> None:
    """``x.op_(view of x)`` is what the op gives of copies, however the two overlap."""
    kind = GROUPS[op.dtypes][0]
    for n in (5, 70):
        for view in VIEWS:
            draw = op.domain[1](n, n)
            memory = case_of(op, type(op.samples[0])((draw,)), kind).args[0]
            result = Case(op, (np.array(memory), np.array(view(memory)))).call()
            expected = array_of(result).astype(memory.dtype)
            target = tk.from_numpy(memory)
            getattr(target, f"{op.name}_")(tk.from_numpy(view(memory)))
            assert same_bits(array_of(target), expected), op.name


@inplace_binary
def test_shifted_window_in_the_same_memory(op: Op) -> None:
    """Target and operand are windows on one array, each a few elements further."""
    kind = GROUPS[op.dtypes][0]
    for offset in (-3, -1, 1, 2):
        memory = case_of(op, type(op.samples[0])((op.domain[1](300),)), kind).args[0]
        windows = memory[10:200], memory[10 + offset : 200 + offset]
        result = Case(op, tuple(np.array(each) for each in windows)).call()
        expected = array_of(result).astype(memory.dtype)
        getattr(tk.from_numpy(windows[0]), f"{op.name}_")(tk.from_numpy(windows[1]))
        assert same_bits(np.array(windows[0]), expected), op.name


@pytest.mark.parametrize("op", rows(lambda op: differentiable(op) and op.samples), ids=name_of)
def test_changing_what_was_saved(op: Op) -> None:
    """Backward is unmoved by a change of an operand, or it refuses and names both ops."""
    for case in cases(op, FLOATS[1:]):
        arrays, places = case.arrays(), operands(case)
        for changed in [*range(len(arrays)), "result"]:
            tensors = leaves_of(case, places, arrays)
            result = call(case, tensors)
            if not result.requires_grad or not result.numel():
                continue
            wanted = [tensors[i] for i in places]
            seed = tk.from_numpy(np.ones(result.shape))
            kept = tk.autograd.grad(result, wanted, seed, retain_graph=True, allow_unused=True)
            target = result if changed == "result" else tensors[changed]  # type: ignore[index]
            if not target.numel():
                continue
            try:
                target.detach().fill_(0)
            except RuntimeError as error:
                assert "share memory" in str(error), str(error)
                continue
            try:
                found = tk.autograd.grad(result, wanted, seed, allow_unused=True)
            except RuntimeError as error:
                assert str(error).startswith("backward: "), str(error)
                assert "fill_" in str(error), str(error)
                assert op.name in str(error) or op.name not in OPS, str(error)
                continue
            for a, b in zip(kept, found, strict=True):
                assert (a is None) == (b is None)
                if a is not None and b is not None:
                    assert same_bits(array_of(a), array_of(b)), f"{case}, operand {changed}"


def test_versions_are_shared_by_views() -> None:
    base = tk.from_numpy(np.zeros((3, 4)))
    view = base.transpose(0, 1)
    version = base._version
    view.add_(1.0)
    assert base._version == view._version == version + 1
    base.mul_(2.0)
    assert view._version == version + 2
    assert base.detach()._version == base._version


def test_leaf_that_wants_a_gradient() -> None:
    leaf = tk.from_numpy(np.ones(3)).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^add_: a leaf"):
        leaf.add_(1.0)
    with tk.no_grad():
        leaf.add_(1.0)
    assert leaf.tolist() == [2.0, 2.0, 2.0]


def test_recorded_change_takes_part_in_the_graph() -> None:
    leaf = tk.from_numpy(np.array([1.0, 2.0, 3.0])).requires_grad_()
    total = leaf * 2.0
    total.add_(leaf.exp())
    total.mul_(3.0)
    total.sum().backward()
    assert leaf.grad is not None
    assert np.allclose(leaf.grad.numpy(), 6.0 + 3.0 * np.exp([1.0, 2.0, 3.0]), rtol=1e-14)


def test_names_of_both_ops() -> None:
    """The message says which op saved the tensor and which one changed it."""
    assert "exp" in OPS
    leaf = tk.from_numpy(np.ones(3)).requires_grad_()
    result = leaf.exp()
    result.detach().mul_(2.0)
    with pytest.raises(RuntimeError, match=r"exp saved .* changed in place by mul_"):
        result.sum().backward()
