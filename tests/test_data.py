"""Datasets, loaders, splits and readers."""

import gzip
import math
import os
import struct
import sys
import time
import tracemalloc
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    collate,
    load_digits,
    load_mnist,
    random_split,
    read_idx,
    train_val_test_split,
)

sizes = st.integers(0, 40)
seeds = st.integers(0, 2**31)


def numbered(n: int) -> TensorDataset:
    """Rows that tell their own index, in two tensors of different dtype and rank."""
    ids = np.arange(n)
    return TensorDataset(tk.tensor(np.stack([ids, -ids], 1).astype(np.float32)), tk.tensor(ids))


class Squares:
    """A dataset of Python numbers that derives from nothing."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, index**2 / 2


# Datasets


def test_tensor_dataset_items_and_arrays() -> None:
    data = TensorDataset(np.arange(6.0).reshape(3, 2), tk.tensor([4, 5, 6]))
    assert len(data) == 3
    row, label = data[1]
    assert row.tolist() == [2.0, 3.0] and label.item() == 5
    assert data[-1][1].item() == 6


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ((), "no tensors"),
        ((np.zeros(3), np.zeros((2, 3))), "first sizes differ"),
        ((np.zeros(()),), "without dimensions"),
    ],
)
def test_tensor_dataset_refuses(tensors: tuple, text: str) -> None:
    with pytest.raises(ValueError, match=f"TensorDataset: .*{text}"):
        TensorDataset(*tensors)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64])
def test_subset_indices_of_any_integer_dtype(kind: Any) -> None:
    assert Subset(range(1000), np.array([3, 100], kind)).indices.tolist() == [3, 100]
    with pytest.raises(IndexError, match="127 out of range for 100 items"):
        Subset(range(100), np.array([3, 127], kind))
    with pytest.raises(IndexError, match="18446744073709551615 out of range"):
        Subset(range(100), np.array([2**64 - 1], np.uint64))


def test_subset_of_subset() -> None:
    inner = Subset(numbered(10), [9, 1, -3, 5])
    outer = Subset(inner, np.array([2, 0]))
    assert [outer[i][1].item() for i in range(len(outer))] == [7, 9]
    (_, ids), *_ = DataLoader(outer, 2)
    assert ids.tolist() == [7, 9]
    assert outer[0:2][1].tolist() == [7, 9]
    assert len(Subset(inner, [])) == 0
    last = Subset(Squares(5), [-1])  # a dataset that knows no negative indices
    assert last[0] == (4, 8.0) and next(iter(DataLoader(last)))[0].tolist() == [4]


@pytest.mark.parametrize("indices", [[3], [-4], [0, 99]])
def test_subset_out_of_range(indices: list[int]) -> None:
    with pytest.raises(IndexError, match=r"Subset: index -?\d+ out of range for 3 items"):
        Subset(numbered(3), indices)


@pytest.mark.parametrize("indices", [[0.5], [[0]], [True], ["a"]])
def test_subset_indices_are_ints(indices: list) -> None:
    with pytest.raises(ValueError, match="Subset: indices are a list of ints"):
        Subset(numbered(3), indices)


# Loaders


@given(n=sizes, size=st.integers(1, 9), shuffle=st.booleans(), drop=st.booleans(), seed=seeds)
def test_loader_covers_each_sample_once(
    n: int, size: int, shuffle: bool, drop: bool, seed: int
) -> None:
    generator = tk.Generator().manual_seed(seed)
    loader = DataLoader(numbered(n), size, shuffle, drop_last=drop, generator=generator)
    batches = list(loader)
    assert len(batches) == len(loader) == (n // size if drop else math.ceil(n / size))
    assert all(len(ids) == size for _, ids in batches[: n // size])
    ids = [i for _, batch in batches for i in batch.tolist()]
    assert len(ids) == len(set(ids)) == (n - n % size if drop else n)
    assert set(ids) <= set(range(n))
    if not shuffle:
        assert ids == sorted(ids)
    for rows, batch in batches:
        assert rows.dtype == tk.float32 and rows.tolist() == [[i, -i] for i in batch.tolist()]


def order(loader: DataLoader) -> list[int]:
    return [i for _, ids in loader for i in ids.tolist()]


def test_loader_order_comes_from_the_generator() -> None:
    data = numbered(50)

    def two_passes(seed: int) -> list[list[int]]:
        loader = DataLoader(data, 8, True, generator=tk.Generator().manual_seed(seed))
        return [order(loader), order(loader)]

    assert two_passes(3) == two_passes(3)
    assert two_passes(3) != two_passes(4)
    first, second = two_passes(3)
    assert first != second and first != sorted(first)


def test_loader_order_comes_from_manual_seed() -> None:
    loader = DataLoader(numbered(50), 8, shuffle=True)
    tk.manual_seed(5)
    first = order(loader)
    tk.manual_seed(5)
    assert order(loader) == first
    assert order(loader) != first


@pytest.mark.parametrize("shuffle", [False, True])
def test_changing_a_batch_leaves_the_dataset(shuffle: bool) -> None:
    data = numbered(6)
    before = [t.tolist() for t in data.tensors]
    for rows, ids in DataLoader(data, 3, shuffle):
        rows.zero_()
        ids.zero_()
    assert [t.tolist() for t in data.tensors] == before


def test_loader_gathers_a_batch_at_once() -> None:
    calls = []

    class Counting(TensorDataset):
        def __getitem__(self, index: object) -> tuple:
            calls.append(index)
            return super().__getitem__(index)

    list(DataLoader(Subset(Counting(np.zeros((10, 2))), range(10)), 5))
    assert len(calls) == 2


def test_loader_collates_items() -> None:
    (ids, halves), last = DataLoader(Squares(5), 3)
    assert ids.dtype == tk.int64 and ids.tolist() == [0, 1, 2]
    assert halves.dtype == tk.float64 and halves.tolist() == [0, 0.5, 2]
    assert last[0].tolist() == [3, 4]
    assert next(iter(DataLoader(Squares(5), 2, collate_fn=list))) == [(0, 0.0), (1, 0.5)]


def test_a_dataset_class_without_batch_is_collated() -> None:
    class Pairs(Dataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> dict:
            if not 0 <= index < 4:
                raise IndexError(index)
            return {"x": tk.ones(2) * index, "name": f"row {index}"}

    (batch,) = DataLoader(Pairs(), 4)
    assert batch["x"].tolist() == [[i, i] for i in range(4)]
    assert batch["name"] == [f"row {i}" for i in range(4)]
    half = Subset(Pairs(), [3, 1])
    assert half[0]["name"] == "row 3"
    assert next(iter(DataLoader(half, 2)))["name"] == ["row 3", "row 1"]


def test_collate_structures() -> None:
    Point = namedtuple("Point", "x y")
    joined = collate([Point(1, True), Point(2, False)])
    assert type(joined) is Point
    assert joined.x.tolist() == [1, 2] and joined.y.dtype == tk.bool
    array = collate([np.ones((2, 3), np.int32), np.zeros((2, 3), np.int32)])
    assert array.dtype == tk.int32 and tuple(array.shape) == (2, 2, 3)
    assert collate([np.float32(1), np.float32(2)]).dtype == tk.float32


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([np.zeros(2), np.zeros(3)], r"shapes .*\(2,\) and \(3,\)"),
        ([(1, 2), (1,)], "lengths .*2 and 1"),
        ([{"a": 1}, {"b": 1}], "keys"),
        ([], "no items"),
    ],
)
def test_collate_refuses_unlike_items(items: list, text: str) -> None:
    with pytest.raises(ValueError, match=f"collate: {text}|collate: .*differ"):
        collate(items)
    if items and isinstance(items[0], np.ndarray):
        with pytest.raises(ValueError, match=f"collate: {text}"):
            collate([tk.tensor(item) for item in items])


def test_collate_refuses_other_types() -> None:
    with pytest.raises(TypeError, match=r"collate: .*got object"):
        collate([object()])
    with pytest.raises(TypeError, match=r"collate: .*got int, str"):
        collate([1, "a"])
    with pytest.raises(TypeError, match=r"collate: .*got dict, tuple"):
        collate([{}, ()])


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([1, 2.5], tk.float64),
        ([True, 5], tk.int64),
        ([False, 0.5], tk.float64),
        ([2, np.float32(0.5)], tk.float64),
        ([np.uint8(2), np.int32(-1)], tk.int32),
        ([np.array(1), 0.5], tk.float64),
    ],
)
def test_collate_promotes_over_all_items(items: list, kind: Any) -> None:
    for order in (items, items[::-1]):
        joined = collate(order)
        assert joined.dtype == kind
        assert joined.tolist() == [float(item) for item in order]


def test_collate_takes_keys_in_any_order() -> None:
    joined = collate([{"a": 1, "b": 2}, {"b": 3, "a": 4}])
    assert {key: value.tolist() for key, value in joined.items()} == {"a": [1, 4], "b": [2, 3]}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"batch_size": -3}, ValueError),
        ({"batch_size": 2.0}, TypeError),
        ({"batch_size": True}, TypeError),
        ({"generator": 7}, TypeError),
        ({"dataset": 7}, TypeError),
        ({"dataset": iter([1])}, TypeError),
        ({"sampler": [0, 1], "shuffle": True}, ValueError),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError),
        ({"batch_sampler": [[0]], "sampler": []}, ValueError),
        ({"batch_size": None, "drop_last": True}, ValueError),
        ({"sampler": iter([0])}, TypeError),
        ({"batch_sampler": 3}, TypeError),
        ({"num_workers": -1}, ValueError),
        ({"shuffle": "yes"}, TypeError),
        ({"drop_last": [1]}, TypeError),
    ],
)
def test_loader_refuses(arguments: dict, error: type[Exception]) -> None:
    with pytest.raises(error, match="DataLoader: "):
        DataLoader(**({"dataset": numbered(3)} | arguments))


# Samplers


@pytest.mark.parametrize(
    "make",
    [
        lambda n, g: RandomSampler(range(n), generator=g),
        lambda n, g: RandomSampler(range(n), num_samples=2 * n + 1, generator=g),
        lambda n, g: RandomSampler(range(n), True, 3 * n, generator=g),
        lambda n, g: SubsetRandomSampler(range(n), generator=g),
        lambda n, g: SubsetRandomSampler(tk.arange(n), generator=g),
        lambda n, g: WeightedRandomSampler([1.0] * n, 2 * n, generator=g),
        lambda n, g: WeightedRandomSampler(tk.ones(n), n, False, generator=g),
    ],
)
@given(n=st.integers(1, 30), seed=seeds)
def test_random_samplers(make: Callable[..., Any], n: int, seed: int) -> None:
    """Places of the data; each as often as any where none is drawn twice; the seed's."""
    first, again = (list(make(n, tk.Generator().manual_seed(seed))) for _ in range(2))
    sampler = make(n, tk.Generator().manual_seed(seed))
    assert first == again == sampler.order().tolist() and len(sampler) == len(first)
    counts = np.bincount(first, minlength=n)
    assert counts.sum() == len(first) and len(counts) == n
    if not getattr(sampler, "replacement", False):
        assert counts.max() - counts.min() <= 1
    loader = DataLoader(numbered(n), 4, sampler=make(n, tk.Generator().manual_seed(seed)))
    assert [i for _, ids in loader for i in ids.tolist()] == first
    assert len(loader) == -(-len(first) // 4)


def test_weights_are_frequencies() -> None:
    tk.manual_seed(0)
    weights = [1.0, 0.0, 3.0]
    drawn = WeightedRandomSampler(weights, 40_000).order()
    counts = tk.bincount(drawn, minlength=3) / 40_000
    assert np.allclose(counts.numpy(), [0.25, 0.0, 0.75], atol=0.02)


@given(n=st.integers(0, 30), size=st.integers(1, 8), drop=st.booleans())
def test_batches_of_a_batch_sampler_are_those_of_the_loader(n: int, size: int, drop: bool) -> None:
    sampler = BatchSampler(SequentialSampler(range(n)), size, drop)
    plain = [ids.tolist() for _, ids in DataLoader(numbered(n), size, drop_last=drop)]
    loader = DataLoader(numbered(n), batch_sampler=sampler)
    assert [ids.tolist() for _, ids in loader] == plain == list(sampler)
    assert len(loader) == len(sampler) == len(plain)


class Fewer:
    """A sampler whose length is a guess, as where it leaves out items."""

    def __len__(self) -> int:
        return 9

    def __iter__(self) -> Iterator[int]:
        return iter([4, 0, 2, 1, 3])


@pytest.mark.parametrize("drop", [False, True])
def test_batches_are_of_the_indices_that_came(drop: bool) -> None:
    found = [ids.tolist() for _, ids in DataLoader(numbered(5), 2, sampler=Fewer(), drop_last=drop)]
    assert found == [*BatchSampler(Fewer(), 2, drop)] == [[4, 0], [2, 1], [3]][: 3 - drop]


def test_items_without_batches() -> None:
    items = list(DataLoader(Squares(4), None, sampler=[3, 1]))
    assert items == [Squares(4)[3], Squares(4)[1]]
    assert list(DataLoader(Squares(3), None, collate_fn=lambda item: item[0])) == [0, 1, 2]


def test_samplers_refuse() -> None:
    for make in (
        lambda: RandomSampler([1], num_samples=0),
        lambda: WeightedRandomSampler([1.0, 2.0], 3, False),
        lambda: WeightedRandomSampler([[1.0]], 3),
        lambda: BatchSampler([1], 0, False),
        lambda: list(RandomSampler([], num_samples=2)),
    ):
        with pytest.raises(ValueError, match="Sampler: "):
            make()
    for wrong in ([0.5], [[1]], [True], [[1, 2], [3]]):
        with pytest.raises(TypeError, match="gives ints"):
            list(DataLoader(numbered(3), sampler=wrong))
    with pytest.raises(IndexError):
        list(DataLoader(numbered(3), sampler=[3]))


def test_datasets_one_after_the_other_and_side_by_side() -> None:
    both = numbered(3) + numbered(2)
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [ids.tolist() for _, ids in DataLoader(both, 2)] == [[0, 1], [2, 0], [1]]
    assert both[-1][1].item() == 1
    for i in (5, -6):
        with pytest.raises(IndexError, match="ConcatDataset: index"):
            both[i]
    pairs = StackDataset(Squares(5), numbered(5))
    (squares, (_, ids)), *_ = DataLoader(pairs, 3)
    assert ids.tolist() == squares[0].tolist() == [0, 1, 2]
    named = StackDataset(a=Squares(5), b=numbered(5))
    batch = next(iter(DataLoader(named, 2)))
    assert batch["a"][0].tolist() == batch["b"][1].tolist() == [0, 1] and len(named) == 5
    with pytest.raises(ValueError, match="lengths differ"):
        StackDataset(Squares(3), numbered(4))
    for none in (ConcatDataset, lambda _: StackDataset()):
        with pytest.raises(ValueError, match="datasets"):
            none([])


# Splits


@given(cuts=st.lists(sizes, min_size=1, max_size=5), seed=seeds)
def test_random_split_partitions(cuts: list[int], seed: int) -> None:
    n = sum(cuts)
    parts = random_split(numbered(n), cuts, tk.Generator().manual_seed(seed))
    assert [len(part) for part in parts] == cuts
    ids = [i for part in parts for i in part.indices.tolist()]
    assert sorted(ids) == list(range(n))
    again = random_split(numbered(n), cuts, tk.Generator().manual_seed(seed))
    assert [i for part in again for i in part.indices.tolist()] == ids


fractions = st.lists(st.integers(0, 20), min_size=2, max_size=3).filter(sum)


@given(n=sizes, weights=fractions, seed=seeds)
def test_random_split_by_fractions(n: int, weights: list[int], seed: int) -> None:
    shares = [weight / sum(weights) for weight in weights]
    parts = random_split(numbered(n), shares, tk.Generator().manual_seed(seed))
    ids = [i for part in parts for i in part.indices.tolist()]
    assert sorted(ids) == list(range(n))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - n * share) <= len(shares) + 1e-6


