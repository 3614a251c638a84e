"""A LangGraph store over a memory controller."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    validate_op_namespace,
)

from agentmem.controller.controller import MemoryController
from agentmem.items.items import Found
from agentmem.items.records import Address, ItemDraft, StoredItem
from agentmem.langchain.values import check_filter, matches, readable, to_json
from agentmem_stores import InvalidInputError, InvalidScopeError, Scope

__all__ = ["AgentMemoryStore"]

_PAGE = 200


class AgentMemoryStore(BaseStore):
    """Keeps the items of a LangGraph store as memories, so that the controller finds them too.

    Args:
        memory: where they are kept.
        scope: whose memories they are; by default the controller's scope.
        owner_label: the place of a namespace's label that names the owner. Then every item is in
            the scope of that user, and namespaces and prefixes without the label are refused.
        fields: paths of what items are found by, as for LangGraph's own stores; by default all
            that a value says, in words. `index` of a `put` goes before it.
        ttl: LangGraph's settings of how long items are kept, `default_ttl` (minutes) and
            `refresh_on_read`.

    Raises:
        InvalidInputError: `scope` and `owner_label` are both given.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: MemoryController,
        *,
        scope: Scope | None = None,
        owner_label: int | None = None,
        fields: Sequence[str] | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        if scope is not None and owner_label is not None:
            raise InvalidInputError("pass scope= or owner_label=, which names one, not both")
        if owner_label is not None and owner_label < 0:
            raise InvalidInputError(f"owner_label={owner_label} must be 0 or more")
        self.memory = memory
        self.ttl_config = ttl
        self._scope = scope
        self._owner_label = owner_label
        self._fields = None if fields is None else list(fields)
        self._items = memory.services.items

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations: first what reads, then what writes, as LangGraph's stores do.

        Of several puts under one key the last counts. What one batch writes in one scope is
        written as one.

        Raises:
            InvalidNamespaceError, InvalidScopeError: a namespace cannot be taken.
            InvalidInputError: a value, a filter, a limit or a time to live cannot be taken.
        """
        asked = list(ops)
        owners = [self._checked(op) for op in asked]
        changes: dict[Scope, dict[Address, ItemDraft | None]] = {}
        for op, owner in zip(map(self._admitted, asked), owners, strict=True):
            if isinstance(op, PutOp):
                changes.setdefault(owner, {})[tuple(op.namespace), op.key] = self._draft(op)
        for owner in dict.fromkeys(owners):
            self._items.expire(owner)
        results = [self._read(op, owner) for op, owner in zip(asked, owners, strict=True)]
        for owner, changed in changes.items():
            self._items.put(owner, changed)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, without blocking the event loop."""
        return await asyncio.to_thread(self.batch, list(ops))

    def sweep_ttl(self, *, scope: Scope | None = None) -> int:
        """Delete what is past its time, as every call does; return the number of items."""
        return self._items.expire(self.memory.services.owner(scope or self._owner(())))

    def _checked(self, op: Op) -> Scope:
        """The owner of an operation that can be executed."""
        validate_op_namespace(op)
        if isinstance(op, SearchOp):
            _require_bounds(op.limit, op.offset)
            check_filter(op.filter)
            return self._owner(op.namespace_prefix)
        if isinstance(op, ListNamespacesOp):
            _require_bounds(op.limit, op.offset)
            given = [c.path for c in op.match_conditions or () if c.match_type == "prefix"]
            return self._owner(max(given, key=len, default=()))
        if isinstance(op, GetOp | PutOp):
            return self._owner(op.namespace)
        raise InvalidInputError(f"{type(op).__name__} is no operation of a store")

    def _owner(self, namespace: Sequence[str]) -> Scope:
        place = self._owner_label
        if place is None:
            return self.memory.services.owner(self._scope)
        if len(namespace) <= place:
            raise InvalidScopeError(
                f"namespace {tuple(namespace)} has no label {place}, which names the owner; "
                "name it in namespaces, prefixes and searches"
            )
        own = self.memory.scope
        scope = Scope(namespace[place], agent_id=own.agent_id if own else None)
        return self.memory.services.owner(scope)

    def _admitted(self, op: Op) -> Op | None:
        """An operation with what `before_write` leaves of a value; None where it is kept out."""
        if not isinstance(op, PutOp) or op.value is None:
            return op
        where = {"namespace": list(op.namespace), "key": op.key}
        value = self.memory.services.admission.value(op.value, "assistant", where)
        return None if value is None else op._replace(value=value)

    def _draft(self, op: PutOp) -> ItemDraft | None:
        if op.value is None:
            return None
        if op.ttl is not None and not (math.isfinite(op.ttl) and op.ttl > 0):
            raise InvalidInputError(f"ttl={op.ttl} must be a number of minutes above 0, or None")
        value = to_json(op.value)
        return ItemDraft(value, tuple(self._texts(op)), op.ttl)

    def _texts(self, op: PutOp) -> Iterator[str]:
        if op.index is False:
            return
        paths = self._fields if op.index is None else op.index
        texts = (
            [readable(op.value or {})]
            if paths is None
            else [text for path in paths for text in get_text_at_path(op.value, path)]
        )
        for text in texts:
            if text.strip():
                # Lone surrogates stay in the value; no embedder or database takes them in a text.
                yield text.encode("utf-8", "replace").decode()

    def _read(self, op: Op, owner: Scope) -> Result:
        if isinstance(op, GetOp):
            held = self._items.get(owner, [(tuple(op.namespace), op.key)])
            if op.refresh_ttl:
                self._items.touch(owner, held.values())
            return next(map(_item, held.values()), None)
        if isinstance(op, SearchOp):
            return self._search(op, owner)
        if isinstance(op, ListNamespacesOp):
            return self._namespaces(op, owner)
        return None

    def _search(self, op: SearchOp, owner: Scope) -> list[SearchItem]:
        hits = list(islice(self._hits(op, owner), op.offset, op.offset + op.limit))
        if op.refresh_ttl:
            self._items.touch(owner, [item for item, _ in hits])
        return [_search_item(item, found) for item, found in hits]

    def _hits(self, op: SearchOp, owner: Scope) -> Iterator[tuple[StoredItem, Found]]:
        """Read what was found in pages, so that no more is read than is asked for."""
        query = (op.query or "").strip()
        found = (
            self._items.search(owner, tuple(op.namespace_prefix), query)
            if query
            else self._items.under(owner, tuple(op.namespace_prefix))
        )
        size = _PAGE if op.filter else min(max(op.offset + op.limit, 1), _PAGE)
        for start in range(0, len(found), size):
            page = found[start : start + size]
            held = self._items.read(owner, page)
            for hit in page:
                item = held.get(hit.address)
                if item is not None and matches(item.value, op.filter):
                    yield item, hit

    def _namespaces(self, op: ListNamespacesOp, owner: Scope) -> list[tuple[str, ...]]:
        namespaces = {found.address[0] for found in self._items.under(owner)}
        kept = {
            namespace[: op.max_depth]
            for namespace in namespaces
            if all(_fits(condition, namespace) for condition in op.match_conditions or ())
        }
        return sorted(kept)[op.offset : op.offset + op.limit]


def _require_bounds(limit: int, offset: int) -> None:
    if limit < 0 or offset < 0:
        raise InvalidInputError(f"limit={limit} and offset={offset} must not be negative")


def _fits(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    if condition.match_type not in {"prefix", "suffix"}:
        raise InvalidInputError(f"unknown match type {condition.match_type!r}")
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    end = len(namespace) - len(path)
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[end:]
    return all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))


def _item(stored: StoredItem) -> Item:
    return Item(**_fields_of(stored))


def _search_item(stored: StoredItem, found: Found) -> SearchItem:
    return SearchItem(**_fields_of(stored), score=found.score)


def _fields_of(stored: StoredItem) -> dict[str, Any]:
    namespace, key = stored.address
    return {
        "namespace": namespace,
        "key": key,
        "value": stored.value,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
    }
