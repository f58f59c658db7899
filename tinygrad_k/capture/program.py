"""A function's launches, ready to run again: what must hold before, and what is left after."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_not
from sys import getrefcount
from typing import Any

from ..autograd.node import Leaf
from ..backend import DTYPES, fail, ffi, lib, world
from ..tensor import Tensor, empty_strided, wrap
from .plan import TILE, Plan, make_plan
from .recording import ANYTHING, Recording
from .structure import PLACE, ends, put_together
from .tape import INPUT, INSIDE, OUTSIDE

PAUSE = 80_000_000  # nanoseconds that C may run: a Ctrl-C and a bar wait no longer than 0.1 s
MISS = object()  # the program is not for this call
SHARED = object()  # nor is any other: an argument shares memory with what is written
NULL = ffi.NULL
_replay, _replay_one, _status = lib.tk_replay, lib.tk_replay_one, lib.tk_replay_status
_new = object.__new__


class Unfit(Exception):
    """Why what was recorded cannot be replayed."""


class Program:
    """The replay of a recorded run, with its conditions.

    ``results`` are the tensors that the run returned, ``shape`` is the structure they stood in.
    """

    def __init__(
        self,
        recording: Recording,
        inputs: Sequence[Tensor],
        results: Sequence[Tensor],
        shape: Any,
    ) -> None:
        if recording.problem:
            raise Unfit(recording.problem)
        tape, launches, blocks = recording.tape, recording.launches, recording.blocks
        self.memory = recording.outside
        self.count = len(inputs)
        self.inputs = [(each.dtype, tuple(each.shape)) for each in inputs]
        self.shape = shape
        self._updates = recording.updates
        # Lists that users may change without a word: the groups of an optimizer, their parameters.
        self._lists = tuple(
            (each, tuple(each))
            for optimizer in {update[0] for update in recording.updates}
            for each in (
                optimizer.param_groups,
                *(group["params"] for group in optimizer.param_groups),
            )
        )
        self._modules = tuple(
            (
                module,
                training,
                dict(module.__dict__),
                [(each, each._node) for each in vars(module).values() if isinstance(each, Tensor)],
            )
            for module, training in recording.modules.items()
        )
        self._states = [
            _state_of(optimizer, group, names) for optimizer, group, _, names in recording.updates
        ]
        self._kept = (recording.kept, [step.hyper for _, _, step, _ in recording.updates])
        self.structure, self.settings = recording.structure, world.settings
        self._details = world.details

        fresh = self._find_results(recording, inputs, results, blocks)
        gradients = self._find_gradients(recording, blocks)
        kept = set(fresh.values()) | {block for _, _, block in gradients}
        escaped = [
            i for i, b in enumerate(blocks) if b.kind == INSIDE and b.alive and i not in kept
        ]
        if recording.settling:
            raise Unfit("an optimizer made its state; the next call records again")
        if escaped:
            makers = {block: each.name for each in launches for block, _ in each.writes}
            what = ", ".join(sorted({makers.get(block, "its data") for block in escaped}))
            raise Unfit(
                f"it keeps {len(escaped)} tensors that it made (by {what}) other than its results "
                "and gradients; return them instead"
            )
        written = {block for launch in launches for block, _ in launch.writes}
        constant = [block for block in fresh.values() if block not in written]
        if constant:
            raise Unfit("a result is made of Python data alone")

        plan: Plan = make_plan(tape, launches, blocks, kept)
        self.plan, self.blocks = plan, blocks
        order = [launch.number for launch in plan.launches]
        lengths = [n for group in plan.groups for n in (len(group), *[0] * (len(group) - 1))]
        c = lib.tk_program_new(tape, len(order), order, lengths, plan.offsets, plan.arena, TILE)
        if not c:
            fail()
        self.c = ffi.gc(c, lib.tk_program_free)
        for i, each in enumerate(inputs):
            lib.tk_program_input(self.c, each._h, i in written)
        for i, result in enumerate(results):
            if i in fresh and lib.tk_program_result(self.c, fresh[i], result._h):
                fail()
        for block in written:
            if block in self.memory:
                lib.tk_program_touches(self.c, self.memory[block]._h)
        self.gradients = gradients
        for i, (_, grad, block) in enumerate(gradients):
            if lib.tk_program_gradient(self.c, i, block, grad._h):
                fail()
        self._stages: list[Tensor] | None = None  # where rows of an epoch are gathered
        self._num_fresh = len(fresh)
        self._single = shape is PLACE and len(fresh) == 1

    # -- what a run leaves ------------------------------------------------------------------------

    def _find_results(
        self, recording: Recording, inputs: Sequence[Tensor], results: Sequence[Tensor], blocks: Any
    ) -> dict[int, int]:
        """The block of each result that is made anew; the others are objects that are there."""
        self._present: dict[int, Any] = {}  # result -> input, or the tensor itself
        self._of_leaf: dict[int, Leaf] = {}
        leaves = {id(leaf.grad): leaf for leaf in recording.gradients if leaf.grad is not None}
        fresh = {}
        for i, result in enumerate(results):
            position = next((k for k, each in enumerate(inputs) if each is result), None)
            if position is not None:
                self._present[i] = position
            elif id(result) in leaves and not any(
                result is before for before in recording.gradients.values()
            ):
                self._of_leaf[i] = leaves[id(result)]
            else:
                block = recording.block(result)
                if block < 0 or blocks[block].kind == INPUT:
                    raise Unfit("a result is a view of an argument, or made of Python data")
                if blocks[block].kind == OUTSIDE:
                    self._present[i] = result
                elif blocks[block].kind == INSIDE:
                    _check_result(i, result)
                    fresh[i] = block
                else:
                    raise Unfit("a result is made of Python data alone")
        return fresh

    def _find_gradients(self, recording: Recording, blocks: Any) -> list[tuple[Leaf, Tensor, int]]:
        """The gradients that the run left, each a tensor with its block; and the conditions on
        those it found."""
        gradients = []
        entries = []
        self._cleared: list[Leaf] = []
        for leaf, before in recording.gradients.items():
            if before is not ANYTHING:
                used = before is not None and recording.block(before) >= 0
                entries.append((leaf, before, used))
            grad = leaf.grad
            if grad is None:
                self._cleared.append(leaf)
                continue
            if grad is before:
                continue
            block = recording.block(grad)
            if block < 0 or blocks[block].kind != INSIDE or grad._h.storage.refs > 1:
                raise Unfit("a gradient shares memory with another tensor")
            gradients.append((leaf, grad, block))
        self._entries = tuple(entries)
        return gradients

    # -- replay -----------------------------------------------------------------------------------

    def fits_world(self) -> bool:
        """Whether nothing was replaced, modules are in the same mode; takes over new settings."""
        if world.structure != self.structure:
            return False
        settings, details = world.settings, world.details
        if details != self._details and not self._same_details():
            return False
        self._details = details
        if any(module.training != training for module, training, _, _ in self._modules):
            return False
        for optimizer, group, step, names in self._updates:
            if optimizer._state_names(group) != names:
                return False
            step.set(optimizer._reads, optimizer._hyper(group))
        self.settings = settings
        return True

    def _same_details(self) -> bool:
        """Whether modules have the same attributes and hooks, optimizers the same states."""
        for module, _, attributes, nodes in self._modules:
            if not _same_attributes(module.__dict__, attributes):
                return False
            if any(each._node is not node for each, node in nodes):
                return False
        for update, state in zip(self._updates, self._states, strict=True):
            optimizer, group, step, names = update
            if not _same(_state_of(optimizer, group, names), state):
                return False
            if any(each.get("step") != step.counted for each in step.followers):
                return False
        return True

    def __call__(self, args: Sequence[Tensor]) -> Any:
        """The function's result for these tensors, or MISS where the program is not for them."""
        if world.settings != self.settings and not self.fits_world():
            return MISS
        leaves = self._prepare()
        if leaves is None:
            return MISS
        n = len(args)
        if self._single and 0 < n < 3:
            handle = _replay_one(self.c, args[0]._h, args[1]._h if n == 2 else NULL)
            if not handle:
                return self._refused(_status(), args)
            result = _new(Tensor)
            result._h = handle
            result._node = None
        else:
            outs = ffi.new("tk_tensor *[]", max(1, self._num_fresh))
            status = _replay(self.c, n, [each._h for each in args], outs)
            if status:
                return self._refused(status, args)
            result = self._assemble(args, [wrap(each) for each in outs[0 : self._num_fresh]])
        if leaves:
            self._leave_gradients()
        return result

    def _prepare(self) -> bool | None:
        """Replaces gradients that somebody holds; whether leaves must be given theirs afterwards.

        None where lists or gradients are not as they were.
        """
        for each, before in self._lists:
            if len(each) != len(before) or any(map(is_not, each, before)):
                return None
        for leaf, before, used in self._entries:
            grad = leaf.grad
            if grad is not before and (used or grad is None or before is None):
                return None
        leaves = bool(self._cleared)
        for i, (leaf, grad, _) in enumerate(self.gradients):
            held = _HELD
            if leaf.grad is not grad:
                leaves = True
                held -= 1
            if getrefcount(grad) > held:
                self._renew(i)
        return leaves

    def _leave_gradients(self) -> None:
        for leaf, grad, _ in self.gradients:
            if leaf.grad is not grad:
                leaf.grad = grad
        for leaf in self._cleared:
            leaf.grad = None

    def _refused(self, status: int, args: Sequence[Tensor]) -> Any:
        """What follows where C did not replay."""
        if status < 0:
            self._forget_gradients()
            fail()
        if status != lib.TK_REPLAY_HELD:
            return SHARED if status == lib.TK_REPLAY_SHARED else MISS
        for i in range(len(self.gradients)):
            self._renew(i)
        return self(args)

    def _forget_gradients(self) -> None:
        """After an error: those that the run makes anew may be half done."""
        for leaf in [*(leaf for leaf, _, _ in self.gradients), *self._cleared]:
            leaf.grad = None

    def over_rows(
        self, data: Sequence[Tensor], order: Tensor, start: int, batches: int, totals: list[float]
    ) -> Any:
        """Replays for batches of rows of ``data`` and adds the results, numbers, to ``totals``.

        Returns how many batches were done in about a tenth of a second, or MISS.
        """
        if self._present or self._of_leaf or not self.fits_world() or self._prepare() is None:
            return MISS
        if self._stages is None:
            self._stages = [
                wrap(lib.tk_empty(kind.number, len(shape), shape)) for kind, shape in self.inputs
            ]
        kinds = ends(self.shape)
        sums = ffi.new(
            "double[]", [x for x, kind in zip(totals, kinds, strict=True) if kind is PLACE]
        )
        done = ffi.new("int64_t *")
        status = lib.tk_replay_rows(
            self.c,
            self.count,
            [each._h for each in self._stages],
            [each._h for each in data],
            order._h,
            start,
            batches,
            PAUSE,
            sums,
            done,
        )
        if status < 0:
            self._forget_gradients()
            fail()
        if status:
            return MISS
        self._leave_gradients()
        found = iter(ffi.unpack(sums, len(sums)))
        for i, kind in enumerate(kinds):
            if kind is PLACE:
                totals[i] = next(found)
            else:
                for _ in range(done[0]):  # as a loop adds it, rounding and all
                    totals[i] += kind
        return done[0]

    def _assemble(self, args: Sequence[Tensor], fresh: list[Tensor]) -> Any:
        """The function's result from the tensors that were made, in their order."""
        made = iter(fresh)
        results: list[Any] = []
        for i in range(len(fresh) + len(self._present) + len(self._of_leaf)):
            if i in self._present:
                which = self._present[i]
                results.append(args[which] if isinstance(which, int) else which)
            elif i in self._of_leaf:
                results.append(None)  # known only when the gradients are in place
            else:
                results.append(next(made))
        for i, leaf in self._of_leaf.items():
            results[i] = next(grad for each, grad, _ in self.gradients if each is leaf)
        return put_together(self.shape, results)

    def _renew(self, i: int) -> None:
        """Somebody holds the gradient that the next replay would overwrite: it gets another."""
        leaf, grad, block = self.gradients[i]
        room = grad._h.storage.nbytes // grad.itemsize  # it may be a part of what was computed
        other = empty_strided(grad.dtype, grad.shape, grad.stride(), grad.storage_offset(), room)
        if lib.tk_program_gradient(self.c, i, block, other._h):
            fail()
        if leaf.grad is grad:
            leaf.grad = other
        self.gradients[i] = (leaf, other, block)

    # -- what it is -------------------------------------------------------------------------------

    def bytes(self) -> dict[str, int]:
        """Bytes that a replay uses: ``arena`` of its own, ``results`` made anew each time,
        ``gradients``, and ``outside``, which belongs to others."""
        kept = {block for _, _, block in self.gradients}
        inside = [
            b for i, b in enumerate(self.blocks) if b.kind == INSIDE and b.alive and i not in kept
        ]
        return {
            "arena": self.plan.arena,
            "results": sum(each.nbytes for each in inside),
            "gradients": sum(self.blocks[i].nbytes for i in kept),
            "outside": sum(each.nbytes for each in self.memory.values()),
        }

    def text(self) -> str:
        """The launches, as ``explain`` prints them."""
        plan = self.plan
        ns = ffi.new("int64_t[]", len(plan.groups) + 1)
        replays = lib.tk_program_times(self.c, ns)
        total = sum(ns) or 1
        took_in: dict[int, list[str]] = {}
        for product, follower in plan.folded:
            took_in.setdefault(product.number, []).append(follower.name)
        lines = [
            f"{len(plan.launches)} launches of {plan.recorded} recorded, "
            f"{len(plan.groups)} steps; "
            + ", ".join(f"{name} {nbytes} bytes" for name, nbytes in self.bytes().items())
        ]
        for i, group in enumerate(plan.groups):
            share = f"{100 * ns[i] / total:5.1f}%" if replays else "      "
            names = " > ".join(
                " + ".join([each.name, *took_in.get(each.number, [])]) for each in group
            )
            kind = DTYPES[group[0].dtype].name
            lines.append(f"{i:4}  {share}  {names}  {kind}, {group[0].units} units")
        for launch, why in plan.removed:
            lines.append(f"      left out: {launch.number} {launch.name}: {why}")
        return "\n".join(lines)