def test_random_split_takes_arrays() -> None:
    assert [len(part) for part in random_split(range(10), np.array([4, 6]))] == [4, 6]
    assert [len(part) for part in random_split(range(10), np.array([0.5, 0.5]))] == [5, 5]


def test_random_split_is_random() -> None:
    (part, _) = random_split(numbered(50), [25, 25], tk.Generator().manual_seed(1))
    assert part.indices.tolist() != sorted(part.indices.tolist())


@pytest.mark.parametrize("lengths", [[], [3, 8], [-1, 11], [0.5, 0.6], [1.5, -0.5], [math.nan]])
def test_random_split_refuses(lengths: list) -> None:
    with pytest.raises(ValueError, match="random_split: "):
        random_split(numbered(10), lengths)


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=8), weights=fractions, seed=seeds)
def test_stratified_split(counts: list[int], weights: list[int], seed: int) -> None:
    shares = [weight / sum(weights) for weight in weights]
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    n = len(labels)
    parts = train_val_test_split(np.arange(n), labels, shares, seed=seed)
    assert sorted(np.concatenate([x for x, _ in parts]).tolist()) == list(range(n))
    for (x, y), share in zip(parts, shares, strict=True):
        assert (labels[x] == y).all()
        assert abs(len(x) - n * share) < 1 - 1e-6  # a whole share stays whole
        for kind, count in enumerate(counts):
            assert abs((y == kind).sum() - count * share) <= 1 + 1e-6


