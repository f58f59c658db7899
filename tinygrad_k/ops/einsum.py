"""Einstein's summation and what it is made of: contractions of pairs, each one matrix product.

An operand is a tensor with a label for each dimension. Labels that one operand repeats are read off
its diagonal, those that stand nowhere else are summed, and the rest is contracted pair by pair: in
the order of fewest multiplications for up to ``EXACT`` operands, else greedily, the pair that
shrinks the total most first.

All this depends on the equation and the shapes alone. So it is worked out on forms, which note the
steps that tensors of these shapes take, once for each equation with such shapes.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from .arithmetic import mul
from .declare import composite, root, tried
from .linalg import matmul
from .reduction import _sum
from .samples import real
from .shape import _permute, _reshape

EXACT = 7  # operands; the exact search looks at 3^n pairs of subsets, 2187 of 7
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # PyTorch's order

Label = Any  # a letter, or the number of an ellipsis dimension counted from its end
Labels = tuple[Label, ...]
Shape = tuple[int, ...]
Step = tuple[Callable[..., Tensor], tuple[int, ...], tuple[Any, ...]]


# -- steps ----------------------------------------------------------------------------------------


class Form:
    """What will be a tensor: its shape, its place among the values, and the steps of the plan."""

    __slots__ = ("place", "plan", "shape")

    def __init__(self, plan: Plan, shape: Sequence[int]) -> None:
        self.plan, self.shape, self.place = plan, tuple(shape), plan.count
        plan.count += 1

    def then(
        self, shape: Sequence[int], step: Callable[..., Tensor], *args: Any, other: Any = ()
    ) -> Form:
        """The form of ``step(self, *args)``; of ``step(self, other)``."""
        places = (self.place, other.place) if other else (self.place,)
        self.plan.steps.append((step, places, args))
        return Form(self.plan, shape)

    def reshaped(self, shape: Sequence[int]) -> Form:
        shape = tuple(shape)
        return self if shape == self.shape else self.then(shape, _reshape, shape)

    def permuted(self, dims: Sequence[int]) -> Form:
        dims = tuple(dims)
        if dims == tuple(range(len(dims))):
            return self
        return self.then([self.shape[i] for i in dims], _permute, dims)

    def summed(self, dims: Sequence[int]) -> Form:
        if all(self.shape[i] == 1 for i in dims):
            return self.reshaped(_without(self.shape, dims))
        return self.then(_without(self.shape, dims), _total, tuple(dims))

    def diagonal(self, first: int, second: int) -> Form:
        shape = (*_without(self.shape, (first, second)), self.shape[first])
        return self.then(shape, _diagonal, first, second)


class Plan:
    """What is done to operands of given shapes. Every value is used once."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.count = 0
        self.steps: list[Step] = []
        self.operands = [Form(self, shape) for shape in shapes]

    def run(self, operands: Sequence[Tensor]) -> Tensor:
        """The last value."""
        values: list[Any] = list(operands)
        for step, places, args in self.steps:
            found = [values[each] for each in places]
            for each in places:  # nobody wants it any more
                values[each] = None
            values.append(step(*found, *args))
        return values[-1]


def _total(tensor: Tensor, dims: tuple[int, ...]) -> Tensor:
    total = _sum(tensor, dims)
    # small integers are summed in int64
    return total if total.dtype is tensor.dtype else total.to(tensor.dtype)


def _diagonal(tensor: Tensor, first: int, second: int) -> Tensor:
    return tensor.diagonal(0, first, second)


