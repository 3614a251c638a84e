"""A LangGraph store whose items are memories."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import islice
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from langgraph.store.base import (
    NOT_PROVIDED,
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

from agentmem import arguments
from agentmem.controller.controller import MemoryController
from agentmem.items.items import ItemHit
from agentmem.items.records import Address, ItemDraft, StoredItem
from agentmem.langchain.values import check_memory, to_json, to_text
from agentmem_stores import InvalidInputError, InvalidScopeError, Scope
from agentmem_stores.filters import matches, parse_filter
from agentmem_stores.records import clean_text, is_unicode

__all__ = ["AgentMemoryStore"]

F = TypeVar("F", bound=Callable[..., Any])

# Items read at once; a filter may reject most of them, so it reads in full pages.
_PAGE_SIZE = 200
# About 1,900 years; what expires later has no date.
_MAX_TTL = 1e9


def _with_namespace(method: F) -> F:
    """Return a method that reads its first argument as a namespace."""

    @wraps(method)
    def call(self: BaseStore, namespace: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("ttl", NOT_PROVIDED) is not NOT_PROVIDED:
            kwargs["ttl"] = _ttl(kwargs["ttl"])
        return method(self, _namespace(namespace), *args, **kwargs)

    return cast("F", call)


def _with_conditions(method: F) -> F:
    """Return a method that reads its prefix and its suffix as namespaces."""

    @wraps(method)
    def call(self: BaseStore, *, prefix: Any = None, suffix: Any = None, **kwargs: Any) -> Any:
        return method(
            self,
            prefix=None if prefix is None else _namespace(prefix),
            suffix=None if suffix is None else _namespace(suffix),
            **kwargs,
        )

    return cast("F", call)


class AgentMemoryStore(BaseStore):
    """A LangGraph store that keeps its items as memories, so that the controller finds them too.

    `docs/langchain.md` lists the differences from LangGraph's `InMemoryStore`.

    Args:
        memory: the controller to search and write.
        scope: whose memories the items are; by default the controller's scope.
        owner_label: the position of the namespace label that names the owner. Each item is then
            in the scope of that user, and namespaces and prefixes without the label are refused.
        fields: paths of the texts by which items are found, like `fields` of LangGraph's `index`;
            by default all texts of a value. `index` of a `put` takes precedence.
        ttl: LangGraph's `default_ttl` (in minutes) and `refresh_on_read`.

    Raises:
        InvalidInputError: `scope` and `owner_label` are both given, or `owner_label` is negative.

    Example:
        >>> from agentmem.langchain import AgentMemoryStore
        >>> store = AgentMemoryStore(memory)
        >>> store.put(("pets",), "biscuit", {"breed": "beagle", "born": 2023})
        >>> store.put(("pets",), "tom", {"breed": "siamese cat", "born": 2019})
        >>> store.search(("pets",), query="a dog for hunting")[0].key
        'biscuit'
        >>> [item.key for item in store.search(("pets",), filter={"born": {"$lt": 2020}})]
        ['tom']
        >>> memory.search("Which breed is the cat?", k=1)[0].memory.text.splitlines()
        ['breed: siamese cat', 'born: 2019']
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
            raise InvalidInputError("pass either scope or owner_label, not both")
        check_memory(memory, scope)
        owner_label = arguments.integer("owner_label", owner_label, low=0, optional=True)
        if ttl is not None and not isinstance(ttl, dict):
            raise arguments.refusal("ttl", ttl, 'a dict such as {"default_ttl": 60}, or None')
        _ttl((ttl or {}).get("default_ttl"))
        arguments.flag("refresh_on_read", (ttl or {}).get("refresh_on_read", True))
        self.memory = memory
        self.ttl_config = ttl
        self._scope = scope
        self._owner_label = owner_label
        self._fields = None if fields is None else arguments.strings("fields", fields)
        self._items = memory.services.items
        self._put_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations: first all that read, then all that write, like LangGraph's stores.

        The last of several puts under one key wins. All writes of a batch in one scope are one
        write.

        Raises:
            InvalidNamespaceError: a namespace is invalid.
            InvalidScopeError: a namespace or a prefix names no owner.
            InvalidInputError: a value, a filter, a limit or a time to live is invalid.
        """
        operations = [_checked(op) for op in arguments.items("ops", ops, "a list of operations")]
        owners = [self._validate(op) for op in operations]
        changes: dict[Scope, dict[Address, ItemDraft | None]] = {}
        for op, owner in zip(operations, owners, strict=True):
            if isinstance(op, PutOp) and (put := self._admit(op)) is not None:
                changes.setdefault(owner, {})[tuple(put.namespace), put.key] = self._draft(put)
        for owner in dict.fromkeys(owners):
            self._items.expire(owner)
        results = [self._read(op, owner) for op, owner in zip(operations, owners, strict=True)]
        for owner, drafts in changes.items():
            self._items.put(owner, drafts)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations like `batch`, without blocking the event loop.

        Puts are carried out in the order in which they were called.
        """
        operations = arguments.items("ops", ops, "a list of operations")
        if not any(isinstance(op, PutOp) for op in operations):
            return await asyncio.to_thread(self.batch, operations)
        # Locks of asyncio are fair, so that of several gathered puts the last one stays.
        lock = self._put_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock:
            return await asyncio.to_thread(self.batch, operations)

    # LangGraph's methods take namespaces apart before they make an operation of them.
    put = _with_namespace(BaseStore.put)
    aput = _with_namespace(BaseStore.aput)
    get = _with_namespace(BaseStore.get)
    aget = _with_namespace(BaseStore.aget)
    delete = _with_namespace(BaseStore.delete)
    adelete = _with_namespace(BaseStore.adelete)
    search = _with_namespace(BaseStore.search)
    asearch = _with_namespace(BaseStore.asearch)
    list_namespaces = _with_conditions(BaseStore.list_namespaces)
    alist_namespaces = _with_conditions(BaseStore.alist_namespaces)

    def sweep_ttl(self, *, scope: Scope | None = None) -> int:
        """Delete the items whose time to live has passed, as every call does.

        Returns:
            The number of items deleted.
        """
        owner = self._owner(()) if scope is None else arguments.owner(self.memory.services, scope)
        return self._items.expire(owner)

    def _validate(self, op: Op) -> Scope:
        """Return the owner of an operation that can be executed."""
        validate_op_namespace(op)
        if isinstance(op, GetOp | PutOp):
            return self._owner(op.namespace)
        if isinstance(op, SearchOp):
            parse_filter(op.filter)
            return self._owner(op.namespace_prefix)
        prefixes = [c.path for c in op.match_conditions or () if c.match_type == "prefix"]
        return self._owner(max(prefixes, key=len, default=()))

    def _owner(self, namespace: Sequence[str]) -> Scope:
        position = self._owner_label
        if position is None:
            return arguments.owner(self.memory.services, self._scope)
        if len(namespace) <= position:
            raise InvalidScopeError(
                f"namespace {tuple(namespace)} has no label {position}, which names the owner; "
                "include it in namespaces, prefixes and searches"
            )
        default = self.memory.scope
        scope = Scope(namespace[position], agent_id=default.agent_id if default else None)
        return arguments.owner(self.memory.services, scope)

    def _admit(self, op: PutOp) -> PutOp | None:
        """Return a put with what `before_write` leaves of its value; None if it rejects it."""
        if op.value is None:
            return op
        origin = {"namespace": list(op.namespace), "key": op.key}
        value = self.memory.services.admission.value(op.value, "assistant", origin)
        return None if value is None else op._replace(value=value)

    def _draft(self, op: PutOp) -> ItemDraft | None:
        """Return an item to write; None for an item to delete."""
        if op.value is None:
            return None
        value = to_json(op.value)
        return ItemDraft(value, tuple(self._texts(op)), op.ttl)

    def _texts(self, op: PutOp) -> Iterator[str]:
        """Yield the texts by which an item is found."""
        if op.index is False:
            return
        paths = self._fields if op.index is None else op.index
        if paths is None:
            texts = [to_text(op.value or {})]
        else:
            texts = [text for path in paths for text in get_text_at_path(op.value, path)]
        for text in texts:
            if text.strip():
                # The value keeps lone surrogates; no embedder or database accepts them in a text.
                yield text.encode("utf-8", "replace").decode()

    def _read(self, op: Op, owner: Scope) -> Result:
        if isinstance(op, GetOp):
            items = self._items.get(owner, [(tuple(op.namespace), op.key)])
            if op.refresh_ttl:
                self._items.touch(owner, items.values())
            return next((Item(**_fields(item)) for item in items.values()), None)
        if isinstance(op, SearchOp):
            return self._search(op, owner)
        if isinstance(op, ListNamespacesOp):
            return self._namespaces(op, owner)
        return None

    def _search(self, op: SearchOp, owner: Scope) -> list[SearchItem]:
        hits = list(islice(self._hits(op, owner), op.offset, op.offset + op.limit))
        if op.refresh_ttl:
            self._items.touch(owner, [item for item, _ in hits])
        return [SearchItem(**_fields(item), score=hit.score) for item, hit in hits]

    def _hits(self, op: SearchOp, owner: Scope) -> Iterator[tuple[StoredItem, ItemHit]]:
        """Yield items page by page, so that no more is read than the caller takes."""
        prefix = tuple(op.namespace_prefix)
        query = (op.query or "").strip()
        if query:
            hits = self._items.search(owner, prefix, query)
        else:
            hits = self._items.find(owner, prefix)
        condition = parse_filter(op.filter)
        size = _PAGE_SIZE if condition else min(max(op.offset + op.limit, 1), _PAGE_SIZE)
        for start in range(0, len(hits), size):
            page = hits[start : start + size]
            items = self._items.load(owner, page)
            for hit in page:
                item = items.get(hit.address)
                if item is not None and matches(condition, item.value):
                    yield item, hit

    def _namespaces(self, op: ListNamespacesOp, owner: Scope) -> list[tuple[str, ...]]:
        namespaces = {hit.address[0] for hit in self._items.find(owner)}
        matching = {
            namespace[: op.max_depth]
            for namespace in namespaces
            if all(_meets(namespace, condition) for condition in op.match_conditions or ())
        }
        return sorted(matching)[op.offset : op.offset + op.limit]