def test_stratified_split_of_very_many_classes() -> None:
    """The time grows with the rows, not with rows times classes (which took ten times as long)."""
    labels = np.arange(60_000) // 2
    start = time.process_time()
    parts = train_val_test_split(labels, labels, (0.5, 0.5), seed=0)
    assert time.process_time() - start < 2
    assert all((np.sort(y) == np.arange(30_000)).all() for _, y in parts)


@given(n=sizes, weights=fractions, seed=seeds)
def test_plain_split(n: int, weights: list[int], seed: int) -> None:
    shares = [weight / sum(weights) for weight in weights]
    parts = train_val_test_split(np.arange(n), np.arange(n) / 7, shares, stratify=False, seed=seed)
    assert sorted(np.concatenate([x for x, _ in parts]).tolist()) == list(range(n))
    for (x, y), share in zip(parts, shares, strict=True):
        assert (y == x / 7).all()
        assert abs(len(x) - n * share) < 1 - 1e-6  # a whole share stays whole


@pytest.mark.parametrize("stratify", [False, True])
def test_split_rounds_the_largest_remainders_up(stratify: bool) -> None:
    for n, shares, expected in [
        (10, (0.7, 0.15, 0.15), [7, 2, 1]),
        (11, (0.3, 0.7), [3, 8]),
        (9, (0.5, 0.1, 0.4), [4, 1, 4]),
    ]:
        parts = train_val_test_split(
            np.arange(n), np.zeros(n, int), shares, stratify=stratify, seed=0
        )
        assert [len(x) for x, _ in parts] == expected


