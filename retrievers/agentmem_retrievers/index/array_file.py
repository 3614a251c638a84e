"""A file of named arrays and lists of strings, of which only what is looked at is read."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayFile", "DamagedFileError"]

_MAGIC = b"agentmem index 1\n"
_HEAD = struct.Struct("<QI")
# Where arrays begin, so that every kind of number is aligned.
_ALIGNED = 64


class DamagedFileError(ValueError):
    """A file is not whole, or is something else."""


@dataclass
class ArrayFile:
    """What a file holds.

    Attributes:
        about: what it is of, to be compared when it is read.
        large: names of the arrays that are not read to see whether they are whole.
    """

    about: dict[str, Any] = field(default_factory=dict)
    strings: dict[str, list[str]] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)

    @property
    def nbytes(self) -> int:
        """About how large the file is."""
        strings = sum(len(s) + 4 for held in self.strings.values() for s in held)
        return strings + sum(array.nbytes + _ALIGNED for array in self.arrays.values())

    def write(self, path: Path) -> None:
        """Write a file, which is there as a whole or not at all; raises OSError."""
        places: dict[str, Any] = {}
        end = 0
        for name, array in self.arrays.items():
            check = None if name in self.large else zlib.crc32(np.ascontiguousarray(array).data)
            places[name] = [str(array.dtype), array.shape, end, check]
            end += -(-array.nbytes // _ALIGNED) * _ALIGNED
        said = {"about": self.about, "strings": self.strings, "arrays": places, "end": end}
        head = json.dumps(said, separators=(",", ":")).encode()
        unfinished = path.with_suffix(".part")
        try:
            with unfinished.open("wb") as file:
                file.write(_MAGIC + _HEAD.pack(len(head), zlib.crc32(head)) + head)
                begin = _begin(len(head))
                for name, array in self.arrays.items():
                    file.seek(begin + places[name][2])
                    file.write(np.ascontiguousarray(array).data)
                file.truncate(begin + end)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path, about: Mapping[str, Any]) -> ArrayFile:
        """Read a file; its arrays are mapped into memory, and may be changed there alone.

        Raises:
            OSError: there is no such file.
            DamagedError: it is not whole, or is of something else than `about`.
        """
        with path.open("rb") as file:
            front = file.read(len(_MAGIC) + _HEAD.size)
            if not front.startswith(_MAGIC) or len(front) < len(_MAGIC) + _HEAD.size:
                raise DamagedFileError(f"{path} is no index")
            size, check = _HEAD.unpack(front[len(_MAGIC) :])
            head = file.read(size)
        if zlib.crc32(head) != check:
            raise DamagedFileError(f"{path} is damaged")
        said = json.loads(head)
        if any(said["about"].get(name) != value for name, value in about.items()):
            raise DamagedFileError(f"{path} is of something else")
        begin = _begin(size)
        if path.stat().st_size != begin + said["end"]:
            raise DamagedFileError(f"{path} is cut short")
        found = cls(said["about"], said["strings"])
        held = np.memmap(path, dtype=np.uint8, mode="c")
        for name, (dtype, shape, place, check) in said["arrays"].items():
            array = _view(held, np.dtype(dtype), shape, begin + place)
            if check is None:
                found.large.add(name)
            elif zlib.crc32(array.data) != check:
                raise DamagedFileError(f"{path} is damaged")
            found.arrays[name] = array
        return found


def _begin(head: int) -> int:
    return -(-(len(_MAGIC) + _HEAD.size + head) // _ALIGNED) * _ALIGNED


def _view(
    held: NDArray[np.uint8], dtype: np.dtype[Any], shape: list[int], place: int
) -> NDArray[Any]:
    size = int(np.prod(shape)) * dtype.itemsize
    return np.asarray(held)[place : place + size].view(dtype).reshape(shape)
