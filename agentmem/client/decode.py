"""Read the JSON of a server back into the types that the methods of a controller return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agentmem.recall.context import Context, ContextItem, Form, RecallRouting
from agentmem_retrievers import ForgettingCurve, RecalledMemory, Routing, SearchResult
from agentmem_stores import Edge, Granularity, Memory, Scope, State

if TYPE_CHECKING:
    from agentmem.controller.timeline import Event
    from agentmem.facts.views import Fact
    from agentmem.feedback.plans import Plan

__all__ = [
    "RemoteSearchResult",
    "to_context",
    "to_event",
    "to_fact",
    "to_memory",
    "to_plan",
    "to_search_result",
]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class RemoteSearchResult(SearchResult):
    """A search result of a server.

    Attributes:
        search_id: how the server knows it, for feedback.
    """

    search_id: str = ""


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def to_memory(data: Json) -> Memory:
    """Return a memory."""
    return Memory(
        id=data["id"],
        scope=Scope(data["user_id"], data["agent_id"]),
        granularity=Granularity(data["granularity"]),
        text=data["text"],
        session_id=data["session_id"],
        said_at=_time(data["said_at"]),
        written_at=_time(data["written_at"]),
        role=data["role"],
        speaker=data["speaker"],
        position=data["position"],
        strength=data["strength"],
        last_recalled_at=_moment(data["last_recalled_at"]),
        recall_count=data["recall_count"],
        state=State(data["state"]),
        state_changed_at=_moment(data["state_changed_at"]),
        expires_at=_moment(data["expires_at"]),
        version=data["version"],
        version_of=data["version_of"],
        sources=tuple(data["sources"]),
        edges=tuple(Edge(target, weight) for target, weight in data["edges"]),
        metadata=data["metadata"],
    )


def to_search_result(data: Json) -> RemoteSearchResult:
    """Return what a search found; its hits have no context to load."""
    routing = _routing(data["routing"])
    hits = tuple(_hit(hit, data["query"]) for hit in data["hits"])
    return RemoteSearchResult(
        query=data["query"],
        hits=hits,
        confidence=data["confidence"],
        asked_at=_time(data["asked_at"]),
        load_routing=lambda: routing,
        search_id=data["id"],
    )


def _hit(data: Json, query: str) -> RecalledMemory:
    return RecalledMemory(
        memory=to_memory(data["memory"]),
        score=data["score"],
        retention=data["retention"],
        contributions=data["contributions"],
        path=tuple(data["path"]),
        learned=data["learned"],
        duplicates=tuple(data["duplicates"]),
        query=query,
    )


def _routing(data: Json | None) -> Routing:
    if data is None:
        return Routing({}, {})
    return Routing(_by_granularity(data["weights"]), _by_granularity(data["entropies"]))


def _by_granularity(data: Mapping[str, float]) -> dict[Granularity, float]:
    return {Granularity(name): value for name, value in data.items()}


def to_context(data: Json, curve: ForgettingCurve) -> Context:
    """Return a recalled context; its `hits` are what it shows."""
    asked_at = _time(data["asked_at"])
    items = [_item(item) for item in data["items"]]
    hits = RemoteSearchResult(
        query=data["query"],
        hits=tuple(
            RecalledMemory(
                item.memory,
                item.score,
                curve.retention_of(item.memory, asked_at),
                query=data["query"],
            )
            for item in items
        ),
        confidence=data["confidence"],
        asked_at=asked_at,
        search_id=data["id"],
    )
    routing = data["routing"]
    return Context(
        query=data["query"],
        text=data["text"],
        items=items,
        tokens=data["tokens"],
        routing=RecallRouting(
            breadth=routing["breadth"],
            turns=routing["turns"],
            entropy=routing["entropy"],
            entropies=_by_granularity(routing["entropies"]),
            shares=_by_granularity(routing["shares"]),
            archive=routing["archive"],
            concentration=routing["concentration"],
        ),
        confidence=data["confidence"],
        hits=hits,
    )


def _item(data: Json) -> ContextItem:
    return ContextItem(
        id=data["id"],
        memory=to_memory(data["memory"]),
        form=Form(data["form"]),
        text=data["text"],
        tokens=data["tokens"],
        turn_ids=tuple(data["turn_ids"]),
        score=data["score"],
        archived=data["archived"],
        reason=data["reason"],
    )


def to_fact(data: Json) -> Fact:
    """Return a fact."""
    from agentmem.facts.views import Fact

    return Fact(
        memory=to_memory(data["memory"]),
        subject=data["subject"],
        attribute=data["attribute"],
        value=data["value"],
        date=_time(data["date"]),
        section=data["section"],
        one=data["one"],
        retention=data["retention"],
        until=_moment(data["until"]),
        supersedes=tuple(data["supersedes"]),
        superseded_by=tuple(data["superseded_by"]),
        contradicts=tuple(data["contradicts"]),
    )


def to_event(data: Json) -> Event:
    """Return an event."""
    from agentmem.controller.timeline import Event

    memory = to_memory(data["memory"])
    return Event(_time(data["when"]), _time(data["until"]), data["text"], memory)


def to_plan(data: Json) -> Plan:
    """Return a plan."""
    from agentmem.feedback.plans import Plan

    return Plan(
        goal=data["goal"],
        steps=tuple(data["steps"]),
        succeeded=data["succeeded"],
        failed=data["failed"],
        memory=to_memory(data["memory"]),
        fit=data["fit"],
    )
