"""Saving and loading: round trips, damaged and hostile files, failures on the way."""

import builtins
import errno
import io
import json
import os
import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_k as tk

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def tensors(draw: st.DrawFn) -> tk.Tensor:
    """Any bits: NaNs with payloads, infinities, negative zeros and denormals among the floats."""
    shape, dtype = draw(shapes), np.dtype(draw(st.sampled_from(DTYPES)))
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    if dtype.kind == "b":
        raw = raw & 1
    return tk.tensor(raw.view(dtype).reshape(shape))


keys = st.text(max_size=4) | st.sampled_from(["a.b", "a", "b", "0", "__metadata__", "tinygrad_k"])
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
)
states = st.dictionaries(
    keys | st.integers(-3, 3),
    st.recursive(
        tensors() | scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(keys | st.integers(-3, 3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def bits(value: object) -> object:
    """A value that compares equal where the state has the same types and the same bits."""
    if isinstance(value, tk.Tensor):
        array = value.detach().numpy()
        return "tensor", str(array.dtype), array.shape, array.tobytes()
    if isinstance(value, dict):
        return "dict", [(type(key), key, bits(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [bits(item) for item in value]
    if isinstance(value, float):
        return "float", "nan" if value != value else value.hex()
    return type(value), value


@given(state=states)
@settings(deadline=None)  # fsync takes as long as the disk likes
def test_round_trip(state: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("io") / "state"
    before = bits(state)
    tk.save(state, path)
    assert bits(state) == before
    assert bits(tk.load(path)) == before
    assert os.listdir(path.parent) == ["state"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_dtypes_and_shapes(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    value = tk.tensor(np.random.default_rng(0).integers(0, 2, shape).astype(dtype))
    tk.save({"x": value}, tmp_path / "f")
    got = tk.load(tmp_path / "f")["x"]
    assert got.dtype == getattr(tk, dtype) and tuple(got.shape) == shape
    assert got.tolist() == value.tolist()
    if got.ndim:
        got.zero_()  # writable, and its own


def test_views_and_parameters(tmp_path: Path) -> None:
    base = tk.arange(12).reshape(3, 4)
    weight = tk.ones(2, requires_grad=True)
    tk.save(
        {"t": base.t(), "column": base[:, 1], "wide": base[0].expand(2, 4), "w": weight},
        tmp_path / "f",
    )
    got = tk.load(tmp_path / "f")
    assert got["t"].tolist() == base.t().tolist()
    assert got["column"].tolist() == [1, 5, 9]
    assert got["wide"].tolist() == [[0, 1, 2, 3]] * 2
    assert got["w"].tolist() == [1, 1] and not got["w"].requires_grad


def test_model_and_optimizer_round_trip(tmp_path: Path) -> None:
    def make() -> tuple:
        model = tk.nn.Sequential(tk.nn.Linear(3, 4), tk.nn.BatchNorm1d(4), tk.nn.Linear(4, 1))
        return model, tk.optim.Adam(model.parameters(), lr=0.01)

    def step(model: tk.nn.Module, optimizer: tk.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(tk.arange(12.0).reshape(4, 3)).square().mean().backward()
        optimizer.step()

    model, optimizer = make()
    step(model, optimizer)
    tk.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "f")
    other, twin = make()
    state = tk.load(tmp_path / "f")
    other.load_state_dict(state["model"])
    twin.load_state_dict(state["optimizer"])
    assert bits(twin.state_dict()) == bits(optimizer.state_dict())
    for _ in range(3):
        step(model, optimizer)
        step(other, twin)
    assert bits(dict(other.state_dict())) == bits(dict(model.state_dict()))


def test_names_that_collide(tmp_path: Path) -> None:
    values = [tk.tensor([i]) for i in range(6)]
    state = {
        "a.b": values[0],
        "a": {"b": values[1]},
        1: values[2],
        "1": values[3],
        "__metadata__": values[4],
        "": values[5],
    }
    tk.save(state, tmp_path / "f")
    assert bits(tk.load(tmp_path / "f")) == bits(state)


def test_other_readers_and_writers(tmp_path: Path) -> None:
    from safetensors import numpy as safetensors

    tk.save({"a": {"w": tk.ones(2, 3)}, "n": 4}, tmp_path / "ours")
    assert safetensors.load_file(tmp_path / "ours")["a.w"].tolist() == [[1, 1, 1]] * 2
    arrays = {"x.y": np.arange(3), "z": np.ones((), np.float32)}
    safetensors.save_file(arrays, tmp_path / "theirs", {"format": "pt"})
    assert bits(tk.load(tmp_path / "theirs")["x.y"]) == bits(tk.arange(3))
    assert tk.load(tmp_path / "theirs").keys() == arrays.keys()


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    state = {"f": np.float32(1.5), "i": np.int64(3), "b": np.bool_(True), "n": np.float64("nan")}
    tk.save(state, tmp_path / "f")
    back = tk.load(tmp_path / "f")
    assert [type(back[key]) for key in "fibn"] == [float, int, bool, float]
    assert (back["f"], back["i"], back["b"]) == (1.5, 3, True)


def test_save_refuses_what_it_cannot_store(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for bad, text in [
        ({"a": {"b": [1, object()]}}, r"got object at 'a\.b\.1'"),
        ({"a": np.zeros(3)}, "got ndarray at 'a'"),
        ({"a": {1, 2}}, "got set at 'a'"),
        ({"a": print}, "got builtin_function_or_method"),
        ({"a": {(1, 2): 3}}, "keys are strings or ints"),
        ({True: 1}, "keys are strings or ints"),
        ([tk.ones(2)], "a state dict is a dict; got list"),
    ]:
        with pytest.raises(TypeError, match=f"save: .*{text}"):
            tk.save(bad, path)
    own: dict = {}
    own["self"] = own
    with pytest.raises(ValueError, match=r"save: .*too deeply"):
        tk.save(own, path)
    for bad in ({"\ud800": tk.ones(2)}, {"a": 10**5000}):
        with pytest.raises(ValueError, match="save: "):
            tk.save(bad, path)
    assert os.listdir(tmp_path) == []


STATE = {"w": tk.arange(6.0).reshape(2, 3), "b": tk.tensor([True, False]), "n": [1, 0.5, ("x",)]}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    tk.save(STATE, path)
    return path


def test_every_truncation_raises(saved: Path) -> None:
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"load: .*state"):
            tk.load(saved)
    saved.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match="load: "):
        tk.load(saved)


@given(data=st.data())
@settings(deadline=None)
def test_flipped_bytes_never_do_worse_than_raise(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    tk.save(STATE, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        tk.load(path)
    except ValueError as error:
        assert "load: " in str(error)


def raw(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str = "F32", shape: tuple = (2,), offsets: tuple = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def structured(structure: object, **tensors: dict) -> bytes:
    text = structure if isinstance(structure, str) else json.dumps(structure)
    return raw({"__metadata__": {"tinygrad_k": text}, **tensors}, bytes(8 * len(tensors)))


X = {"tensor": "x"}
HOSTILE = {
    "empty": b"",
    "header length": struct.pack("<Q", 2**63) + b"{}",
    "header longer than the file": struct.pack("<Q", 10) + b"{}",
    "pickle": b"\x80\x04\x95\x1b\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "not json": raw(b"{[}"),
    "not utf-8": raw(b"\xff\xfe{\0}\0"),
    "not an object": raw([1, 2]),
    "deep header": raw(b"[" * 100_000),
    "deep json": raw(b'{"x":' * 5000 + b"1" + b"}" * 5000),
    "no entry": raw({"x": 3}),
    "list entry": raw({"x": ["F32"]}),
    "no shape": raw({"x": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8)),
    "unknown dtype": raw({"x": entry("Q7")}, bytes(8)),
    "unhashable dtype": raw({"x": {**entry(), "dtype": {}}}, bytes(8)),
    "foreign dtype": raw({"x": entry("F16", (4,))}, bytes(8)),
    "bfloat16": raw({"x": entry("BF16", (4,))}, bytes(8)),
    "shape and size": raw({"x": entry(shape=(3,))}, bytes(8)),
    "negative shape": raw({"x": entry(shape=(-2,))}, bytes(8)),
    "overflowing shape": raw({"x": entry(shape=(2**32, 2**32), offsets=(0, 0))}),
    "absurd empty shape": raw({"x": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}),
    "too many dimensions": raw({"x": entry(shape=(1,) * 200, offsets=(0, 4))}, bytes(4)),
    "offsets past the end": raw({"x": entry(offsets=(8, 16))}, bytes(8)),
    "offsets swapped": raw({"x": entry(offsets=(8, 0))}, bytes(8)),
    "overlap": raw({"x": entry(), "y": entry()}, bytes(8)),
    "hole": raw({"x": entry(), "y": entry(offsets=(16, 24))}, bytes(24)),
    "named twice": raw(
        b'{"x":'
        + json.dumps(entry("F16", (4,))).encode()
        + b',"x":'
        + json.dumps(entry()).encode()
        + b',"x":'
        + json.dumps(entry("F16", (4,))).encode()
        + b"}",
        bytes(8),
    ),
    "bool of 2": raw({"x": entry("BOOL", (2,), (0, 2))}, b"\1\2"),
    "structure not json": structured("{", x=entry()),
    "structure deep": structured("[" * 100_000, x=entry()),
    "structure deep lists": structured('{"list":[' * 5000 + "]}" * 5000, x=entry()),
    "structure bare list": structured([X], x=entry()),
    "structure two tags": structured({"list": [X], "dict": []}, x=entry()),
    "unknown tag": structured({"call": "os.system"}),
    "float text": structured({"float": "1e3"}),
    "missing tensor": structured({"list": [X, {"tensor": "y"}]}, x=entry()),
    "tensor twice": structured({"list": [X, X]}, x=entry()),
    "tensor left over": structured({"list": []}, x=entry()),
    "tensor name": structured({"tensor": ["x"]}, x=entry()),
    "dict pairs": structured({"dict": [["a", X, 1]]}, x=entry()),
    "dict key": structured({"dict": [[None, X]]}, x=entry()),
    "dict key twice": structured({"dict": [["a", 1], ["a", X]]}, x=entry()),
    "unhashable key": structured({"dict": [[[], X]]}, x=entry()),
    "huge integer": structured("9" * 5000),
}


def test_the_hostile_files_are_hostile_in_one_thing_only(tmp_path: Path) -> None:
    for content in (
        raw({"x": entry()}, bytes(8)),
        structured({"list": [X]}, x=entry()),
        structured({"dict": [["a", X], [1, {"float": "nan"}]]}, x=entry()),
    ):
        (tmp_path / "f").write_bytes(content)
        tk.load(tmp_path / "f")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_raise(tmp_path: Path, name: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ValueError, match=r"load: .*f$") as caught:
        tk.load(path)
    assert len(str(caught.value)) < 1000
    if name in ("unknown dtype", "foreign dtype", "bfloat16", "named twice"):
        assert "known are F32, F64, I64, I32, U8, BOOL" in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_special_files_raise(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="load: not a regular file"):
        tk.load("/dev/zero")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="load: not a regular file"):
        tk.load(pipe)
    for special in (pipe, "/dev/null"):
        with pytest.raises(ValueError, match="save: a pipe, device or socket is in the way"):
            tk.save({"a": 1}, special)
    assert pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        tk.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        tk.load(tmp_path / "none")


# Failures of save: whichever call fails, the old file stays and nothing is left behind.


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    before = saved.read_bytes()

    class FullDisk(io.FileIO):
        def write(self, content: Any) -> int:
            super().write(content[: len(content) // 2])
            raise error

    def fail(*_: object) -> None:
        raise error

    if call == "write":
        monkeypatch.setattr(builtins, "open", FullDisk)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        tk.save({"w": tk.zeros(5)}, saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["state"]


def test_save_syncs_the_file_before_and_the_directory_after_the_rename(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        events.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def replace(a: str, b: str) -> None:
        events.append("rename")
        assert os.path.dirname(a) == os.path.dirname(b)
        real_replace(a, b)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    tk.save(STATE, saved)
    assert events == ["file", "rename", "directory"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links as on POSIX")
def test_permissions_and_links(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        tk.save(STATE, tmp_path / "new")
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o640
    os.chmod(tmp_path / "new", 0o604)
    os.symlink("new", tmp_path / "link")
    tk.save({"n": 1}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and tk.load(tmp_path / "new") == {"n": 1}
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o604


def test_save_into_a_directory_or_nowhere(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="save: "):
        tk.save(STATE, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"save: there is no directory .*none$"):
        tk.save(STATE, tmp_path / "none" / "f")
    assert os.listdir(tmp_path) == []


def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tk.save({"n": 1}, "f")
    assert tk.load("f") == {"n": 1}


def test_paths_as_bytes(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path / "f")
    tk.save({"n": 1}, name)
    assert tk.load(name) == {"n": 1}
    Path(tmp_path / "f").write_bytes(b"")
    with pytest.raises(ValueError, match=f"; {tmp_path}/f$"):
        tk.load(name)
