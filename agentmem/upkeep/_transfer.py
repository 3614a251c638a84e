"""A scope as JSON lines: a header, then a memory a line; vectors are made anew on import."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agentmem_retrievers import SearchEngine
from agentmem_stores import (
    Batch,
    DataFormatError,
    Edge,
    Entry,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryStore,
    Scope,
    State,
    StoreUnavailableError,
)

from ..embedding import Embedder

__all__ = ["Transfer", "from_json", "to_json"]

FORMAT = 1
_TIMES = ("said_at", "written_at", "last_recalled_at", "state_changed_at", "expires_at")
_PLAIN = (
    "id", "text", "session_id", "role", "speaker", "position", "strength", "recall_count",
    "version", "version_of",
)  # fmt: skip


def to_json(memory: Memory) -> dict[str, Any]:
    """Everything of a memory but its scope, in what JSON can hold."""
    record: dict[str, Any] = {name: getattr(memory, name) for name in _PLAIN}
    for name in _TIMES:
        moment = getattr(memory, name)
        record[name] = moment and moment.isoformat()
    return record | {
        "granularity": memory.granularity.value,
        "state": memory.state.value,
        "sources": list(memory.sources),
        "edges": [[edge.target, edge.weight] for edge in memory.edges],
        "metadata": dict(memory.metadata),
    }


def from_json(record: Mapping[str, Any], scope: Scope) -> Memory:
    """Read what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: the record is not one of ours.
    """
    fields: dict[str, Any] = {name: record[name] for name in _PLAIN}
    for name in _TIMES:
        moment = record.get(name) if name == "expires_at" else record[name]
        fields[name] = moment and datetime.fromisoformat(moment)
    return Memory(
        **fields,
        scope=scope,
        granularity=Granularity(record["granularity"]),
        state=State(record["state"]),
        sources=tuple(map(str, record["sources"])),
        edges=tuple(Edge(str(target), float(weight)) for target, weight in record["edges"]),
        metadata=dict(record["metadata"]),
    )


@dataclass(frozen=True)
class Transfer:
    """Writes scopes to files and reads them back."""

    store: MemoryStore
    engine: SearchEngine
    embedder: Embedder
    batch_size: int = 256

    def export(self, scope: Scope, path: str | os.PathLike[str]) -> int:
        """Write every memory of a scope, former versions too; the file appears whole or not."""
        target = Path(path)
        partial = target.with_name(target.name + ".part")
        header = {"agentmem": FORMAT, "user_id": scope.user_id, "agent_id": scope.agent_id}
        count = 0
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(json.dumps(header, ensure_ascii=False) + "\n")
                for memory in self._in_order(scope):
                    file.write(json.dumps(to_json(memory), ensure_ascii=False) + "\n")
                    count += 1
            partial.replace(target)
        except OSError as error:
            raise StoreUnavailableError(f"cannot write {target}: {error}") from error
        return count

    def _in_order(self, scope: Scope) -> Iterator[Memory]:
        for granularity in Granularity:
            yield from sorted(self.store.scan(scope, granularity), key=lambda m: (m.said_at, m.id))

    def import_(self, scope: Scope, path: str | os.PathLike[str]) -> int:
        """Read a file of `export` into a scope; see `MemoryController.import_`."""
        memories = _unique(_read(Path(path), scope))
        for start in range(0, len(memories), self.batch_size):
            part = memories[start : start + self.batch_size]
            vectors = self.embedder.documents([memory.spoken for memory in part])
            entries = [Entry(m, v) for m, v in zip(part, vectors, strict=True)]
            self.engine.write(Batch(scope, put=entries))
        return len(memories)


def _unique(memories: Iterable[Memory]) -> list[Memory]:
    return list({memory.id: memory for memory in memories}.values())


def _read(path: Path, scope: Scope) -> Iterator[Memory]:
    try:
        # Only line feeds end a line here: a text may hold other separators of Unicode.
        lines = path.read_bytes().decode("utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}") from error
    _check_header(path, lines[0])
    for number, line in enumerate(lines[1:], start=2):
        try:
            yield from_json(json.loads(line), scope)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"no {error}" if type(error) is KeyError else str(error)
            raise DataFormatError(
                f"{path}, line {number}: {reason}; nothing was imported, mend or remove the line"
            ) from error


def _check_header(path: Path, line: str) -> None:
    try:
        version = json.loads(line)["agentmem"]
    except (ValueError, KeyError, TypeError):
        raise DataFormatError(
            f"{path} was not written by `agentmem export`: its first line has no header"
        ) from None
    if not isinstance(version, int) or version > FORMAT:
        raise InvalidInputError(
            f"{path} has format {version}, this agentmem reads up to {FORMAT}; upgrade agentmem"
        )
