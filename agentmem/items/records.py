"""An item of a LangGraph store as records: its address, its value, its memories."""

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
    "forget_addresses",
    "head_ids",
    "holds_value",
    "records_of",
    "session_of",
]

# A namespace and a key in it.
Address = tuple[tuple[str, ...], str]

# In place of a part's number: the record of an item that is not to be found by its text.
UNINDEXED = "x"


@dataclass(frozen=True)
class ItemDraft:
    """An item on its way in: its value as JSON, texts to find it by, minutes it is kept."""

    value: str
    texts: tuple[str, ...]
    ttl: float | None = None


@dataclass(frozen=True)
class StoredItem:
    """An item as it is kept; `memory` is the record that holds its value."""

    address: Address
    memory: Memory

    @property
    def value(self) -> dict[str, Any]:
        """A copy of the value, which the caller may change."""
        value: dict[str, Any] = json.loads(self.memory.metadata["item"]["value"])
        return value

    @property
    def created_at(self) -> datetime:
        """When something was first put under the key."""
        return datetime.fromisoformat(self.memory.metadata["item"]["created_at"])

    @property
    def updated_at(self) -> datetime:
        """When this value was put under the key."""
        return self.memory.said_at

    @property
    def ttl(self) -> float | None:
        """How many minutes it is kept after it was last put or read; None for ever."""
        ttl: float | None = self.memory.metadata["item"]["ttl"]
        return ttl


def session_of(address: Address) -> str:
    """Return the session that holds the records of an item."""
    namespace, key = address
    return ITEM_PREFIX + json.dumps([list(namespace), key])


@lru_cache(maxsize=1 << 16)
def address_of(session_id: str) -> Address | None:
    """The address of the item whose records are in a session, None where it holds no item."""
    if not session_id.startswith(f"{ITEM_PREFIX}["):
        return None
    try:
        namespace, key = json.loads(session_id.removeprefix(ITEM_PREFIX))
        address = tuple(map(str, namespace)), str(key)
    except (ValueError, TypeError):
        return None
    return address if session_of(address) == session_id else None


@lru_cache(maxsize=1 << 12)
def _stem(address: Address) -> str:
    return hashlib.sha256(session_of(address).encode()).hexdigest()[:32]


def forget_addresses() -> None:
    """Drop the addresses that are kept, which may be those of what is to be forgotten."""
    address_of.cache_clear()
    _stem.cache_clear()


def head_ids(address: Address) -> tuple[str, str]:
    """Return the two possible ids of the record that holds an item's value."""
    return f"{_stem(address)}-0", f"{_stem(address)}-{UNINDEXED}"


def records_of(
    scope: Scope, address: Address, draft: ItemDraft, now: datetime, since: datetime
) -> list[Memory]:
    """The memories of an item, the one with its value first; strength and edges come later."""
    namespace, key = address
    named = {"namespace": list(namespace), "key": key}
    kept = {"value": draft.value, "created_at": since.isoformat(), "ttl": draft.ttl}
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
            metadata={"item": named | (kept if part in ("0", UNINDEXED) else {})},
        )
        for part, text in texts.items()
    ]


def holds_value(memory: Memory) -> bool:
    """Whether a record is the one with its item's value."""
    return "value" in memory.metadata.get("item", {})


def check_item(memory: Memory) -> None:
    """Check that a record which claims to be of an item is one that `records_of` could have made.

    Raises:
        KeyError, TypeError, ValueError: it is not.
    """
    address = address_of(memory.session_id)
    if address is None:
        return
    item = memory.metadata["item"]
    if not memory.id.startswith(f"{_stem(address)}-") or [*address[0], address[1]] != [
        *item["namespace"],
        item["key"],
    ]:
        raise ValueError("field metadata.item: it belongs to another item than its session")
    if "value" in item:
        since = datetime.fromisoformat(item["created_at"])
        ttl = item["ttl"]
        if not isinstance(json.loads(item["value"]), dict) or since.tzinfo is None:
            raise ValueError("field metadata.item: it holds no value with a time")
        if ttl is not None and not 0 < float(ttl) < math.inf:
            raise ValueError("field metadata.item.ttl: it is no number of minutes above 0")
