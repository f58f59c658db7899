"""Anomaly mode and the errors that name lines of the user's code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_k as tk
from tinygrad_k.autograd import Function, detect_anomaly, set_detect_anomaly


def leaf(*values: float) -> tk.Tensor:
    return tk.from_numpy(np.array(values)).requires_grad_()


def makes_nan(x: tk.Tensor) -> tk.Tensor:
    return (x * 0.0).sqrt() * 0.0  # the line to be named


def test_nan_names_op_and_line() -> None:
    x = leaf(1.0)
    with detect_anomaly():
        y = makes_nan(x).sum()
        with pytest.raises(RuntimeError, match=r"SqrtBackward0 returned NaN") as caught:
            y.backward()
    text = str(caught.value)
    assert "return (x * 0.0).sqrt() * 0.0  # the line to be named" in text.splitlines()[-1]
    assert "test_anomaly.py" in text and "in test_nan_names_op_and_line" in text
    makes_nan(x).sum().backward()
    assert x.grad is not None and math.isnan(x.grad.item())


def test_without_looking_for_nan() -> None:
    x = leaf(1.0)
    with detect_anomaly(check_nan=False):
        makes_nan(x).sum().backward()
    assert x.grad is not None and math.isnan(x.grad.item())


def test_errors_in_backward_show_the_forward_line() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            return x * 2.0

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            raise KeyError("on purpose")

    with detect_anomaly():
        y = Fails.apply(leaf(1.0))  # failing line
    with detect_anomaly(), pytest.raises(KeyError) as caught:
        y.sum().backward()
    notes = getattr(caught.value, "__notes__", None) or caught.value.args
    assert any("FailsBackward" in note and "# failing line" in note for note in notes)


def test_recorded_before_it_was_on() -> None:
    y = makes_nan(leaf(1.0)).sum()
    with detect_anomaly(), pytest.raises(RuntimeError, match="before anomaly mode"):
        y.backward()


def test_modes_nest_and_end() -> None:
    on, nan = tk.autograd.is_anomaly_enabled, tk.autograd.is_anomaly_check_nan_enabled
    assert not on()
    with detect_anomaly():
        assert on() and nan()
        with detect_anomaly(check_nan=False):
            assert on() and not nan()
        with set_detect_anomaly(False):
            assert not on()
        assert on() and nan()
    assert not on()
    set_detect_anomaly(True)
    assert on()
    set_detect_anomaly(False)
    assert not on()

    @detect_anomaly()
    def function() -> bool:
        return on()

    assert function() and not on()
    assert (leaf(1.0) * 2.0).grad_fn.trace is None


def test_in_place_error_names_both_ops_and_the_line() -> None:
    def spoil(t: tk.Tensor) -> None:
        t.detach().mul_(2.0)  # changed here

    x = leaf(1.0)
    middle = x * 1.0
    y = middle.exp().sin()
    middle.detach()[0] = 3.0  # assigned here
    exp = y
    y = middle.sin()
    spoil(middle)
    told = r"sin saved .* by mul_ \(.*test_anomaly.py:\d+ in spoil: t.detach\(\).*# changed here\)"
    with pytest.raises(RuntimeError, match=told):
        y.sum().backward()
    exp.sum().backward()  # exp saved its result

    middle = x * 1.0
    with detect_anomaly():
        y = middle.sin()  # saved here
    middle.detach()[0] = 3.0  # assigned here
    told = r"sin \(.*# saved here\) saved .* by .*setitem.* \(.*# assigned here\)"
    with pytest.raises(RuntimeError, match=told):
        y.sum().backward()
