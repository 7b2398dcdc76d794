"""Reproducible chance: one stream of numbers a concern, and ids that are a function of a number."""

import zlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint8).reshape(
    256, 2
)
_DIGITS = np.array([*range(8), *range(9, 13), *range(14, 18), *range(19, 23), *range(24, 36)])


def stream(seed: int, replica: int, concern: str) -> np.random.Generator:
    """A stream of its own for each concern, so that a new concern shifts no other."""
    return np.random.default_rng([seed, replica, zlib.crc32(concern.encode())])


def _mixed(numbers: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """The splitmix64 finaliser: distinct numbers stay distinct and look random."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def uuids(numbers: NDArray[np.int64], seed: int, kind: str) -> pa.StringArray:
    """Version-4-shaped uuids; the same number, seed and kind give the same uuid."""
    salt = (seed << 32) ^ zlib.crc32(kind.encode())
    plain = numbers.astype(np.uint64)
    halves = np.stack([_mixed(plain, salt), _mixed(plain, salt ^ 0x5DEECE66D)], axis=1)
    octets = halves.view(np.uint8).reshape(len(numbers), 16).copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    text = np.full((len(numbers), 36), ord("-"), np.uint8)
    text[:, _DIGITS] = _HEX[octets].reshape(len(numbers), 32)
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(
        len(numbers), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes())
    )


def uuid_list(numbers: NDArray[np.int64], seed: int, kind: str) -> list[str]:
    return list(uuids(numbers, seed, kind).to_pylist())
