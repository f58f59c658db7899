"""Embeddings: a table of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

from ..autograd import no_grad
from ..checks import count
from ..ops.creation import empty
from ..tensor import Tensor
from . import functional as F, init
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """Has a weight (num_embeddings, embedding_dim), and perhaps a row of it for padding."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None

    def _begin(self, weight: Tensor | None, trained: bool, device: Any, dtype: Any) -> None:
        size = (self.num_embeddings, self.embedding_dim)
        given = empty(*size, device=device, dtype=dtype) if weight is None else weight
        if not isinstance(given, Tensor) or given.shape != size:
            got = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise ValueError(f"{self._get_name()}: the weight must be {size}; got {got}")
        self.weight = Parameter(given, requires_grad=trained)
        if weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight.select(0, self.padding_idx).zero_()


def _row(owner: str, value: Any, rows: int) -> int | None:
    """``padding_idx`` as the number of a row, or None."""
    if value is None:
        return None
    number = count(owner, "padding_idx", value, least=-rows)
    if number >= rows:
        raise ValueError(f"{owner}: padding_idx {number} is out of range for {rows} embeddings")
    return number % rows


def _sizes(owner: str, embeddings: Any) -> tuple[int, ...]:
    if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
        raise ValueError(f"{owner}.from_pretrained: expected a matrix")
    return embeddings.shape


class Embedding(_Table):
    """The rows of ``weight`` (num_embeddings, embedding_dim) at int indices.

    Of shape (...) to (..., embedding_dim). ``weight`` begins normal. The row ``padding_idx``
    begins as zeros and gets no gradient. With ``max_norm``, rows that are used are first scaled
    down to it, in place; ``scale_grad_by_freq`` divides their gradients by how often they are.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = _row("Embedding", padding_idx, self.num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self._begin(_weight, not _freeze, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An embedding whose table is a given matrix, not trained if ``freeze``."""
        rows, width = _sizes("Embedding", embeddings)
        how = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)
        return cls(rows, width, *how)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of ``weight`` in bags of int indices.

    Of (bags, n), or a vector of indices and the offsets where bags begin, to (bags, embedding_dim).
    ``weight`` begins normal. The row ``padding_idx`` begins as zeros and does not count.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.num_embeddings = count("EmbeddingBag", "num_embeddings", num_embeddings)
        self.embedding_dim = count("EmbeddingBag", "embedding_dim", embedding_dim)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.mode, self.sparse = scale_grad_by_freq, mode, sparse
        self.include_last_offset = include_last_offset
        self.padding_idx = _row("EmbeddingBag", padding_idx, self.num_embeddings)
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: mode must be 'sum', 'mean' or 'max'; got {mode!r}")
        self._begin(_weight, True, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Bags whose table is a given matrix, not trained if ``freeze``."""
        rows, width = _sizes("EmbeddingBag", embeddings)
        how = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings)
        module = cls(rows, width, *how, include_last_offset, padding_idx)
        module.weight.requires_grad_(not freeze)
        return module

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}"
