"""A file of named arrays and lists of strings whose arrays are mapped into memory when read.

safetensors has the same layout, but its reader for NumPy copies all tensors into memory, and its
files have no checksums and no lists of strings. Opening 5,000 turns (15 MB) takes 15 ms here, of
which most is the checksums: 2 ms for those of texts.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayFile", "DamagedFileError"]

_MAGIC = b"agentmem index 1\n"
# Length and CRC-32 of the JSON header that follows.
_HEAD = struct.Struct("<QI")
# Arrays start at multiples of this, so that every dtype is aligned.
_ALIGNMENT = 64
# Bytes that are read at once to compute a checksum.
_BLOCK = 2**20


class DamagedFileError(ValueError):
    """The file is damaged or describes something else."""


@dataclass
class ArrayFile:
    """The content of a file.

    Attributes:
        metadata: what the file describes; compared when it is read.
        strings: lists of strings by name.
        arrays: arrays by name.
        unchecked: names of arrays without a checksum, because checking would read them whole.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    strings: dict[str, list[str]] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)

    @property
    def nbytes(self) -> int:
        """The approximate size of the file in bytes."""
        strings = sum(len(s) + 4 for group in self.strings.values() for s in group)
        return strings + sum(array.nbytes + _ALIGNMENT for array in self.arrays.values())

    def write(self, path: Path) -> None:
        """Write the file atomically.

        Raises:
            OSError: it cannot be written.
        """
        places: dict[str, Any] = {}
        size = 0
        for name, array in self.arrays.items():
            unchecked = name in self.unchecked
            crc = None if unchecked else zlib.crc32(np.ascontiguousarray(array).data)
            places[name] = [str(array.dtype), array.shape, size, crc]
            size += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        content = {
            "metadata": self.metadata,
            "strings": self.strings,
            "arrays": places,
            "size": size,
        }
        header = json.dumps(content, separators=(",", ":")).encode()
        temporary = path.with_suffix(".part")
        try:
            with temporary.open("wb") as file:
                file.write(_MAGIC + _HEAD.pack(len(header), zlib.crc32(header)) + header)
                begin = _data_offset(len(header))
                for name, array in self.arrays.items():
                    file.seek(begin + places[name][2])
                    file.write(np.ascontiguousarray(array).data)
                file.truncate(begin + size)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path, metadata: Mapping[str, Any]) -> ArrayFile:
        """Read a file; its arrays are mapped copy-on-write.

        Raises:
            OSError: the file cannot be read.
            DamagedFileError: it is damaged, or its metadata differ from `metadata`.
        """
        with path.open("rb") as file:
            front = file.read(len(_MAGIC) + _HEAD.size)
            if not front.startswith(_MAGIC) or len(front) < len(_MAGIC) + _HEAD.size:
                raise DamagedFileError(f"{path} is not an index file")
            header_size, crc = _HEAD.unpack(front[len(_MAGIC) :])
            header = file.read(header_size)
            if zlib.crc32(header) != crc:
                raise DamagedFileError(f"{path} is damaged: the checksum of its header differs")
            content = json.loads(header)
            differing = [n for n, v in metadata.items() if content["metadata"].get(n) != v]
            if differing:
                raise DamagedFileError(f"{path} was made for another {' and '.join(differing)}")
            begin = _data_offset(header_size)
            if path.stat().st_size != begin + content["size"]:
                raise DamagedFileError(f"{path} is truncated")
            result = cls(content["metadata"], content["strings"])
            mapped = np.asarray(np.memmap(file, dtype=np.uint8, mode="c"))
            for name, (dtype, shape, place, crc) in content["arrays"].items():
                size = int(np.prod(shape)) * np.dtype(dtype).itemsize
                array = mapped[begin + place : begin + place + size].view(dtype).reshape(shape)
                if crc is None:
                    result.unchecked.add(name)
                elif _checksum(file, begin + place, size) != crc:
                    raise DamagedFileError(f"{path} is damaged: the checksum of {name} differs")
                result.arrays[name] = array
        return result


def _checksum(file: BinaryIO, begin: int, size: int) -> int:
    """Return the CRC-32 of a part of a file; its mapping stays out of memory meanwhile."""
    file.seek(begin)
    crc = 0
    for offset in range(0, size, _BLOCK):
        crc = zlib.crc32(file.read(min(_BLOCK, size - offset)), crc)
    return crc


def _data_offset(header_size: int) -> int:
    return -(-(len(_MAGIC) + _HEAD.size + header_size) // _ALIGNMENT) * _ALIGNMENT
