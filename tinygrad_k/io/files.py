"""Saving and loading of state dicts."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from .structure import flatten, unflatten

_KEY = "tinygrad_k"  # the metadata entry that holds the structure

_DTYPES = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}

_MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors library itself


def save(state_dict: Mapping[Any, Any], path: str | os.PathLike[str]) -> None:
    """Writes a state dict as a safetensors file, all of it or nothing.

    `state_dict` is a dict of tensors, or nests dicts (keys strings or ints), lists and tuples of
    tensors, numbers, strings, bools and None, as optimizers have. Tensors are stored by the keys
    that lead to them, joined with dots, and can be read by any safetensors reader; the rest is
    JSON in the file's metadata. The file appears under its name when it is complete and on disk,
    by a rename; until then, and after any failure, a file of that name stays as it was.
    TypeError for anything else in the state, ValueError for the path of a pipe, device or socket,
    OSError from the file system.
    """
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import save as serialize

    if not isinstance(state_dict, Mapping):
        raise TypeError(f"save: a state dict is a dict; got {type(state_dict).__name__}")
    try:
        arrays, structure = flatten(state_dict)
        content = serialize(arrays, {_KEY: json.dumps(structure, allow_nan=False)})
    except RecursionError:
        raise ValueError("save: the state is nested too deeply, or contains itself") from None
    except (SafetensorError, ValueError) as error:  # of text that is no UTF-8, of endless ints
        raise ValueError(f"save: {error}") from error
    _replace(os.path.realpath(os.fsdecode(path)), content)


def load(path: str | os.PathLike[str]) -> Any:
    """The state dict in a safetensors file: what `save` was given, or a flat dict of tensors.

    The tensors are new, and require no gradient. ValueError for a file that is truncated, damaged
    or not of this format, or holds a dtype that tensors do not have; OSError when it cannot be
    read. Nothing in a file is executed.
    """
    from safetensors import SafetensorError

    name = os.fsdecode(path)
    with open_regular("load", name) as file:
        try:
            return _parse(file)
        except (SafetensorError, ValueError, KeyError, OverflowError, RecursionError) as error:
            raise ValueError(f"load: {error or type(error).__name__}; {name}") from error


def open_regular(op: str, path: str) -> IO[bytes]:
    """A regular file, to be read. ValueError for a pipe, device or socket, at once: no waiting for
    somebody who writes to a pipe."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 (handed on open)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError(f"{op}: not a regular file; {path}")
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such pipes


def _parse(file: Any) -> Any:
    import json

    from safetensors.numpy import load as deserialize

    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, _MAX_HEADER):
        raise ValueError(f"not a safetensors file, or truncated; {size} bytes")
    header = file.read(length)
    entries = json.loads(header.decode())
    if not isinstance(entries, dict):
        raise ValueError("the header is not a JSON object")
    metadata = entries.pop("__metadata__", None)
    for key, entry in entries.items():
        dtype = entry.get("dtype") if isinstance(entry, dict) else entry
        if dtype not in list(_DTYPES):
            raise ValueError(f"tensor {key!r} has dtype {dtype!r}; known are {', '.join(_DTYPES)}")

    # The library checks what the header claims (shapes, offsets, sizes) against the bytes there.
    arrays = deserialize(start + header + file.read())
    for key, array in arrays.items():
        if array.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
            raise ValueError(f"tensor {key!r} of bools has a byte that is neither 0 nor 1")
    if isinstance(metadata, dict) and _KEY in metadata:
        return unflatten(arrays, json.loads(metadata[_KEY]))
    return unflatten(arrays, {"dict": [[key, {"tensor": key}] for key in arrays]})


def _replace(path: str, content: bytes) -> None:
    """Puts `content` at `path` in one step that survives a crash: write, sync, rename, sync."""
    if os.path.isdir(path):
        raise IsADirectoryError(f"save: a directory is in the way; {path}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"save: a pipe, device or socket is in the way; {path}")
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"save: there is no directory {directory}")
    temporary = os.path.join(directory, f".tinygrad_k-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            if os.path.exists(path):  # before there is anything in the file to read
                os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    """Makes a rename in `directory` durable, where directories can be opened (not on Windows)."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
