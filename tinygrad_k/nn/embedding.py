"""Embeddings: a table of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

from ..autograd import no_grad
from ..ops.creation import empty
from ..tensor import Tensor
from . import functional as F, init
from .linear import count
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """The rows of ``weight`` (num_embeddings, embedding_dim) at int indices.

    Of shape (...) to (..., embedding_dim). ``weight`` begins normal. The row ``padding_idx``
    begins as zeros and gets no gradient.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = self._padding(padding_idx)
        size = (self.num_embeddings, self.embedding_dim)
        self.weight = Parameter(empty(*size, device=device, dtype=dtype))
        self.reset_parameters()

    def _padding(self, value: int | None) -> int | None:
        if value is None:
            return None
        n = self.num_embeddings
        if not -n <= value < n:
            raise ValueError(f"Embedding: padding_idx {value} is out of range for {n} embeddings")
        return value % n

    def reset_parameters(self) -> None:
        """Draws the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight.select(0, self.padding_idx).zero_()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """An embedding whose table is a given matrix, not trained if ``freeze``."""
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
            raise ValueError("Embedding.from_pretrained: expected a matrix")
        module = cls.__new__(cls)
        module.num_embeddings, module.embedding_dim = embeddings.shape
        module.padding_idx = module._padding(padding_idx)
        module.weight = Parameter(embeddings, requires_grad=not freeze)
        return module

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