def _checked(op: Any) -> Op:
    """Return an operation with its fields in their own types.

    Raises:
        InvalidInputError: a field has no sensible meaning, or this is no operation.
    """
    if isinstance(op, GetOp):
        return op._replace(
            namespace=_namespace(op.namespace),
            key=_key(op.key),
            refresh_ttl=arguments.flag("refresh_ttl", op.refresh_ttl),
        )
    if isinstance(op, PutOp):
        if op.value is not None and not isinstance(op.value, Mapping):
            raise arguments.refusal("value", op.value, "a dict or None")
        index = op.index
        if index is not None and index is not False:
            index = arguments.strings("index", index)
        return op._replace(
            namespace=_namespace(op.namespace),
            key=_key(op.key),
            value=None if op.value is None else arguments.to_builtin(dict(op.value)),
            index=index,
            ttl=_ttl(op.ttl),
        )
    if not isinstance(op, SearchOp | ListNamespacesOp):
        raise arguments.refusal("op", op, "an operation of LangGraph's stores")
    limits: dict[str, Any] = {
        "limit": arguments.integer("limit", op.limit, low=0),
        "offset": arguments.integer("offset", op.offset, low=0),
    }
    if isinstance(op, SearchOp):
        if op.query is not None and not isinstance(op.query, str):
            raise arguments.refusal("query", op.query, "a string or None")
        return op._replace(
            namespace_prefix=_namespace(op.namespace_prefix),
            query=clean_text(op.query or "")[0],
            refresh_ttl=arguments.flag("refresh_ttl", op.refresh_ttl),
            **limits,
        )
    depth = arguments.integer("max_depth", op.max_depth, low=0, optional=True)
    conditions = () if op.match_conditions is None else op.match_conditions
    return op._replace(
        match_conditions=tuple(map(_condition, arguments.items("match_conditions", conditions))),
        max_depth=depth,
        **limits,
    )