def test_split_keeps_the_kind_and_the_seed() -> None:
    X, y = tk.arange(40).reshape(20, 2), tk.tensor([0, 1] * 10)
    parts = train_val_test_split(X, y, seed=3)
    assert [len(x) for x, _ in parts] == [14, 3, 3]
    for rows, labels in parts:
        assert isinstance(rows, tk.Tensor) and isinstance(labels, tk.Tensor)
        assert [int(i) // 2 % 2 for i in rows[:, 0].tolist()] == labels.tolist()
    arrays = train_val_test_split(X.numpy(), y.numpy(), seed=3)
    assert isinstance(arrays[0][0], np.ndarray)
    assert arrays[0][0].tolist() == parts[0][0].tolist()
    by_generator = train_val_test_split(X, y, generator=tk.Generator().manual_seed(3))
    assert by_generator[0][0].tolist() == parts[0][0].tolist()
    assert train_val_test_split(X, y, seed=4)[0][0].tolist() != parts[0][0].tolist()
    tk.manual_seed(3)
    assert train_val_test_split(X, y)[0][0].tolist() == parts[0][0].tolist()


def test_split_rows_come_in_random_order() -> None:
    x, _ = train_val_test_split(np.arange(60), np.repeat([0, 1, 2], 20), seed=0)[0]
    assert sorted(x.tolist()) != x.tolist()
    assert len(set((x[:12] // 20).tolist())) == 3


@pytest.mark.parametrize(
    ("y", "arguments", "text"),
    [
        (np.zeros(9, int), {}, "same first size"),
        (np.zeros(10), {}, "stratify needs one class label"),
        (np.zeros((10, 2), int), {}, "stratify needs one class label"),
        (np.zeros(10, int), {"fractions": (0.5, 0.6)}, "add up to 1"),
        (np.zeros(10, int), {"fractions": ()}, "add up to 1"),
        (np.zeros(10, int), {"seed": 1, "generator": tk.Generator()}, "not both"),
        (np.zeros(()), {}, "same first size"),
    ],
)
def test_split_refuses(y: np.ndarray, arguments: dict, text: str) -> None:
    with pytest.raises(ValueError, match=f"train_val_test_split: .*{text}"):
        train_val_test_split(np.zeros(10), y, **arguments)


# Readers

CODES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx(array: np.ndarray, code: int = 8) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(CODES[code]).tobytes()


def written(path: Path, content: bytes, zipped: bool = False) -> str:
    path.write_bytes(gzip.compress(content) if zipped else content)
    return str(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(5,), (0,), (3, 0, 2), (2, 3, 4), (1, 1, 1, 1, 7)])
def test_read_idx(tmp_path: Path, shape: tuple, code: int, zipped: bool) -> None:
    array = np.random.default_rng(0).integers(0, 100, shape).astype(CODES[code])
    # The name says nothing: gzip is told by content.
    got = read_idx(written(tmp_path / "x.dat", idx(array, code), zipped))
    assert got.shape == shape and got.dtype == np.dtype(CODES[code]).newbyteorder("=")
    assert (got == array).all()
    got[...] = 1  # writable, and the reader's own


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncation_of_an_idx_file_raises(tmp_path: Path, zipped: bool) -> None:
    content = idx(np.random.default_rng(0).integers(0, 255, (2, 3, 2)))
    content = gzip.compress(content) if zipped else content
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"read_idx: .*x\.idx"):
            read_idx(written(tmp_path / "x.idx", content[:length]))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "bad magic.*empty"),
        (b"PK\3\4 and more", "bad magic.*50 4b"),
        (b"\0\0\x0a\1\0\0\0\0", "bad magic"),  # no such type
        (b"\0\0\x08\0", "bad magic"),  # no dimensions
        (b"\0\1\x08\1\0\0\0\0", "bad magic"),
        (idx(np.zeros(3)) + b"\0", "bytes after"),
        (b"\0\0\x08\1\xff\xff\xff\xff", r"shape \(4294967295,\).*cannot hold"),
        (b"\0\0\x0e\3" + b"\xff" * 12 + b"1234", "cannot hold"),
        (b"\0\0\x08\xff" + b"\xff" * 1020, "cannot hold"),
        (b"\0\0\x08\xff" + b"\0" * 1020, "read_idx: "),  # more dimensions than NumPy has
        (b"\0\0\x0e\3\0\0\0\0" + b"\xff" * 8, "read_idx: "),
    ],
)
def test_read_idx_refuses(tmp_path: Path, content: bytes, text: str, zipped: bool) -> None:
    with pytest.raises(ValueError, match=text):
        read_idx(written(tmp_path / "x", content, zipped))


