"""Arguments for any public function, drawn by what its parameters are called.

The names are PyTorch's, so a name says what is wanted: a ``dim`` lies within the dimensions, an
``index`` within the sizes. Where arguments must fit each other, ``forms`` says how. A drawn call is
likely, not certain, to be accepted. Tensors are drawn as NumPy arrays, so that a call can be made
with any library. Needs Hypothesis.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..backend import DTYPES, float32, float64, int64
from .forms import BY_NAME
from .strategies import special_values

Shape = tuple[int, ...]

SKIPPED = {"out", "device", "generator", "requires_grad", "inplace", "dtype"}
DIMS = {"dim", "dim0", "dim1", "dim2", "axis0", "axis1", "start_dim", "end_dim", "row", "col"}
SIZES = {"size", "shape", "sizes", "normalized_shape", "reps", "repeats"}
INDICES = {"index", "indices"}
MASKS = {"mask", "condition"}
SORTED = {"sorted_sequence", "boundaries"}
WORDS = {
    "reduction": ("mean", "sum", "none"),
    "approximate": ("none", "tanh"),
    "rounding_mode": (None, "trunc", "floor"),
    "indexing": ("ij", "xy"),
    "reduce": ("sum", "prod", "mean", "amax", "amin"),
    "mode": ("constant", "reflect", "replicate", "circular"),
    "side": ("left", "right"),
    "interpolation": ("linear", "lower", "higher", "midpoint", "nearest"),
}
TENSORS_OR_NUMBERS = {"other", "exponent", "min", "max", "value", "weight", "values", "source"}
INTEGER_NAMES = re.compile("bitwise_.*|__.*shift__|gcd|lcm")
ABSENT = object()  # an argument that a form leaves out


class Arguments:
    """The shapes, dtypes and values that the arguments of one call have in common."""

    def __init__(self, draw: Any, special: bool, name: str = "") -> None:
        self.draw, self.special = draw, special
        self.side = draw(st.integers(1, 4))
        self.shape = self.sizes(0, 3)
        integers = bool(INTEGER_NAMES.fullmatch(name))
        usual = (int64,) if integers else (float64, float32)
        self.kind = draw(st.sampled_from((*usual * (8 // len(usual)), *DTYPES)))
        self.letters: dict[str, int] = {}
        self.front: Shape | None = None
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        self.mixed = draw(st.booleans()) and draw(st.booleans())

    def sizes(self, low: int, high: int) -> Shape:
        """Sizes of which most are the same, so that products fit; 0 and 1 are among them."""
        side = st.sampled_from((self.side, self.side, self.side, 1, 2, 3, 0))
        return tuple(self.draw(st.lists(side, min_size=low, max_size=high)))

    def like(self) -> Shape:
        """The call's shape, one that broadcasts with it, or another."""
        choice = self.draw(st.sampled_from(("same", "same", "same", "fewer", "ones", "other")))
        if choice == "fewer":
            return self.shape[self.draw(st.integers(0, len(self.shape))) :]
        if choice == "ones":
            return tuple(n if self.draw(st.booleans()) else 1 for n in self.shape)
        return self.sizes(0, 3) if choice == "other" else self.shape

    def array(self, shape: Shape, kind: Any = None) -> np.ndarray:
        """Values of the call's dtype: in general position, small, or the dtype's special ones."""
        if kind is None:
            kind = self.draw(st.sampled_from(DTYPES)) if self.mixed else self.kind
        if self.special and self.draw(st.integers(0, 3)) == 0:
            return np.asarray(self.rng.choice(special_values(kind), shape))
        if kind.is_floating_point:
            low = self.draw(st.sampled_from((-3.0, 0.1, 0.0)))
            high = self.draw(st.sampled_from((3.0, 1.0)))
            return np.asarray(self.rng.uniform(low, high, shape)).astype(kind.numpy)
        low = 0 if kind.numpy.kind in "ub" else -4
        return np.asarray(self.rng.integers(low, 5, shape)).astype(kind.numpy)

    def indices(self) -> np.ndarray:
        """Positions, nearly always inside the call's sizes."""
        below = max(1, min(self.shape, default=1))
        low = self.draw(st.sampled_from((0, 0, 0, -1)))
        shape = self.draw(st.sampled_from((self.shape, self.shape, (2,), (), (0,))))
        return np.asarray(self.rng.integers(low, below, shape))

    def dim(self) -> int:
        """A dimension, nearly always one there is."""
        n = max(1, len(self.shape))
        return self.draw(st.integers(-n, n - 1) if self.draw(st.integers(0, 9)) else st.just(n))

    def number(self) -> Any:
        """A Python number."""
        return self.draw(
            st.sampled_from((0.5, 2.0, -1.5, 1.0, 0.0, 1, 2, 3, 0, -1, True))
            | (st.sampled_from((float("inf"), float("nan"), -0.0)) if self.special else st.just(2))
        )

    def letter(self, letter: str) -> int:
        """The size that a letter or a digit of a form stands for."""
        if letter.isdigit():
            return int(letter)
        if letter not in self.letters:
            sizes = (self.side, self.side, 1, 2, 3, 4) if self.draw(st.integers(0, 15)) else (0,)
            self.letters[letter] = self.draw(st.sampled_from(sizes))
        return self.letters[letter]

    def shaped(self, text: str) -> Shape:
        """The shape that a form's letters stand for."""
        if text.startswith("*"):
            if self.front is None:
                self.front = self.sizes(0, 2)
            return (*self.front, *map(self.letter, text[1:]))
        return tuple(map(self.letter, text))

    def valued(self, text: str) -> np.ndarray:
        """An array of a form: a shape, and behind a slash what the values are."""
        letters, _, values = text.partition("/")
        shape, rng = self.shaped(letters), self.rng
        if not values:
            return self.array(shape)
        floating = self.kind if self.kind.is_floating_point else float32
        if values == "%":
            return np.asarray(rng.uniform(0.01, 0.99, shape)).astype(floating.numpy)
        if values == "s":
            return np.asarray(rng.choice((-1.0, 1.0), shape)).astype(floating.numpy)
        if values == "r":
            return rng.integers(0, 4, shape)
        if values == "+":
            factor = rng.standard_normal(shape)
            return (factor @ factor.swapaxes(-1, -2) + np.eye(shape[-1])).astype(floating.numpy)
        below = self.letter(values[1])
        if values[0] == "o":
            return np.sort(np.r_[0, rng.integers(0, below + 1, shape)])[: shape[0]]
        low = {"i": 0, "j": -1, "p": 1}[values[0]]
        return np.asarray(rng.integers(low, max(below, low + 1), shape))

    def item(self, text: str) -> Any:
        """A member of a form's list."""
        if text.startswith("="):
            return ast.literal_eval(text[1:])
        return self.letter(text[1:]) if text.startswith("@") else self.valued(text)

    def formed(self, form: str) -> dict[str, Any]:
        """The arguments that a form speaks of, by name."""
        found: dict[str, Any] = {}
        for word in form.split():
            name = re.match(r"[?-]?(\w+)", word)[1]  # type: ignore[index]
            rest = word.lstrip("?-")[len(name) :]
            if word[0] == "-" or (word[0] == "?" and self.draw(st.booleans())):
                found[name] = ABSENT
            elif rest.startswith(":["):
                found[name] = [self.item(each) for each in rest[2:-1].split(";")]
            elif rest.startswith(":"):
                found[name] = self.valued(rest[1:])
                if not any(isinstance(each, np.ndarray) for each in list(found.values())[:-1]):
                    self.shape = found[name].shape
            elif rest.startswith("=@"):
                found[name] = self.shaped(rest[2:])
            else:
                found[name] = ast.literal_eval(rest[1:])
        return found

    def of(self, parameter: inspect.Parameter) -> Any:
        """A value for a parameter."""
        draw, name, annotation = self.draw, parameter.name, str(parameter.annotation)
        default = parameter.default
        if name in WORDS:
            return draw(st.sampled_from(WORDS[name]))
        if "Sequence[Tensor]" in annotation or name in ("tensors", "arrays"):
            count = draw(st.integers(1, 3))
            return [self.array(self.like()) for _ in range(count)]
        if name in INDICES:
            return self.indices()
        if name in SORTED:
            return np.sort(self.array(self.like()), axis=None)
        if name in MASKS:
            return np.asarray(self.rng.random(self.like()) < 0.5)
        if name in ("target",) and draw(st.booleans()):
            return self.indices()
        if annotation.startswith("Tensor") or name in ("input", "self"):
            return self.array(self.like() if name != "input" else self.shape)
        if name in TENSORS_OR_NUMBERS and "float" not in annotation and "int" not in annotation:
            return self.number() if draw(st.booleans()) else self.array(self.like())
        if name in DIMS:
            many = annotation in ("Any", "int | tuple[int, ...] | None") and draw(st.booleans())
            return tuple(self.dim() for _ in range(draw(st.integers(0, 2)))) if many else self.dim()
        if name == "dims":
            return tuple(draw(st.permutations(range(len(self.shape)))))
        if name in SIZES:
            choices = (self.shape, self.shape[::-1], (-1,), (2, *self.shape), self.sizes(0, 3))
            return draw(st.sampled_from(choices))
        if name == "pad":
            return tuple(draw(st.lists(st.integers(-1, 2), min_size=2, max_size=4)))
        if name == "eps":
            return draw(st.sampled_from((1e-8, 1e-5, 1e-3)))
        if isinstance(default, bool) or annotation == "bool":
            return draw(st.booleans())
        if annotation.startswith("int") or isinstance(default, int):
            return draw(st.integers(-2, 4))
        if annotation.startswith("float") or isinstance(default, float):
            return draw(st.sampled_from((0.0, 0.1, 0.5, 1.0, 2.0)))
        return draw(st.sampled_from((self.number(), self.shape, draw(st.integers(0, 3)))))


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters worth drawing."""
    found = inspect.signature(function).parameters.values()
    return [each for each in found if each.name not in SKIPPED and each.kind != each.VAR_KEYWORD]


@st.composite
def arguments(
    draw: Any, function: Callable[..., Any], special: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments of a call; defaults are left as they are half the time."""
    name = function.__name__.strip("_")
    made = Arguments(draw, special, name)
    given: dict[str, Any] = {}
    if name in BY_NAME and draw(st.integers(0, 7)):
        made.mixed = made.mixed and draw(st.integers(0, 3)) == 0
        given = made.formed(draw(st.sampled_from(BY_NAME[name])))
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for each in parameters_of(function):
        if given.get(each.name) is ABSENT:
            continue
        if each.kind == each.VAR_POSITIONAL:
            if each.name in given:
                args += given[each.name]
            elif each.name in ("tensors", "operands"):
                args += [made.array(made.like()) for _ in range(draw(st.integers(1, 3)))]
            else:
                args += list(made.sizes(0, 3))
        elif each.default is each.empty and each.kind != each.KEYWORD_ONLY:
            args.append(given[each.name] if each.name in given else made.of(each))
        elif each.name in given:
            kwargs[each.name] = given[each.name]
        elif each.default is each.empty or draw(st.booleans()):
            kwargs[each.name] = made.of(each)
    return args, kwargs
