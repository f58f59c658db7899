"""The Module: parameters, buffers and submodules, which are simply its attributes.

An attribute that is a Parameter is a parameter of the module, one that is a Module a submodule, and
the names given to ``register_buffer`` are its buffers. There is no second place where they are
kept, so that reading ``self.weight`` in ``forward`` is an ordinary attribute access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ..autograd.api import clear_gradients
from ..autograd.hooks import RemovableHandle
from ..backend import dtype as dtype_class, float32, float64, recorder, world
from ..locks import new_lock
from ..tensor import Tensor
from . import hooks, state
from .parameter import Parameter
from .state import IncompatibleKeys
from .trace import add_path

M = TypeVar("M", bound="Module")

_hooks_change = new_lock()  # threads may add and remove hooks at once
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Module:
    """The base of everything with parameters: subclasses define ``forward``.

    Calling a module calls ``forward`` with the same arguments, and its hooks if it has any. An
    exception that leaves ``forward`` gets a note with the path of the module it came from.
    """

    training: bool = True
    reads_values: bool = False  # forward looks at numbers, so it cannot be recorded by tk.compile

    # What few modules have stands here for all; never changed in place, so that copies of a module
    # share nothing.
    _buffers: Mapping[str, bool] = {}
    _hook_count = 0
    _forward_hooks: tuple[hooks.Hook, ...] = ()
    _forward_pre_hooks: tuple[hooks.Hook, ...] = ()
    _backward_hooks: tuple[hooks.Hook, ...] = ()
    _backward_pre_hooks: tuple[hooks.Hook, ...] = ()

    # -- calling ----------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if world.recorders and (recording := recorder()) is not None:
            recording.calls(self)
        try:
            if self._hook_count:
                return hooks.call(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            add_path(error, self)
            raise

    def register_forward_pre_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
    ) -> RemovableHandle:
        """Calls ``hook(module, args)`` before forward; what it returns replaces the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)``, which may return both.
        """
        return self._add_hook("_forward_pre_hooks", hooks.Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls ``hook(module, args, output)`` after forward; what it returns replaces the output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``; with ``always_call`` it
        is called also after an exception, with None for the output.
        """
        return self._add_hook("_forward_hooks", hooks.Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, grad_output)`` in backward, with the gradients of what the module
        returned, a tuple; what it returns replaces them."""
        return self._add_hook("_backward_pre_hooks", hooks.Hook(hook), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, grad_input, grad_output)`` in backward, with the gradients of the
        positional arguments and of what the module returned, as tuples with None for what has
        none; what it returns replaces ``grad_input``."""
        return self._add_hook("_backward_hooks", hooks.Hook(hook), prepend)

    def _add_hook(self, kind: str, hook: hooks.Hook, prepend: bool) -> RemovableHandle:
        if not callable(hook.function):
            got = type(hook.function).__name__
            raise TypeError(f"register_hook: expected a callable; got {got}")
        with _hooks_change:
            present = getattr(self, kind)
            self._set_hooks(kind, (hook, *present) if prepend else (*present, hook))

        def remove() -> None:
            with _hooks_change:
                left = tuple(each for each in getattr(self, kind) if each is not hook)
                self._set_hooks(kind, left)

        return RemovableHandle(remove)

    def _set_hooks(self, kind: str, those: tuple[hooks.Hook, ...]) -> None:
        own = self.__dict__
        own[kind] = those
        own["_hook_count"] = sum(len(getattr(self, each)) for each in HOOKS)
        world.change_details()

    # -- attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if value is not None:
            present = self.__dict__.get(name)
            for kind in (Parameter, Module):
                if isinstance(present, kind) and not isinstance(value, (Parameter, Module)):
                    raise TypeError(
                        f"{type(self).__name__}: {name} is a {kind.__name__}; only a "
                        f"{kind.__name__} or None can be assigned; got {type(value).__name__}"
                    )
            if name in self._buffers:
                if isinstance(value, (Parameter, Module)):
                    self._forget_buffer(name)
                elif not isinstance(value, Tensor):
                    raise TypeError(
                        f"{type(self).__name__}: {name} is a buffer; only a Tensor or None can be "
                        f"assigned; got {type(value).__name__}"
                    )
        if name == "training":
            world.settings += 1
        else:
            self._tell(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._tell(name)
        object.__delattr__(self, name)
        self._forget_buffer(name)

    def _tell(self, name: str) -> None:
        """Tells compiled functions that an attribute changes, comes or goes."""
        if isinstance(self.__dict__.get(name), (Tensor, Module)):
            world.restructure()
        world.change_details()

    def _put(self, name: str, value: Any) -> None:
        self._tell(name)
        self.__dict__[name] = value

    def _forget_buffer(self, name: str) -> None:
        if name in self._buffers:
            self.__dict__["_buffers"] = {k: v for k, v in self._buffers.items() if k != name}

    def _check_new(self, what: str, name: Any, replaceable: bool) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{what}: the name must be a string; got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{what}: a name is not empty and has no dots; got {name!r}")
        free = self.__dict__[name] is None if name in self.__dict__ else not hasattr(self, name)
        if not free and not replaceable:
            raise KeyError(f"{what}: the attribute {name!r} already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, as assigning the attribute does; None says that there is none."""
        present = self.__dict__.get(name)
        self._check_new("register_parameter", name, isinstance(present, Parameter))
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter: expected a Parameter or None; got {type(param).__name__}"
            )
        if param is not None and not param.is_leaf:
            raise ValueError("register_parameter: a parameter is a leaf; this has a grad_fn")
        self._put(name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that belongs to the module and is not trained.

        It is in the state dict if ``persistent``, and converted by ``to``.
        """
        self._check_new("register_buffer", name, name in self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"register_buffer: expected a Tensor or None; got {type(tensor).__name__}"
            )
        self.__dict__["_buffers"] = {**self._buffers, name: persistent}
        self._put(name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule, as assigning the attribute does."""
        self._check_new("add_module", name, isinstance(self.__dict__.get(name), Module))
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: expected a Module or None; got {type(module).__name__}")
        self._put(name, module)

    register_module = add_module

    # -- what is in it ----------------------------------------------------------------------------

    def _own_modules(self) -> list[tuple[str, Module]]:
        items = self.__dict__.copy().items()  # threads may add hooks at once
        return [(name, value) for name, value in items if isinstance(value, Module)]

    def _own_parameters(self) -> list[tuple[str, Parameter]]:
        items = self.__dict__.items()
        return [(name, value) for name, value in items if isinstance(value, Parameter)]

    def _own_buffers(self, persistent: bool = False) -> list[tuple[str, Tensor]]:
        if not self._buffers:
            return []
        return [
            (name, self.__dict__[name])
            for name, kept in self._buffers.items()
            if self.__dict__[name] is not None and (kept or not persistent)
        ]

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names, each once."""
        seen = set()
        for name, module in self._own_modules():
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their paths, parents first, as they are when it is
        their turn: what is put in place of a module meanwhile is met, too."""
        memo = set() if memo is None else memo
        todo: list[tuple[str | None, Module]] = [(prefix, self)]
        while todo:  # generators within each other would cost more
            path, module = todo.pop()
            if path is None:  # all below it were met
                memo.remove(module)
            elif module is not self and type(module).named_modules is not Module.named_modules:
                yield from module.named_modules(memo, path, remove_duplicate)
            elif module not in memo:
                memo.add(module)
                yield path, module
                if not remove_duplicate:  # only a module that contains itself is left out then
                    todo.append((None, module))
                if own := module._own_modules():
                    own.reverse()
                    todo += [(f"{path}.{name}" if path else name, each) for name, each in own]

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def _named(
        self, members: Callable[[Module], Any], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules: Any = [(prefix, self)]
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        seen = set()
        for path, module in modules:
            for name, value in members(module):
                if value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths; what is shared comes once, under its first path."""
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        kind = type(self)
        plain = kind.named_parameters is Module.named_parameters
        if recurse and plain and kind.named_modules is Module.named_modules:
            found: dict[Parameter, None] = {}
            self._collect(found, set())
            yield from found
            return
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def _collect(self, found: dict[Parameter, None], memo: set[Module]) -> None:
        """Adds the parameters to a dict, in the order of ``named_parameters``."""
        memo.add(self)
        modules = []
        for value in list(self.__dict__.values()):
            if isinstance(value, Parameter):
                found[value] = None
            elif isinstance(value, Module):
                modules.append(value)
        for module in modules:
            if type(module).named_modules is not Module.named_modules:  # it says what is below it
                for _, each in module.named_modules(memo):
                    found.update((value, None) for _, value in each._own_parameters())
            elif module not in memo:
                module._collect(found, memo)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"encoder.0"``; this one for ``""``."""
        module = self
        for name in target.split(".") if target else ():
            found = getattr(module, name, None)
            if not isinstance(found, Module):
                raise AttributeError(
                    f"get_submodule: {type(module).__name__} has no submodule {name!r}; "
                    f"got {target!r}"
                )
            module = found
        return module

    def _get_member(self, op: str, target: str, names: Callable[[Module], Any]) -> Any:
        path, _, name = target.rpartition(".")
        found = dict(names(self.get_submodule(path))).get(name)
        if found is None:
            raise AttributeError(f"{op}: {type(self).__name__} has no {target!r}")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"encoder.0.weight"``."""
        return self._get_member("get_parameter", target, Module._own_parameters)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as ``"1.running_mean"``."""
        return self._get_member("get_buffer", target, Module._own_buffers)

    # -- changes to all of it ---------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], None]) -> M:
        """Calls ``fn`` on every module below this one, children first, and on this one."""
        self._apply_to(fn, set())
        return self

    def _apply_to(self, fn: Callable[[Module], None], above: set[Module]) -> None:
        for module in self.children():
            if module is not self and module not in above:
                module._apply_to(fn, above | {self})
        fn(self)

    def train(self: M, mode: bool = True) -> M:
        """Sets training mode in this module and all below it."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be a bool; got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Sets evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Makes all parameters want a gradient, or stop wanting one."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or fills them with zeros."""
        clear_gradients(self.parameters(), set_to_none)

    def to(self: M, *args: Any, dtype: Any = None, device: Any = None) -> M:
        """Converts floating parameters and buffers, with their gradients, to a floating dtype.

        ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` or ``to(tensor)``, which stands for its
        dtype; the device ``"cpu"`` is accepted, as there is no other. The parameters stay the
        objects they are, so that optimizers keep them.
        """
        if len(args) > 2 or (len(args) == 2 and not isinstance(args[0], (str, type(None)))):
            raise TypeError(f"to: expected a device, a dtype or both; got {args!r}")
        for each in args:
            if isinstance(each, str):
                device = each
            elif each is not None:
                dtype = each
        if str(device or "cpu") != "cpu":
            raise ValueError(f"to: the only device is 'cpu'; got {device!r}")
        kind = dtype.dtype if isinstance(dtype, Tensor) else dtype
        if kind is None:
            return self
        if not isinstance(kind, dtype_class) or not kind.is_floating_point:
            raise TypeError(f"to: a module is converted to a floating dtype; got {dtype!r}")
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.is_floating_point() and tensor.dtype is not kind:
                grad, tensor.grad = tensor.grad, None
                tensor.data = tensor.detach().to(kind)
                if grad is not None:
                    tensor.grad = grad.detach().to(kind)
        return self

    def float(self: M) -> M:
        """Converts floating parameters and buffers to float32."""
        return self.to(float32)

    def double(self: M) -> M:
        """Converts floating parameters and buffers to float64."""
        return self.to(float64)

    def cpu(self: M) -> M:
        """The module itself: there is no other device."""
        return self

    # -- state ------------------------------------------------------------------------------------

    def state_dict(
        self,
        *,
        destination: dict[str, Tensor] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Tensor]:
        """Parameters and persistent buffers by path, added to ``destination`` if there is one.

        The tensors share the module's memory, outside the graph; with ``keep_vars`` they are the
        module's own.
        """
        found = {} if destination is None else destination
        for path, module, name in state.places(self):
            value = module.__dict__[name]
            found[prefix + path] = value if keep_vars else value.detach()
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies values into parameters and buffers, converting dtypes; or with ``assign`` puts
        the given tensors in their places.

        RuntimeError, which lists what is wrong, for another shape, for a value that is no tensor,
        and where ``strict`` for missing and unexpected names; then nothing was changed.
        """
        return state.load(self, state_dict, strict, assign)

    # -- text -------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What the module's text says between the brackets: its settings."""
        return ""

    def __repr__(self) -> str:
        return self._text(())

    def _text(self, above: tuple[Module, ...]) -> str:
        """The module as text; one that contains itself is shown by its name there."""
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        above = (*above, self)
        children = []
        for name, module in self.__dict__.items():
            if not isinstance(module, Module):
                continue
            if any(module is each for each in above):
                text = f"{module._get_name()}(...)"
            elif type(module).__repr__ is Module.__repr__:
                text = module._text(above)
            else:
                text = repr(module)
            children.append(f"({name}): " + text.replace("\n", "\n  "))
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*lines, *children]) + "\n)"