def test_read_idx_refuses_damaged_gzip(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(idx(np.arange(200))))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(ValueError, match="read_idx: "):
        read_idx(written(tmp_path / "x.gz", bytes(content)))


@pytest.mark.parametrize("zipped", [False, True])
def test_absurd_sizes_allocate_nothing(tmp_path: Path, zipped: bool) -> None:
    # The gzip stream is long enough for its ratio to allow the claim; the data is not there.
    claim = b"\0\0\x08\1" + struct.pack(">I", 2**28) + bytes(np.random.default_rng(0).bytes(2**18))
    path = written(tmp_path / "x", claim, zipped)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"read_idx: .*268435456"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_a_pipe_is_no_idx_file(tmp_path: Path) -> None:
    """Nor is it waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="read_idx: not a regular file"):
        read_idx(tmp_path / "pipe")


def test_read_idx_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")


def mnist(
    directory: Path,
    part: str = "train",
    n: int = 4,
    m: int = 4,
    dot: str = "-",
    zipped: bool = False,
) -> None:
    end = ".gz" if zipped else ""
    images = np.arange(n * 6).reshape(n, 3, 2)
    written(directory / f"{part}-images{dot}idx3-ubyte{end}", idx(images), zipped)
    written(directory / f"{part}-labels{dot}idx1-ubyte{end}", idx(np.arange(m) % 10), zipped)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
def test_load_mnist(tmp_path: Path, dot: str, zipped: bool) -> None:
    mnist(tmp_path, "train", 4, 4, dot, zipped)
    mnist(tmp_path, "t10k", 2, 2, dot, zipped)
    images, labels = load_mnist(tmp_path)
    assert images.shape == (4, 3, 2) and images.dtype == np.uint8
    assert labels.dtype == np.int64 and labels.tolist() == [0, 1, 2, 3]
    images, labels = load_mnist(str(tmp_path), train=False)
    assert images.shape == (2, 3, 2) and labels.tolist() == [0, 1]


def test_load_mnist_refuses(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"load_mnist: .*train-images-idx3-ubyte\.gz"):
        load_mnist(tmp_path)
    mnist(tmp_path, n=4, m=3)
    with pytest.raises(ValueError, match="load_mnist: counts differ, 4 images and 3 labels"):
        load_mnist(tmp_path)
    written(tmp_path / "train-labels-idx1-ubyte", idx(np.zeros((4, 1))))
    with pytest.raises(ValueError, match="load_mnist: labels have 1 dimension"):
        load_mnist(tmp_path)
    written(tmp_path / "train-images-idx3-ubyte", idx(np.zeros((4, 2, 2)), 13))
    with pytest.raises(ValueError, match="load_mnist: images have 3 dimensions of uint8"):
        load_mnist(tmp_path)


def test_load_digits() -> None:
    pytest.importorskip("sklearn")
    images, labels = load_digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert images.min() == 0 and images.max() == 16
    assert labels.dtype == np.int64 and set(labels.tolist()) == set(range(10))


def test_load_digits_without_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"load_digits: .*tinygrad_k\[examples\]"):
        load_digits()
