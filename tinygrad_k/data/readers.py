"""Readers of image data sets on disk: IDX files, and the digits bundled with scikit-learn."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..io.files import open_regular

# Type codes of the IDX format (Y. LeCun, "The MNIST database"); values are big-endian.
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

# Deflate turns at most 258 bytes into 2 bits (RFC 1951), so no gzip file holds more than this
# many times its own size. It bounds what a header may claim before any of it is read.
_DEFLATE_RATIO = 1032

_CHUNK = 1 << 20  # bytes per read: memory grows with what is there, not with what is claimed


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file (the format of MNIST), plain or gzip, told apart by content.

    Shape and dtype are the file's, in native byte order. ValueError, before anything large is
    allocated, for a bad magic number, a truncated file, trailing bytes, a damaged gzip stream, a
    size that the file cannot hold, or what is no regular file.
    """
    import gzip
    import zlib

    path = os.fsdecode(path)
    with open_regular("read_idx", path) as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        room = os.fstat(raw.fileno()).st_size * (_DEFLATE_RATIO if zipped else 1)
        stream: Any = gzip.GzipFile(fileobj=raw) if zipped else raw
        try:
            return _parse_idx(stream, room, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"read_idx: damaged gzip stream, {error}; {path}") from error


def _parse_idx(stream: IO[bytes], room: int, path: str) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not magic[3]:
        raise ValueError(
            f"read_idx: bad magic number; got {magic.hex(' ') or 'an empty file'}, an IDX file "
            f"starts with 00 00, a type code and the number of dimensions; {path}"
        )
    ndim = magic[3]
    header = stream.read(4 * ndim)
    if len(header) < 4 * ndim:
        raise ValueError(f"read_idx: truncated header of {ndim} dimensions; {path}")
    shape = tuple(np.frombuffer(header, ">u4").tolist())
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    if size > room:
        raise ValueError(
            f"read_idx: shape {shape} takes {size} bytes, the file cannot hold more than {room}; "
            f"{path}"
        )
    data = io.BytesIO()
    while left := size - data.tell():
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise ValueError(
                f"read_idx: truncated; shape {shape} takes {size} bytes, got {data.tell()}; {path}"
            )
        data.write(chunk)
    if stream.read(1):
        raise ValueError(
            f"read_idx: bytes after the data; shape {shape} takes {size} bytes; {path}"
        )
    try:
        values = np.frombuffer(data.getbuffer(), dtype).reshape(shape)
    except ValueError as error:  # zero items, and other sizes beyond what an array can have
        raise ValueError(f"read_idx: {error}; shape {shape}; {path}") from error
    return values.astype(dtype.newbyteorder("="), copy=dtype.itemsize > 1)


def load_mnist(
    directory: str | os.PathLike[str], train: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, rows, columns) uint8 and labels (n,) int64 of an MNIST-style directory.

    Reads `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or the `t10k-` pair for
    `train=False`, each with or without `.gz` and with `.` or `-` before `idx`.
    FileNotFoundError lists the names tried; ValueError when the two do not belong together.
    """
    part = "train" if train else "t10k"
    images_path = _find(directory, f"{part}-images", "idx3-ubyte")
    labels_path = _find(directory, f"{part}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    for what, array, ndim, path in (
        ("images", images, 3, images_path),
        ("labels", labels, 1, labels_path),
    ):
        if array.ndim != ndim or array.dtype != np.uint8:
            raise ValueError(
                f"load_mnist: {what} have {ndim} dimensions of uint8; got {array.dtype} of shape "
                f"{array.shape}; {path}"
            )
    if len(images) != len(labels):
        raise ValueError(
            f"load_mnist: counts differ, {len(images)} images and {len(labels)} labels; "
            f"{images_path}, {labels_path}"
        )
    return images, labels.astype(np.int64)


def _find(directory: str | os.PathLike[str], stem: str, kind: str) -> Path:
    names = [f"{stem}{dot}{kind}{end}" for dot in "-." for end in ("", ".gz")]
    for name in names:
        path = Path(directory) / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"load_mnist: none of {', '.join(names)} in {os.fspath(directory)}")


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) uint8 of values 0 to 16, and labels (1797,) int64.

    Handwritten digits bundled with scikit-learn (UCI "Optical Recognition of Handwritten Digits",
    E. Alpaydin and C. Kaynak). ImportError when scikit-learn is missing.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "load_digits: scikit-learn is not installed; pip install 'tinygrad_k[examples]'"
        ) from error
    digits = datasets.load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.int64)
