"""Moving in from other memory libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import Any

from agentmem.controller.controller import MemoryController
from agentmem.items.notes import write_notes
from agentmem.writing.messages import Draft, to_drafts
from agentmem_stores import DataFormatError, InvalidScopeError, Scope, StoreUnavailableError

__all__ = ["MigrationReport", "import_mem0"]

# What is kept of a mem0 memory under its own name; the rest is mem0's bookkeeping.
_KEPT = ("run_id", "actor_id", "categories", "created_at", "updated_at", "expiration_date")


@dataclass(frozen=True)
class MigrationReport:
    """What moving in did: the memories written for each owner, and those that were there."""

    written: dict[Scope, int]
    present: int


def import_mem0(
    memory: MemoryController,
    source: str | PathLike[str] | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    scope: Scope | None = None,
    timezone: tzinfo = UTC,
) -> MigrationReport:
    """Write what mem0's `get_all()` returned into memory, under mem0's ids.

    Doing it again changes nothing. Everything is checked before anything is written.

    Args:
        source: the path of a file with the JSON, or what `get_all()` returned: a dict with
            `results`, or a list.
        scope: whose memories they become. By default those of each memory's `user_id` and
            `agent_id`, so that nobody's memories become somebody else's.
        timezone: of times that name none.

    Raises:
        StoreUnavailableError: the file cannot be read.
        DataFormatError: it is not what mem0 writes; nothing was written.
    """
    notes: dict[Scope, list[Draft]] = {}
    for number, record in enumerate(_records(source), start=1):
        try:
            owner = scope or _owner(record)
            notes.setdefault(owner, []).append(_note(record, timezone))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"no {error}" if type(error) is KeyError else str(error)
            raise DataFormatError(f"memory {number} of mem0: {reason}; nothing written") from error
    written = {
        owner: len(write_notes(memory.services, owner, drafts)) for owner, drafts in notes.items()
    }
    return MigrationReport(written, sum(map(len, notes.values())) - sum(written.values()))


def _records(source: Any) -> list[Mapping[str, Any]]:
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
            'mem0\'s get_all() returns {"results": [...]} or a list, and this is neither'
        )
    return list(source)


def _owner(record: Mapping[str, Any]) -> Scope:
    if record.get("user_id") is None:
        raise InvalidScopeError("it names no user_id; pass scope=, whose memories they become")
    return Scope(record["user_id"], record.get("agent_id"))


def _note(record: Mapping[str, Any], timezone: tzinfo) -> Draft:
    kept = {name: record[name] for name in _KEPT if record.get(name) is not None}
    content = {
        "role": record.get("role") or "user",
        "content": record["memory"],
        "id": str(record["id"]),
        "timestamp": _moment(record, timezone),
        "metadata": {**(record.get("metadata") or {}), "mem0": kept},
    }
    [draft] = to_drafts(content)
    return draft


def _moment(record: Mapping[str, Any], timezone: tzinfo) -> datetime | None:
    """When the memory was last said to be so."""
    text = record.get("updated_at") or record.get("created_at")
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone)
