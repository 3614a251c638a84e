"""The records of an item: its address, its value, and the memories that it is stored as."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_stores import Granularity, Memory, Scope, State

__all__ = [
    "UNINDEXED",
    "Address",
    "ItemDraft",
    "StoredItem",
    "address_of",
    "check_item",
    "clear_address_caches",
    "has_value",
    "head_ids",
    "records_of",
    "session_of",
]

# A namespace and a key in it.
Address = tuple[tuple[str, ...], str]

# Ends the id of the only record of an item without texts, in place of the number of a text.
UNINDEXED = "x"


@dataclass(frozen=True)
class ItemDraft:
    """An item to store.

    Attributes:
        value: as JSON.
        texts: what it is found by.
        ttl: time to live in minutes; None for no limit.
    """

    value: str
    texts: tuple[str, ...]
    ttl: float | None = None


@dataclass(frozen=True)
class StoredItem:
    """An item and the record that has its value."""

    address: Address
    memory: Memory

    @property
    def value(self) -> dict[str, Any]:
        """A copy of the value, which the caller may change."""
        value: dict[str, Any] = json.loads(self.memory.metadata["item"]["value"])
        return value

    @property
    def created_at(self) -> datetime:
        """When the key was first put."""
        return datetime.fromisoformat(self.memory.metadata["item"]["created_at"])

    @property
    def updated_at(self) -> datetime:
        """When this value was put."""
        return self.memory.said_at

    @property
    def ttl(self) -> float | None:
        """Time to live in minutes, from the last put or touch; None for ever."""
        ttl: float | None = self.memory.metadata["item"]["ttl"]
        return ttl


def session_of(address: Address) -> str:
    """Return the session that holds the records of an item."""
    namespace, key = address
    return ITEM_PREFIX + json.dumps([list(namespace), key])


# Cached, because listing items asks for every session of a scope.
@lru_cache(maxsize=1 << 16)
def address_of(session_id: str) -> Address | None:
    """Return the address of the item whose session this is; None if it is no item's."""
    if not session_id.startswith(f"{ITEM_PREFIX}["):
        return None
    try:
        namespace, key = json.loads(session_id.removeprefix(ITEM_PREFIX))
        address = tuple(map(str, namespace)), str(key)
    except (ValueError, TypeError):
        return None
    # Any other spelling of the same address is the id of a conversation.
    return address if session_of(address) == session_id else None


@lru_cache(maxsize=1 << 12)
def _stem(address: Address) -> str:
    return hashlib.sha256(session_of(address).encode()).hexdigest()[:32]


def clear_address_caches() -> None:
    """Empty the caches, which may contain namespaces and keys of deleted items."""
    address_of.cache_clear()
    _stem.cache_clear()


def head_ids(address: Address) -> tuple[str, str]:
    """Return the two possible ids of the record that holds an item's value."""
    return f"{_stem(address)}-0", f"{_stem(address)}-{UNINDEXED}"


def records_of(
    scope: Scope, address: Address, draft: ItemDraft, now: datetime, created_at: datetime
) -> list[Memory]:
    """Return the records of an item, without strength and edges; the first has its value."""
    namespace, key = address
    name = {"namespace": list(namespace), "key": key}
    value = {"value": draft.value, "created_at": created_at.isoformat(), "ttl": draft.ttl}
    texts = {str(n): text for n, text in enumerate(draft.texts)} or {UNINDEXED: draft.value}
    return [
        Memory(
            id=f"{_stem(address)}-{part}",
            scope=scope,
            granularity=Granularity.TURN,
            text=text,
            session_id=session_of(address),
            said_at=now,
            written_at=now,
            role="assistant",
            state=State.SUPERSEDED if part == UNINDEXED else State.ACTIVE,
            state_changed_at=now if part == UNINDEXED else None,
            expires_at=now + timedelta(minutes=draft.ttl) if draft.ttl is not None else None,
            metadata={"item": name | (value if part in ("0", UNINDEXED) else {})},
        )
        for part, text in texts.items()
    ]


def has_value(memory: Memory) -> bool:
    """Return whether a record is the one with its item's value."""
    return "value" in memory.metadata.get("item", {})


def check_item(memory: Memory) -> None:
    """Check that an imported record of an item is one that `records_of` returns.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    address = address_of(memory.session_id)
    if address is None:
        return
    item = memory.metadata["item"]
    if not memory.id.startswith(f"{_stem(address)}-") or [*address[0], address[1]] != [
        *item["namespace"],
        item["key"],
    ]:
        raise ValueError("field metadata.item: not the item of its session")
    if "value" in item:
        created_at = datetime.fromisoformat(item["created_at"])
        ttl = item["ttl"]
        if not isinstance(json.loads(item["value"]), dict) or created_at.tzinfo is None:
            raise ValueError("field metadata.item: not a value with a time")
        if ttl is not None and not 0 < float(ttl) < math.inf:
            raise ValueError("field metadata.item.ttl: not a number of minutes above 0")
