"""A write-ahead journal for batches that take more than one request to Chroma.

The journal is a file of JSON lines beside the database. It appears as a whole, by being renamed,
and is deleted when all of its rows are in Chroma. If a process dies in between, the next one that
opens the store applies the journal again; applying it twice makes no difference.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agentmem_stores.chroma.rows import RowGroup, memory_id
from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import Granularity, Scope

__all__ = ["Journal"]

NAME = "agentmem.journal"
FORMAT = 1

# The keys of lines in the file; the operation "upsert" is written as "put", "update" as "patch".
_OPERATIONS: dict[str, Any] = {"put": "upsert", "patch": "update", "delete": "delete"}
_KEYS = {operation: key for key, operation in _OPERATIONS.items()}


class Journal:
    """The journal of an embedded store's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / NAME

    @contextmanager
    def recorded(self, scope: Scope, groups: Sequence[RowGroup]) -> Iterator[None]:
        """Keep a batch in the journal while the block applies it, and longer if that fails."""
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            for line in _to_lines(scope, groups):
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        if os.name == "posix":
            # Makes the rename durable; Windows cannot open directories.
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        yield
        self._path.unlink()

    @contextmanager
    def unfinished(self) -> Iterator[tuple[Scope, list[RowGroup]] | None]:
        """Give the block the batch that was not completely applied, if any, to apply it again.

        Raises:
            StoreFormatError: the journal cannot be read.
        """
        self._path.with_suffix(".new").unlink(missing_ok=True)
        if not self._path.exists():
            yield None
            return
        try:
            with self._path.open(encoding="utf-8") as file:
                batch = _from_lines(file)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreFormatError(
                f"{self._path} cannot be read ({error!r}); upgrade ebbinghaus-agentmem if a newer "
                "version wrote it, otherwise move it away: its batch was never acknowledged"
            ) from error
        yield batch
        self._path.unlink()


def _to_lines(scope: Scope, groups: Iterable[RowGroup]) -> Iterator[dict[str, Any]]:
    yield {"journal": FORMAT, "user_id": scope.user_id, "agent_id": scope.agent_id}
    for group in groups:
        key = _KEYS[group.operation]
        ids = list(map(memory_id, group.ids))
        if group.operation == "delete":
            yield from ({key: [group.granularity, i]} for i in ids)
            continue
        rows = zip(ids, group.documents, group.metadatas, strict=True)
        for place, (i, text, metadata) in enumerate(rows):
            line: dict[str, Any] = {key: [group.granularity, i, text, metadata]}
            if group.embeddings:
                vector = np.asarray(group.embeddings[place], dtype="<f4")
                line["vector"] = base64.b64encode(vector.tobytes()).decode()
            yield line


def _from_lines(lines: Iterator[str]) -> tuple[Scope, list[RowGroup]]:
    header = json.loads(next(lines, ""))
    if header["journal"] != FORMAT:
        raise ValueError(f"format {header['journal']}")
    scope = Scope(header["user_id"], header["agent_id"])
    groups: dict[tuple[str, str], RowGroup] = {}
    for line in map(json.loads, lines):
        key = next((name for name in _OPERATIONS if name in line), "")
        granularity, i, *record = line[key]
        group = groups.setdefault(
            (key, granularity), RowGroup(_OPERATIONS[key], Granularity(granularity))
        )
        group.ids.append(f"{scope.key}/{i}")
        if record:
            text, metadata = record
            group.documents.append(text)
            group.metadatas.append(metadata)
        if "vector" in line:
            vector = np.frombuffer(base64.b64decode(line["vector"]), dtype="<f4")
            group.embeddings.append(vector.astype(np.float32))
    return scope, list(groups.values())
