"""Batches of more than one request to Chroma, written down first, so that a crash halves none.

The journal is a file of JSON lines beside the database. It appears whole, by being renamed, and
goes when everything in it is in Chroma. Whoever opens a store in which one is left does what it
says once more; doing so twice makes no difference.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agentmem_stores.chroma.codec import decode, decode_words, row_id
from agentmem_stores.chroma.rows import Metadata
from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, Entry

__all__ = ["Journal"]

NAME = "agentmem.journal"
FORMAT = 1


class Journal:
    """The journal of an embedded store's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / NAME

    @contextmanager
    def of(self, batch: Batch, metadata: Metadata) -> Iterator[None]:
        """Write a batch down while it is applied; if that fails, it stays for `left`."""
        partial = self._path.with_suffix(".new")
        with partial.open("w", encoding="utf-8") as file:
            for line in _lines(batch, metadata):
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        self._settle()
        yield
        self._path.unlink()

    @contextmanager
    def left(self) -> Iterator[tuple[Batch, Metadata] | None]:
        """Give the batch that was not wholly applied, if there is one, to be applied again.

        Raises:
            StoreFormatError: the journal cannot be read.
        """
        self._path.with_suffix(".new").unlink(missing_ok=True)
        if not self._path.exists():
            yield None
            return
        try:
            with self._path.open(encoding="utf-8") as file:
                found = _read(file)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreFormatError(
                f"{self._path} cannot be read ({error!r}); upgrade ebbinghaus-agentmem if a newer "
                "one wrote it, else move it away: what it holds was never acknowledged"
            ) from error
        yield found
        self._path.unlink()

    def _settle(self) -> None:
        """Have the new name on the disk, where a directory can be told to be."""
        if os.name == "posix":
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def _lines(batch: Batch, metadata: Metadata) -> Iterator[dict[str, Any]]:
    scope = batch.scope
    yield {"journal": FORMAT, "user_id": scope.user_id, "agent_id": scope.agent_id}
    for entry in batch.put:
        memory, vector = entry.memory, np.asarray(entry.vector, dtype="<f4")
        yield {
            "put": [memory.granularity, memory.id, memory.text, metadata[memory.id]],
            "vector": base64.b64encode(vector.tobytes()).decode(),
        }
    for memory in batch.patch:
        yield {"patch": [memory.granularity, memory.id, memory.text, metadata[memory.id]]}
    for granularity, memory_id in batch.delete:
        yield {"delete": [granularity, memory_id]}


def _read(lines: Iterator[str]) -> tuple[Batch, Metadata]:
    header = json.loads(next(lines))
    if header["journal"] != FORMAT:
        raise ValueError(f"format {header['journal']}")
    scope = Scope(header["user_id"], header["agent_id"])
    metadata: dict[str, dict[str, str]] = {}
    put, patch, delete = [], [], []
    for line in map(json.loads, lines):
        if "delete" in line:
            granularity, memory_id = line["delete"]
            delete.append((Granularity(granularity), memory_id))
            continue
        granularity, memory_id, text, record = line.get("put") or line["patch"]
        metadata[memory_id] = record
        row = row_id(scope, memory_id)
        memory = decode(scope, Granularity(granularity), row, text, record)
        if "put" in line:
            vector = np.frombuffer(base64.b64decode(line["vector"]), dtype="<f4")
            put.append(Entry(memory, vector.astype(np.float32), decode_words(record)))
        else:
            patch.append(memory)
    return Batch(scope, put=put, patch=patch, delete=delete), metadata