def _condition(value: Any) -> MatchCondition:
    if not isinstance(value, MatchCondition):
        raise arguments.refusal("match_conditions", value, "a list of MatchConditions")
    return value._replace(path=_namespace(value.path))


def _namespace(value: Any) -> tuple[str, ...]:
    """Return a namespace; a string is refused, because its letters would be taken for labels."""
    if not isinstance(value, tuple | list):
        raise arguments.refusal("namespace", value, "a tuple of strings")
    if not all(is_unicode(label) for label in value if isinstance(label, str)):
        raise arguments.refusal("namespace", value, "a tuple of strings without lone surrogates")
    return tuple(value)


def _key(value: Any) -> str:
    # LangGraph's stores take any string, also an empty one.
    return arguments.string("key", value, allow_empty=True, allow_blank=True)


def _ttl(value: Any) -> float | None:
    """Return a time to live in minutes, or None for none."""
    if value is None:
        return None
    try:
        ttl = arguments.number("ttl", value, low=0, high=_MAX_TTL)
    except InvalidInputError:
        ttl = 0.0
    if not ttl:
        raise arguments.refusal("ttl", value, f"> 0 and <= {_MAX_TTL:g} minutes, or None")
    return ttl


def _meets(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    if condition.match_type not in {"prefix", "suffix"}:
        raise InvalidInputError(f"unknown match type {condition.match_type!r}")
    path = tuple(condition.path)
    if len(namespace) < len(path):
        return False
    end = len(namespace) - len(path)
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[end:]
    return all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))


def _fields(item: StoredItem) -> dict[str, Any]:
    namespace, key = item.address
    return {
        "namespace": namespace,
        "key": key,
        "value": item.value,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