def _check_result(i: int, result: Tensor) -> None:
    node: Any = result._node
    if node is None:
        return
    if node.op is None or node.saved is not None:
        raise RuntimeError(
            f"compile: result {i} belongs to a graph that backward() has not been through; call "
            "backward() in the compiled function, return result.detach(), or use no_grad()"
        )


def _state_of(optimizer: Any, group: Any, names: tuple[str | None, ...]) -> list[Any]:
    """What a step changes: the group, its parameters, their states."""
    parameters = group["params"]
    present = any(each is group for each in optimizer.param_groups)
    states = [optimizer._state.get(each, {}) for each in parameters]
    return [present, *parameters, *(each.get(name) for each in states for name in names if name)]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _same_attributes(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether a module has the same attributes, its mode aside."""
    return len(now) == len(then) and all(
        now.get(name, MISS) is value or name == "training" for name, value in then.items()
    )


class _Holder:
    grad: Any = None


def _references() -> int:
    """What ``Program._prepare`` counts for a gradient that only the program and its leaf hold."""
    holder = _Holder()
    pairs = [(holder, object(), 0)]
    holder.grad = pairs[0][1]
    for _, (leaf, grad, _) in enumerate(pairs):
        if leaf.grad is grad:
            return getrefcount(grad)
    return 0


_HELD = _references()
