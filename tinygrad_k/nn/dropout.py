"""Dropout, of elements and of whole channels."""

from __future__ import annotations

from typing import Any, ClassVar

from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Dropout(Module):
    _drop: ClassVar[Any]  # the function of nn.functional

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{self._get_name()}: p is a probability, 0 to 1; got {p!r}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self)._drop(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training each element is 0 with probability p, else divided by 1 - p.

    In evaluation the input itself. With ``inplace`` the input is overwritten.
    """

    _drop = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """As ``Dropout`` for whole channels of [N, C, L] or [C, L]."""

    _drop = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """As ``Dropout`` for whole channels of [N, C, H, W] or [C, H, W]."""

    _drop = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """As ``Dropout`` for whole channels of [N, C, D, H, W] or [C, D, H, W]."""

    _drop = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """In training elements become SELU's lower limit with probability p, and all are scaled so that
    mean 0 and variance 1 stay. Klambauer et al. 2017."""

    _drop = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """As ``AlphaDropout`` for whole channels of [N, C, ...]."""

    _drop = staticmethod(F.feature_alpha_dropout)
