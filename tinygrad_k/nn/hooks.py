"""What modules call around ``forward``, and in backward when their gradients are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..autograd import Function
from ..autograd.hooks import Gradients, replaced
from ..tensor import Tensor
from ..trees import Nest

if TYPE_CHECKING:
    from .module import Module


class Hook(NamedTuple):
    """A hook, and what it was registered with."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always: bool = False


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of a module that has hooks."""
    args, kwargs = _before(module, args, kwargs)
    pending = [hook for hook in module._forward_hooks if hook.always]
    try:
        if module._backward_hooks or module._backward_pre_hooks:
            result = _Passage(module).forward(args, kwargs)
        else:
            result = module.forward(*args, **kwargs)
        for hook in module._forward_hooks:
            if hook.always:
                pending.remove(hook)
            changed = _after(module, hook, args, kwargs, result)
            if changed is not None:
                result = changed
        return result
    except Exception:
        for hook in pending:
            _after(module, hook, args, kwargs, None)
        raise


def _before(module: Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments as the hooks before forward leave them."""
    for hook in module._forward_pre_hooks:
        changed = (
            hook.function(module, args, kwargs) if hook.with_kwargs else hook.function(module, args)
        )
        if changed is None:
            continue
        if not hook.with_kwargs:
            args = changed if isinstance(changed, tuple) else (changed,)
        elif isinstance(changed, tuple) and len(changed) == 2:
            args, kwargs = changed
        else:
            raise RuntimeError(
                "forward_pre_hook: with kwargs it returns None or (args, kwargs); "
                f"got {type(changed).__name__}"
            )
    return args, kwargs


def _after(module: Module, hook: Hook, args: Any, kwargs: Any, result: Any) -> Any:
    if hook.with_kwargs:
        return hook.function(module, args, kwargs, result)
    return hook.function(module, args, result)


class _Gate(Function):
    """Hands tensors through; in backward what ``seen`` makes of their gradients goes on."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[[Gradients], Gradients], *tensors: Tensor) -> Any:
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        return None, *ctx.seen(gradients)


class _Passage:
    """One call: a gate before the module's arguments, and one behind its results."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.grad_output: Gradients | None = None

    def forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.arguments = args
        self.inputs = _recorded(args)
        if self.inputs:
            args = _through(args, self.inputs, self.entered)
        result = self.module.forward(*args, **kwargs)
        nest = Nest.of(result)
        self.results: Sequence[Any] = nest.parts if nest else (result,)
        self.outputs = _recorded(self.results)
        if not self.outputs:
            return result
        passed = _through(self.results, self.outputs, self.left)
        return nest.holding(passed) if nest else passed[0]

    def left(self, gradients: Gradients) -> Gradients:
        """The gradients of the results are there."""
        grad_output = _spread(gradients, self.outputs, len(self.results))
        for hook in self.module._backward_pre_hooks:
            changed = hook.function(self.module, grad_output)
            grad_output = replaced(self, hook.function, grad_output, changed)
        if self.inputs:
            self.grad_output = grad_output
        else:
            self._tell((None,) * len(self.arguments), grad_output)
        return tuple(grad_output[i] for i in self.outputs)

    def entered(self, gradients: Gradients) -> Gradients:
        """The gradients of the arguments are there. In a second derivative they can come from
        inside the module alone, past its results: the hooks are not called then."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:
            return gradients
        grad_input = self._tell(_spread(gradients, self.inputs, len(self.arguments)), grad_output)
        return tuple(grad_input[i] for i in self.inputs)

    def _tell(self, grad_input: Gradients, grad_output: Gradients) -> Gradients:
        for hook in self.module._backward_hooks:
            changed = hook.function(self.module, grad_input, grad_output)
            grad_input = replaced(self, hook.function, grad_input, changed)
        return grad_input

    def name(self) -> str:
        """For the error of a hook that returns what cannot stand for the gradients."""
        return type(self.module).__name__


def _recorded(values: Sequence[Any]) -> list[int]:
    """Where there are tensors of the graph."""
    return [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]


def _through(values: Sequence[Any], places: list[int], seen: Callable[..., Any]) -> Any:
    """The values with those at ``places`` behind a gate."""
    passed = _Gate.apply(seen, *(values[i] for i in places))
    found = list(values)
    for i, each in zip(places, passed, strict=True):
        found[i] = each
    return tuple(found)


def _spread(gradients: Gradients, places: list[int], n: int) -> Gradients:
    """Gradients at their places, None elsewhere."""
    at = dict(zip(places, gradients, strict=True))
    return tuple(at.get(i) for i in range(n))
