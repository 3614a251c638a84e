"""What a client of a server last wrote, for the others to read no more than that again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, Written

__all__ = ["WriteLog", "between"]

# Of so many memories: who was away for longer, or missed more, reads all.
LOGGED = 100


class WriteLog:
    """The last writes of this client to each scope, by its own count of them."""

    def __init__(self) -> None:
        self._last: dict[Scope, dict[int, list[str]]] = {}

    def note(self, scope: Scope, count: int, batch: Batch) -> None:
        """Take down what a batch has touched; older writes go where there are too many."""
        held = self._last.setdefault(scope, {})
        puts = [(entry.memory.granularity, entry.memory.id) for entry in batch.put]
        patches = [(memory.granularity, memory.id) for memory in batch.patch]
        touched = dict.fromkeys([*puts, *patches, *batch.delete])
        held[count] = [f"{granularity.value}/{name}" for granularity, name in touched]
        while sum(map(len, held.values())) + len(held) > LOGGED:
            del held[min(held)]

    def forget(self, scope: Scope) -> None:
        """Take down that nobody knows what was written."""
        self._last.pop(scope, None)

    def told(self, scope: Scope) -> str:
        """Everything about a scope, as `between` reads it."""
        return json.dumps(self._last.get(scope, {}), separators=(",", ":"))


def between(before: str, after: str, logs: Mapping[str, str]) -> Written | None:
    """What clients wrote between two revisions; None where their logs do not tell all of it.

    Args:
        before, after: revisions as `Registry` makes them.
        logs: what `WriteLog.told` has told, by client.
    """
    old, new = _marks(before), _marks(after)
    if old is None or new is None or old.keys() - new.keys():
        return None
    found: dict[tuple[Granularity, str], None] = {}
    for client, count in new.items():
        log = json.loads(logs.get(client, "{}"))
        for number in range(old.get(client, 0) + 1, count + 1):
            if str(number) not in log:
                return None
            for touched in log[str(number)]:
                granularity, _, name = touched.partition("/")
                found[Granularity(granularity), name] = None
        if count < old.get(client, 0):
            return None
    return tuple(found)


def _marks(revision: str) -> dict[str, int] | None:
    """The counts of clients; None while one of them may have died in the middle of a write."""
    if "~" in revision:
        return None
    pairs = (mark.split(":") for mark in revision.split(",") if ":" in mark)
    return {client: int(count) for client, count in pairs}
