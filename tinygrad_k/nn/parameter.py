"""Parameters: the tensors of a module that an optimizer changes."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, alias_as


class Parameter(Tensor):
    """A leaf that a Module takes for its own when it is assigned as an attribute.

    It shares memory with ``data``. TypeError unless ``data`` is a tensor, of a floating dtype where
    ``requires_grad``.
    """

    __slots__ = ()

    def __new__(cls, data: Tensor, requires_grad: bool = True) -> Parameter:
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: data must be a Tensor; got {type(data).__name__}")
        if requires_grad and not data.dtype.is_floating_point:
            raise TypeError(
                f"Parameter: only floating tensors have gradients; got {data.dtype.name}; pass "
                "requires_grad=False"
            )
        self: Any = alias_as(cls, data)
        return self.requires_grad_() if requires_grad else self

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """A parameter with memory of its own, without the gradient."""
        copy: Any = alias_as(type(self), self.detach().clone())
        memo[id(self)] = copy
        return copy.requires_grad_(self.requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