def _without(values: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    return tuple(each for i, each in enumerate(values) if i not in places)


# -- the grammar --------------------------------------------------------------------------------


def _letters(text: str, equation: str) -> list[Label]:
    """The letters of a term, and ``...`` as Ellipsis."""
    before, dots, after = text.replace(" ", "").partition("...")
    labels = [*before, *([...] if dots else []), *after]
    wrong = [each for each in labels if each is not ... and each not in LETTERS]
    if wrong:
        raise ValueError(f"einsum: {wrong[0]!r} is no letter; got {equation!r}")
    return labels


def _sublist(numbers: Any) -> list[Label]:
    """The labels that a list of numbers and Ellipsis stands for."""
    if not isinstance(numbers, (list, tuple)):
        raise TypeError(f"einsum: expected a list of labels; got {type(numbers).__name__}")
    for each in numbers:
        if each is not ... and not (isinstance(each, int) and 0 <= each < len(LETTERS)):
            raise ValueError(f"einsum: a label must be 0 to {len(LETTERS) - 1}; got {each!r}")
    if list(numbers).count(...) > 1:
        raise ValueError(f"einsum: at most one ellipsis; got {numbers!r}")
    return [each if each is ... else LETTERS[each] for each in numbers]


def _parse(equation: Any, sublists: Any, count: int) -> tuple[list[list[Label]], Any]:
    """The labels of the operands, and the output's (None: not given), of an equation, or of a list
    for each operand and, if there is one more, for the output."""
    if equation is not None:
        left, arrow, right = equation.partition("->")
        terms = [_letters(term, equation) for term in left.split(",")]
        output = _letters(right, equation) if arrow else None
    else:
        terms = [_sublist(each) for each in sublists[:count]]
        output = _sublist(sublists[count]) if len(sublists) > count else None
    if not count or count != len(terms):
        raise ValueError(f"einsum: {len(terms)} terms for {count} operands")
    return terms, output


def _spell_out(term: list[Label], ndim: int) -> Labels:
    """A term with a number for each dimension of its ellipsis, 0 for the last."""
    hidden = ndim - len(term) + 1 if ... in term else 0
    if hidden < 0 or (... not in term and len(term) != ndim):
        shown = "".join("..." if each is ... else str(each) for each in term)
        raise ValueError(f"einsum: the term {shown!r} does not fit {ndim} dimensions")
    numbers = range(hidden - 1, -1, -1)
    return tuple(itertools.chain.from_iterable(numbers if each is ... else [each] for each in term))


def _output_labels(output: list[Label] | None, terms: list[Labels]) -> Labels:
    """The output's labels; without an output, ellipsis dimensions and then what occurs once."""
    flat = list(itertools.chain.from_iterable(terms))
    hidden = sorted({each for each in flat if isinstance(each, int)}, reverse=True)
    if output is None:
        once = sorted(each for each in set(flat) if flat.count(each) == 1 and each not in hidden)
        return (*hidden, *once)
    labels = tuple(
        itertools.chain.from_iterable(hidden if each is ... else [each] for each in output)
    )
    for each in labels:
        if each not in flat:
            raise ValueError(f"einsum: the output's {each!r} is in no operand")
        if labels.count(each) > 1:
            raise ValueError(f"einsum: the output has {each!r} twice")
    return labels


def _sizes(shapes: Sequence[Shape], terms: list[Labels]) -> dict[Label, int]:
    """The size of each label; 1 gives way to others."""
    sizes: dict[Label, int] = {}
    for shape, labels in zip(shapes, terms, strict=True):
        for label, n in zip(labels, shape, strict=True):
            known = sizes.setdefault(label, n)
            if known == 1:
                sizes[label] = n
            elif n not in (1, known):
                what = f"{label!r}" if isinstance(label, str) else "of the ellipsis"
                raise ValueError(f"einsum: the dimension {what} has sizes {known} and {n}")
    return sizes


# -- one operand --------------------------------------------------------------------------------


def _diagonals(tensor: Form, labels: Labels) -> tuple[Form, Labels]:
    """Every label once: repeated ones are read off the diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if tensor.shape[first] != tensor.shape[second]:
                raise ValueError(
                    f"einsum: {label!r} repeats with sizes {tensor.shape[first]} and "
                    f"{tensor.shape[second]}"
                )
            tensor = tensor.diagonal(first, second)
            rest = [each for i, each in enumerate(labels) if i not in (first, second)]
            labels = (*rest, label)
    return tensor, labels


def _summed(tensor: Form, labels: Labels, keep: set[Label]) -> tuple[Form, Labels]:
    """Without the labels that are needed nowhere else."""
    gone = tuple(i for i, label in enumerate(labels) if label not in keep)
    return (tensor.summed(gone), _without(labels, gone)) if gone else (tensor, labels)


def _arranged(tensor: Form, labels: Labels, order: Sequence[Label]) -> Form:
    """The dimensions in another order, a view."""
    return tensor.permuted([labels.index(label) for label in order])


# -- two operands -------------------------------------------------------------------------------


def _narrowed(tensor: Form, labels: Labels, other: dict[Label, int]) -> tuple[Form, Labels]:
    """Without the dimensions of size 1 that broadcast against the other operand."""
    gone = [i for i, label in enumerate(labels) if tensor.shape[i] == 1 != other.get(label, 1)]
    return tensor.reshaped(_without(tensor.shape, gone)), _without(labels, gone)


def _contract(
    a: Form, a_labels: Labels, b: Form, b_labels: Labels, keep: set[Label], last: Labels
) -> tuple[Form, Labels]:
    """The sum of products over what both share and nobody else needs: batches of one product.

    ``last`` is the order wanted in the end, () if there are more steps.
    """
    sizes = dict(zip(a_labels, a.shape, strict=True)), dict(zip(b_labels, b.shape, strict=True))
    a, a_labels = _narrowed(a, a_labels, sizes[1])
    b, b_labels = _narrowed(b, b_labels, sizes[0])
    a, a_labels = _summed(a, a_labels, keep | set(b_labels))
    b, b_labels = _summed(b, b_labels, keep | set(a_labels))
    if last and last[-1] in a_labels and last[-1] not in b_labels:  # then the result's rows run on
        a, a_labels, b, b_labels = b, b_labels, a, a_labels
    batch = tuple(each for each in a_labels if each in b_labels and each in keep)
    inner = tuple(each for each in a_labels if each in b_labels and each not in keep)
    rows = tuple(each for each in a_labels if each not in b_labels)
    columns = tuple(each for each in b_labels if each not in a_labels)
    size = dict(zip(a_labels, a.shape, strict=True)) | dict(zip(b_labels, b.shape, strict=True))

    def shape(*groups: Labels) -> tuple[int, ...]:
        """The batch, and each group as one dimension."""
        merged = [math.prod(size[each] for each in group) for group in groups]
        return (*(size[each] for each in batch), *merged)

    full = tuple(size[each] for each in (*batch, *rows, *columns))
    if not inner:  # nothing to sum: an elementwise product
        a = _arranged(a, a_labels, (*batch, *rows)).reshaped(
            (*full[: len(full) - len(columns)], *(1 for _ in columns))
        )
        b = _arranged(b, b_labels, (*batch, *columns)).reshaped(
            (*shape(), *(1 for _ in rows), *(size[each] for each in columns))
        )
        return a.then(full, mul, other=b), (*batch, *rows, *columns)
    a = _arranged(a, a_labels, (*batch, *rows, *inner)).reshaped(shape(rows, inner))
    b = _arranged(b, b_labels, (*batch, *inner, *columns)).reshaped(shape(inner, columns))
    product = a.then(shape(rows, columns), matmul, other=b)
    return product.reshaped(full), (*batch, *rows, *columns)


# -- the order ----------------------------------------------------------------------------------


def _volume(labels: frozenset[Label], sizes: dict[Label, int]) -> int:
    return math.prod(sizes[each] for each in labels)


def _left(subset: int, terms: list[frozenset[Label]], output: frozenset[Label]) -> frozenset[Label]:
    """The labels that the product of the operands with these bits still needs."""
    inside = frozenset().union(*(t for i, t in enumerate(terms) if subset >> i & 1))
    outside = output.union(*(t for i, t in enumerate(terms) if not subset >> i & 1))
    return inside & outside


def _best_order(
    terms: list[frozenset[Label]], output: frozenset[Label], sizes: dict[Label, int]
) -> list[tuple[int, int]]:
    """Pairs of bit sets to contract, of the fewest multiplications in all."""
    full = (1 << len(terms)) - 1
    left = {s: _left(s, terms, output) for s in range(1, full + 1)}
    best: dict[int, tuple[int, int]] = {1 << i: (0, 0) for i in range(len(terms))}
    for subset in range(1, full + 1):
        half = (subset - 1) & subset
        while half > subset ^ half:  # each pair of halves once
            cost = best[half][0] + best[subset ^ half][0]
            cost += _volume(left[half] | left[subset ^ half], sizes)
            if subset not in best or cost < best[subset][0]:
                best[subset] = cost, half
            half = (half - 1) & subset

    def steps(subset: int) -> list[tuple[int, int]]:
        half = best[subset][1]
        if not half:
            return []
        return [*steps(half), *steps(subset ^ half), (half, subset ^ half)]

    return steps(full)


def _greedy_order(
    terms: list[frozenset[Label]], output: frozenset[Label], sizes: dict[Label, int]
) -> list[tuple[int, int]]:
    """Pairs of bit sets, each the one whose product is smallest beside what it replaces."""
    open_ = {1 << i: _left(1 << i, terms, output) for i in range(len(terms))}
    steps = []
    while len(open_) > 1:
        growth = {
            (a, b): _volume(_left(a | b, terms, output), sizes)
            - _volume(open_[a], sizes)
            - _volume(open_[b], sizes)
            for a, b in itertools.combinations(open_, 2)
        }
        a, b = min(growth, key=lambda pair: growth[pair])
        steps.append((a, b))
        del open_[a], open_[b]
        open_[a | b] = _left(a | b, terms, output)
    return steps


# -- the public functions -----------------------------------------------------------------------


@root
def einsum(*args: Any) -> Tensor:
    """Sums of products by Einstein's convention: ``einsum("ij,jk->ik", a, b)``.

    A term of letters for each operand names its dimensions; ``...`` stands for the others, which
    broadcast. Letters of the output stay, all others are summed; without an output those stay that
    occur once, in alphabetical order behind the ellipsis. A letter repeated in a term is a
    diagonal. Size 1 broadcasts. Or ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.
    """
    if not args:
        raise ValueError("einsum: expected an equation and operands; got nothing")
    equation, *operands = args
    sublists: Any = ()
    if not isinstance(equation, str):
        pairs = len(args) // 2 * 2
        equation, operands, sublists = None, list(args[0:pairs:2]), [*args[1:pairs:2]]
        if len(args) > pairs:
            sublists.append(args[-1])
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    for each in operands:
        if not isinstance(each, Tensor):
            raise TypeError(f"einsum: expected tensors; got {type(each).__name__}")
    shapes = tuple([each.shape for each in operands])
    if equation is None:
        return _planned(None, sublists, shapes).run(operands)
    return _known(equation, shapes).run(operands)


def _planned(equation: str | None, sublists: Any, shapes: tuple[Shape, ...]) -> Plan:
    given, wanted = _parse(equation, sublists, len(shapes))
    terms = [_spell_out(term, len(shape)) for term, shape in zip(given, shapes, strict=True)]
    output = _output_labels(wanted, terms)
    sizes = _sizes(shapes, terms)
    plan = Plan(shapes)
    pairs = [_diagonals(*pair) for pair in zip(plan.operands, terms, strict=True)]
    everywhere = [
        {label for _, labels in pairs[:i] + pairs[i + 1 :] for label in labels}
        for i in range(len(pairs))
    ]
    pairs = [
        _summed(form, labels, {*output} | elsewhere)
        for (form, labels), elsewhere in zip(pairs, everywhere, strict=True)
    ]
    sets, final = [frozenset(labels) for _, labels in pairs], frozenset(output)
    order = _best_order if len(pairs) <= EXACT else _greedy_order
    parts = {1 << i: pair for i, pair in enumerate(pairs)}
    for a, b in order(sets, final, sizes):
        keep = set(_left(a | b, sets, final))
        last = output if len(parts) == 2 else ()
        parts[a | b] = _contract(*parts.pop(a), *parts.pop(b), keep, last)
    ((form, labels),) = parts.values()
    form, labels = _summed(form, labels, {*output})
    _arranged(form, labels, output)
    return plan


@functools.lru_cache(maxsize=256)  # a program has few equations, but may have many shapes
def _known(equation: str, shapes: tuple[Shape, ...]) -> Plan:
    return _planned(equation, (), shapes)


MATRIX, CUBE = real(3, 4), real(2, 3, 4)


@tried(
    ref=lambda equation, operands: np.einsum(equation, *operands),
    samples=[
        ("ij,jk->ik", [MATRIX, real(4, 5)]),
        ("ij,jk", [MATRIX, real(4, 5)]),
        ("ij,kj->ki", [MATRIX, real(5, 4)]),
        ("bij,bjk->bik", [CUBE, real(2, 4, 5)]),
        ("bij,bij->b", [CUBE, CUBE]),
        ("bhqd,bhkd->bhqk", [real(2, 2, 3, 4), real(2, 2, 5, 4)]),
        ("ij,kl->ijkl", [MATRIX, real(2, 5)]),
        ("ij,jk,kl->il", [MATRIX, real(4, 2), real(2, 5)]),
        ("ij,ik,il->ijkl", [MATRIX, real(3, 2), real(3, 2)]),
        ("ii->i", [real(4, 4)]),
        ("ii", [real(4, 4)]),
        ("bii->b", [real(2, 4, 4)]),
        ("ij->ji", [MATRIX]),
        ("ij->", [MATRIX]),
        ("ba", [MATRIX]),
        ("...ij,...jk->...ik", [CUBE, real(4, 5)]),
        ("...ij->...ji", [CUBE]),
        ("i...,i...->...", [MATRIX, MATRIX]),
        ("ij,jk->ik", [real(3, 1), real(4, 5)]),
        ("ij,j->ij", [MATRIX, real(1)]),
        ("i,i->", [real(5), real(5)]),
        ("ac,ca->ca", [real(2, 3), real(3, 2)]),
        ("bc,bbc->bc", [real(2, 3), real(2, 2, 3)]),
        (",ij->ij", [real(), MATRIX]),
        ("ij,jk->ik", [real(0, 4), real(4, 5)]),
        ("ij,jk->ik", [real(3, 0), real(0, 5)]),
        ("aij,jk->aik", [CUBE, real(4, 5)]),
        ("bnqd,hd,oh->bnqo", [real(2, 2, 3, 4), real(3, 4), real(2, 3)]),
    ],
    family="sums",
    name="einsum",
)
def _contraction(equation: str, operands: Sequence[Tensor]) -> Tensor:
    return einsum(equation, operands)


def _numpy_tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    return np.tensordot(a, b, dims)


@tried(
    ref=_numpy_tensordot,
    samples=[
        (real(2, 3, 4), real(3, 4, 5)),
        (real(2, 3, 4), real(5, 3), ((1,), (1,))),
        (real(3, 4), real(4, 2), 1),
        (real(3), real(2), 0),
        (real(2, 3, 4), real(4, 3, 2), ((0, 2), (-1, 0))),
        (real(2, 0), real(0, 3), 1),
    ],
    family="sums",
)
@root
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over the last ``dims`` dimensions of a and the first of b; or over two
    lists of dimensions, one for each."""
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(
                f"tensordot: {dims} dimensions of {tuple(a.shape)} and {tuple(b.shape)}"
            )
        pairs = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        lists = [[each] if isinstance(each, int) else list(each) for each in dims]
        if len(lists) != 2 or len(lists[0]) != len(lists[1]):
            raise ValueError(f"tensordot: expected two lists of one length; got {dims!r}")
        pairs = lists[0], lists[1]
    mine = [a._dim(each, "tensordot") for each in pairs[0]]
    yours = [b._dim(each, "tensordot") for each in pairs[1]]
    if len(set(mine)) < len(mine) or len(set(yours)) < len(yours):
        raise ValueError(f"tensordot: a dimension is named twice; got {dims!r}")
    names: list[Label] = [LETTERS[i] for i in range(a.ndim)]
    others: list[Label] = [LETTERS[a.ndim + i] for i in range(b.ndim)]
    for i, j in zip(mine, yours, strict=True):
        others[j] = names[i]
    kept = [n for i, n in enumerate(names) if i not in mine]
    kept += [n for j, n in enumerate(others) if j not in yours]
    _sizes([a.shape, b.shape], [tuple(names), tuple(others)])
    plan = Plan([a.shape, b.shape])
    first, second = plan.operands
    form, labels = _contract(first, tuple(names), second, tuple(others), set(kept), tuple(kept))
    _arranged(form, labels, kept)
    return plan.run([a, b])


def _apart(input: Tensor, ndim: int, other: int) -> list[int]:
    """The sizes, with ones in front up to ndim dimensions, each before or behind a one."""
    sizes = [1] * (ndim - input.ndim) + list(input.shape)
    return [n for size in sizes for n in ((size, 1) if not other else (1, size))]


@tried(
    ref=np.kron,
    samples=[
        (real(2, 3), real(4, 2)),
        (real(3), real(2, 2)),
        (real(), real(3)),
        (real(2, 1, 2), real(3)),
        (real(0, 2), real(2, 3)),
    ],
)
@composite
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of ``input`` times the whole of ``other``, in its place."""
    ndim = max(input.ndim, other.ndim)
    product = mul(
        _reshape(input, tuple(_apart(input, ndim, 0))),
        _reshape(other, tuple(_apart(other, ndim, 1))),
    )
    pairs = [product.shape[2 * i] * product.shape[2 * i + 1] for i in range(ndim)]
    return _reshape(product, tuple(pairs))
