"""Import memories from other memory libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic import ValidationError as PydanticError

from agentmem.controller.controller import MemoryController
from agentmem.formats.schema import FileModel, Name, Text, first_error, parse_with
from agentmem.items.notes import write_notes
from agentmem.writing.messages import Draft, to_drafts
from agentmem_stores import DataFormatError, InvalidScopeError, Scope, StoreUnavailableError

__all__ = ["MigrationReport", "import_mem0"]

# Fields of mem0 that go into the metadata under "mem0"; the others are its bookkeeping.
_PRESERVED = (
    "run_id", "actor_id", "categories", "created_at", "updated_at", "expiration_date",
)  # fmt: skip


@dataclass(frozen=True)
class MigrationReport:
    """What an import did.

    Attributes:
        written: how many memories were written for each scope.
        present: how many were there already.
    """

    written: dict[Scope, int]
    present: int


_Moment = Annotated[datetime, parse_with(datetime.fromisoformat, "a time in ISO 8601")]


class _Mem0Memory(FileModel):
    id: Annotated[Text, BeforeValidator(str)]
    memory: Name
    user_id: Text | None = None
    agent_id: Text | None = None
    role: Text | None = None
    created_at: _Moment | None = None
    updated_at: _Moment | None = None
    metadata: dict[str, Any] | None = None


def import_mem0(
    memory: MemoryController,
    source: str | PathLike[str] | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    scope: Scope | None = None,
    timezone: tzinfo = UTC,
) -> MigrationReport:
    """Write what mem0's `get_all()` returned into memory, with mem0's ids.

    Everything is validated before anything is written. Importing again changes nothing.

    Args:
        source: the path of a JSON file, or what `get_all()` returned: a dict with `results`, or a
            list.
        scope: the scope to write to; by default that of each memory's `user_id` and `agent_id`, so
            that the memories of different users stay apart.
        timezone: of times without one.

    Raises:
        StoreUnavailableError: the file cannot be read.
        DataFormatError: the data are not from mem0; nothing was written.

    >>> report = import_mem0(memory, [{"id": "1", "memory": "Likes tea", "user_id": "ada"}])
    >>> report.written
    {Scope(user_id='ada', agent_id=None): 1}
    """
    notes: dict[Scope, list[Draft]] = {}
    for number, record in enumerate(_records(source), start=1):
        try:
            owner, note = _note(record, scope, timezone)
        except PydanticError as error:
            field, problem = first_error(error)
            where = f"memory {number} of mem0" + (f", field {field}" if field else "")
            raise DataFormatError(f"{where}: {problem}; nothing was written") from error
        except ValueError as error:
            raise DataFormatError(
                f"memory {number} of mem0: {error}; nothing was written"
            ) from error
        notes.setdefault(owner, []).append(note)
    written = {owner: len(write_notes(memory.services, owner, own)) for owner, own in notes.items()}
    return MigrationReport(written, sum(map(len, notes.values())) - sum(written.values()))


def _records(source: Any) -> list[Any]:
    if isinstance(source, str | PathLike):
        path = Path(source)
        try:
            source = json.loads(path.read_bytes())
        except OSError as error:
            raise StoreUnavailableError(f"cannot read {path}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise DataFormatError(f"{path} is not JSON: {error}") from error
    if isinstance(source, Mapping):
        source = source.get("results")
    if not isinstance(source, Iterable) or isinstance(source, str):
        raise DataFormatError(
            'expected what mem0\'s get_all() returns: {"results": [...]} or a list of memories'
        )
    return list(source)


def _note(record: Any, scope: Scope | None, timezone: tzinfo) -> tuple[Scope, Draft]:
    """Return a memory of mem0 as a note, and the scope that it belongs to."""
    raw = dict(record) if isinstance(record, Mapping) else record
    note = _Mem0Memory.model_validate(raw)
    if scope is None and note.user_id is None:
        raise InvalidScopeError("it has no user_id; pass scope=")
    said_at = note.updated_at or note.created_at
    if said_at is not None and said_at.tzinfo is None:
        said_at = said_at.replace(tzinfo=timezone)
    preserved = {name: raw[name] for name in _PRESERVED if raw.get(name) is not None}
    message = {
        "role": note.role or "user",
        "content": note.memory,
        "id": note.id,
        "timestamp": said_at,
        "metadata": {**(note.metadata or {}), "mem0": preserved},
    }
    [draft] = to_drafts(message)
    return scope or Scope(str(note.user_id), note.agent_id), draft
