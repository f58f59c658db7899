"""Einstein's summation and what it is made of: contractions of pairs, each one matrix product.

An operand is a tensor with a label for each dimension. Labels that one operand repeats are read off
its diagonal, those that stand nowhere else are summed, and the rest is contracted pair by pair: in
the order of fewest multiplications for up to ``EXACT`` operands, else greedily, the pair that
shrinks the total most first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
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


def _parse(args: tuple[Any, ...]) -> tuple[list[Tensor], list[list[Label]], list[Label] | None]:
    """Operands, their labels, and the output's (None: not given)."""
    if not args:
        raise ValueError("einsum: expected an equation and operands; got nothing")
    if isinstance(args[0], str):
        equation, *operands = args
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
        left, arrow, right = equation.partition("->")
        terms = [_letters(term, equation) for term in left.split(",")]
        output = _letters(right, equation) if arrow else None
    else:
        pairs = len(args) // 2
        operands = list(args[0 : 2 * pairs : 2])
        terms = [_sublist(each) for each in args[1 : 2 * pairs : 2]]
        output = _sublist(args[-1]) if len(args) % 2 else None
    for each in operands:
        if not isinstance(each, Tensor):
            raise TypeError(f"einsum: expected tensors; got {type(each).__name__}")
    if not operands or len(operands) != len(terms):
        raise ValueError(f"einsum: {len(terms)} terms for {len(operands)} operands")
    return operands, terms, output


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


def _sizes(operands: list[Tensor], terms: list[Labels]) -> dict[Label, int]:
    """The size of each label; 1 gives way to others."""
    sizes: dict[Label, int] = {}
    for tensor, labels in zip(operands, terms, strict=True):
        for label, n in zip(labels, tensor.shape, strict=True):
            known = sizes.setdefault(label, n)
            if known == 1:
                sizes[label] = n
            elif n not in (1, known):
                what = f"{label!r}" if isinstance(label, str) else "of the ellipsis"
                raise ValueError(f"einsum: the dimension {what} has sizes {known} and {n}")
    return sizes


# -- one operand --------------------------------------------------------------------------------


def _diagonals(tensor: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
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
            tensor = tensor.diagonal(0, first, second)
            rest = [each for i, each in enumerate(labels) if i not in (first, second)]
            labels = (*rest, label)
    return tensor, labels


def _summed(tensor: Tensor, labels: Labels, keep: set[Label]) -> tuple[Tensor, Labels]:
    """Without the labels that are needed nowhere else."""
    gone = tuple(i for i, label in enumerate(labels) if label not in keep)
    if not gone:
        return tensor, labels
    if all(tensor.shape[i] == 1 for i in gone):
        return _reshape(tensor, _without(tensor.shape, gone)), _without(labels, gone)
    total = _sum(tensor, gone)
    if total.dtype is not tensor.dtype:  # small integers are summed in int64
        total = total.to(tensor.dtype)
    return total, _without(labels, gone)


def _without(values: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    return tuple(each for i, each in enumerate(values) if i not in places)


def _arranged(tensor: Tensor, labels: Labels, order: Sequence[Label]) -> Tensor:
    """The dimensions in another order, a view."""
    dims = tuple(labels.index(label) for label in order)
    return tensor if dims == tuple(range(len(dims))) else _permute(tensor, dims)


# -- two operands -------------------------------------------------------------------------------


def _narrowed(tensor: Tensor, labels: Labels, other: dict[Label, int]) -> tuple[Tensor, Labels]:
    """Without the dimensions of size 1 that broadcast against the other operand."""
    gone = [i for i, label in enumerate(labels) if tensor.shape[i] == 1 != other.get(label, 1)]
    if not gone:
        return tensor, labels
    return _reshape(tensor, _without(tensor.shape, gone)), _without(labels, gone)


def _contract(
    a: Tensor, a_labels: Labels, b: Tensor, b_labels: Labels, keep: set[Label], last: Labels
) -> tuple[Tensor, Labels]:
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
        a = _reshape(
            _arranged(a, a_labels, (*batch, *rows)),
            (*full[: len(full) - len(columns)], *(1 for _ in columns)),
        )
        b = _reshape(
            _arranged(b, b_labels, (*batch, *columns)),
            (*shape(), *(1 for _ in rows), *(size[each] for each in columns)),
        )
        return mul(a, b), (*batch, *rows, *columns)
    a = _arranged(a, a_labels, (*batch, *rows, *inner))
    b = _arranged(b, b_labels, (*batch, *inner, *columns))
    product = matmul(_reshape(a, shape(rows, inner)), _reshape(b, shape(inner, columns)))
    return _reshape(product, full), (*batch, *rows, *columns)


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
    operands, given, wanted = _parse(args)
    terms = [_spell_out(term, t.ndim) for term, t in zip(given, operands, strict=True)]
    output = _output_labels(wanted, terms)
    sizes = _sizes(operands, terms)
    pairs = [_diagonals(*pair) for pair in zip(operands, terms, strict=True)]
    everywhere = [
        {label for _, labels in pairs[:i] + pairs[i + 1 :] for label in labels}
        for i in range(len(pairs))
    ]
    pairs = [
        _summed(tensor, labels, {*output} | elsewhere)
        for (tensor, labels), elsewhere in zip(pairs, everywhere, strict=True)
    ]
    sets, final = [frozenset(labels) for _, labels in pairs], frozenset(output)
    order = _best_order if len(pairs) <= EXACT else _greedy_order
    parts = {1 << i: pair for i, pair in enumerate(pairs)}
    for a, b in order(sets, final, sizes):
        keep = set(_left(a | b, sets, final))
        last = output if len(parts) == 2 else ()
        parts[a | b] = _contract(*parts.pop(a), *parts.pop(b), keep, last)
    ((tensor, labels),) = parts.values()
    tensor, labels = _summed(tensor, labels, {*output})
    return _arranged(tensor, labels, output)


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
    _sizes([a, b], [tuple(names), tuple(others)])
    result, labels = _contract(a, tuple(names), b, tuple(others), set(kept), tuple(kept))
    return _arranged(result, labels, kept)


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
