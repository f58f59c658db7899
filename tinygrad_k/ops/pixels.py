"""Pixels and channels rearranged: blocks of an image become channels and come back."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .declare import composite, tried
from .samples import real
from .shape import _permute, _reshape

FUNCTIONAL = True


def _check(name: str, input: Tensor, factor: Any, parts: tuple[int, ...]) -> None:
    """``parts``: the dimensions that the factor, or its square for channels, must divide."""
    if input.ndim < 3:
        raise ValueError(f"{name}: at least 3 dimensions; got {tuple(input.shape)}")
    if not isinstance(factor, int) or factor < 1:
        raise ValueError(f"{name}: the factor must be an int from 1 up; got {factor!r}")
    for dim in parts:
        block = factor * factor if dim == -3 else factor
        if input.shape[dim] % block:
            raise ValueError(
                f"{name}: {block} does not divide dimension {dim}; got {tuple(input.shape)}"
            )


def _numpy_shuffle(x: Any, r: int) -> Any:
    *batch, c, h, w = x.shape
    y = x.reshape(-1, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(*batch, c // r**2, h * r, w * r)


@tried(
    ref=_numpy_shuffle, samples=[(real(2, 8, 3, 2), 2), (real(9, 1, 2), 3), (real(0, 4, 2, 2), 2)]
)
@composite
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r^2, H, W) -> (..., C, H r, W r). Shi et al. 2016."""
    r = upscale_factor
    _check("pixel_shuffle", input, r, (-3,))
    *batch, c, h, w = input.shape
    n = len(batch)
    blocks = _reshape(input, (*batch, c // (r * r), r, r, h, w))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return _reshape(_permute(blocks, order), (*batch, c // (r * r), h * r, w * r))


def _numpy_unshuffle(x: Any, r: int) -> Any:
    *batch, c, h, w = x.shape
    y = x.reshape(-1, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return y.reshape(*batch, c * r**2, h // r, w // r)


@tried(ref=_numpy_unshuffle, samples=[(real(2, 3, 4, 2), 2), (real(2, 3, 6), 3)])
@composite
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) -> (..., C r^2, H, W), the inverse of ``pixel_shuffle``."""
    r = downscale_factor
    _check("pixel_unshuffle", input, r, (-2, -1))
    *batch, c, h, w = input.shape
    n = len(batch)
    blocks = _reshape(input, (*batch, c, h // r, r, w // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return _reshape(_permute(blocks, order), (*batch, c * r * r, h // r, w // r))


@tried(
    ref=lambda x, g: x.reshape(x.shape[0], g, -1, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape),
    samples=[(real(2, 6, 3), 2), (real(1, 6, 2, 2), 3)],
)
@composite
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels (dimension 1) of ``groups`` groups dealt out in turn. Zhang et al. 2018."""
    if input.ndim < 3:
        raise ValueError(f"channel_shuffle: at least 3 dimensions; got {tuple(input.shape)}")
    if not isinstance(groups, int) or groups < 1 or input.shape[1] % groups:
        raise ValueError(
            f"channel_shuffle: groups must divide {input.shape[1]} channels; got {groups!r}"
        )
    n, c, *rest = input.shape
    parts = _reshape(input, (n, groups, c // groups, *rest))
    return _reshape(parts.transpose(1, 2), tuple(input.shape))
