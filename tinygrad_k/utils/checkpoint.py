"""Less memory for more time: what backward needs of a part of a model is computed anew there.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". The part is recorded as usual,
then its nodes forget what they saved. The first of them that backward meets runs the part again, on
the same arguments and random numbers; each then goes backward as its twin of that second run does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from ..autograd import enable_grad, engine, is_grad_enabled
from ..autograd.node import Node, Plan, unwatch, watch, who_changed
from ..checks import count
from ..locks import new_lock
from ..random import fork_rng, get_rng_state, set_rng_state
from ..tensor import Tensor
from ..trees import leaves

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, whose intermediate values are not kept for backward.

    The function runs a second time in backward, and must do the same again: RuntimeError where the
    ops differ (unless ``determinism_check="none"``, as far as they can be told apart), and where an
    argument was changed in place meanwhile. Random numbers are the same as the first time unless
    ``preserve_rng_state`` is False. There is one way of doing it: ``use_reentrant`` is accepted,
    and nothing depends on it.
    """
    if not callable(function):
        raise TypeError(f"checkpoint: expected a callable; got {type(function).__name__}")
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"checkpoint: determinism_check is 'default' or 'none'; got {determinism_check!r}"
        )
    if not is_grad_enabled():
        return function(*args, **kwargs)
    part = _Part(function, args, kwargs, preserve_rng_state, determinism_check == "default")
    return part.first()


class _Part:
    """A call that can be repeated, and the nodes of its last repetition that are not used up."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve: bool,
        check: bool,
    ) -> None:
        self._call = (function, args, kwargs)
        self._random = get_rng_state() if preserve else None
        self._check = check
        self._stamps = [_stamp(each) for each in self._arguments()]
        self._names: list[str] = []
        self._twins: list[Node | None] = []
        self._lock = new_lock()

    def first(self) -> Any:
        result, nodes = self._run()
        self._names = [node.op.name for node in nodes]
        for i, node in enumerate(nodes):
            if node.saved or isinstance(node.plan.rules, _Repeat):
                rule = _Repeat(self, i)
                node.plan = Plan(node.op, (), rule, joint=True, foreign=node.plan.foreign)
                node.saved, node.shapes = (), None
        return result

    def _run(self) -> tuple[Any, list[Node]]:
        """The call's result, and the nodes that it made, in their order."""
        nodes: list[Node] = []
        me = threading.get_ident()

        def made(node: Node) -> None:
            if threading.get_ident() == me:
                nodes.append(node)

        function, args, kwargs = self._call
        watch(made)
        try:
            return function(*args, **kwargs), nodes
        finally:
            unwatch(made)

    def twin(self, i: int) -> Node:
        """The i-th node of a repetition, which is forgotten here: it is used once."""
        with self._lock:
            if not self._twins or self._twins[i] is None:
                self._twins = self._repeat()
            node, self._twins[i] = self._twins[i], None
            assert node is not None
            return node

    def _arguments(self) -> list[Tensor]:
        return [each for each in leaves(self._call[1:]) if isinstance(each, Tensor)]

    def _repeat(self) -> list[Node | None]:
        for each, stamp in zip(self._arguments(), self._stamps, strict=True):
            if _stamp(each) != stamp:
                raise RuntimeError(
                    f"checkpoint: an argument of {each.dtype.name} {tuple(each.shape)} was changed "
                    f"in place by {who_changed(each)} before it was needed again"
                )
        with fork_rng() if self._random is not None else nullcontext(), enable_grad():
            if self._random is not None:
                set_rng_state(self._random)
            _, nodes = self._run()
        names = [node.op.name for node in nodes]
        if len(names) != len(self._names) or (self._check and names != self._names):
            pairs = zip(self._names, names, strict=False)
            where = next(
                (i for i, (a, b) in enumerate(pairs) if a != b), min(len(names), len(self._names))
            )
            raise RuntimeError(
                "checkpoint: the function did something else the second time: recorded op "
                f"{where} was {self._at(self._names, where)}, now {self._at(names, where)}"
            )
        return list(nodes)

    @staticmethod
    def _at(names: list[str], i: int) -> str:
        return names[i] if i < len(names) else "none"


class _Repeat:
    """The rule of a node that has forgotten what it saved."""

    def __init__(self, part: _Part, position: int) -> None:
        self._part, self._position = part, position

    def __call__(self, gradient: Any) -> Any:
        return engine.apply_node(self._part.twin(self._position), gradient, is_grad_enabled())


def _stamp(t: Any) -> int:
    """When the memory was last changed in place; of vmap's batched tensor, that of the batch."""
    while hasattr(t, "_value"):
        t = t._value
    return int(t._h.storage.stamp)


def checkpoint_sequential(
    functions: Sequence[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The functions (or modules of a Sequential) one after another, in checkpointed segments.

    The last segment is run as usual: backward begins with it.
    """
    several = list(functions)
    segments = count("checkpoint_sequential", "segments", segments, 1)
    if segments > len(several):
        raise ValueError(f"checkpoint_sequential: {segments} segments of {len(several)} functions")
    size = len(several) // segments

    def run(start: int, stop: int) -> Callable[[Any], Any]:
        def segment(value: Any) -> Any:
            for each in several[start:stop]:
                value = each(value)
            return value

        return segment

    last = size * (segments - 1)
    for start in range(0, last, size):
        input = checkpoint(run(start, start + size), input, use_reentrant=use_reentrant, **kwargs)
    return run(last, len(several))(input)
