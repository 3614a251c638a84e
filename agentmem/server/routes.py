"""REST: every method of `MemoryController` under `/v1`.

The routes are plain functions, which FastAPI runs in a thread pool, because the methods block.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from agentmem.arguments import owner, string
from agentmem.controller.intake import store_conversations
from agentmem.provenance import provenance
from agentmem.server.caller import Caller, ReadAccess, WriteAccess, read_access
from agentmem.server.responses import json_response
from agentmem.server.schemas import (
    MAX_K,
    AddManyRequest,
    AddRequest,
    CheckOut,
    CheckRequest,
    CompactionOut,
    ConsolidateRequest,
    ConsolidationOut,
    Count,
    DeletionOut,
    DocumentOut,
    DocumentRequest,
    EdgeOut,
    EditRequest,
    EventOut,
    FactOut,
    FeedbackRequest,
    GraphOut,
    Ids,
    LearnedOut,
    MemoryOut,
    MemoryPage,
    MessageIn,
    NodeOut,
    OpenSession,
    OutcomeRequest,
    OwnerOut,
    PlanOut,
    PlanRequest,
    ProfileLineOut,
    RecallOut,
    RecallRequest,
    RecognitionOut,
    RecognizeRequest,
    ReinforceRequest,
    SearchOut,
    SearchRequest,
    StatsOut,
    SweepOut,
    SweepRequest,
    WhoOut,
)
from agentmem.server.telemetry import memory_span
from agentmem.writing.identity import Sending
from agentmem.writing.messages import as_json, to_drafts
from agentmem_retrievers import RecalledMemory, SearchResult
from agentmem_stores import Granularity, InvalidInputError, Memory

__all__ = ["router"]

router = APIRouter()

K = Annotated[int, Query(ge=1, le=MAX_K)]
OptionalK = Annotated[int | None, Query(ge=1, le=MAX_K)]
Moment = Annotated[AwareDatetime | None, Query()]
Full = Annotated[bool, Query(description="Return the memories, not only their ids.")]

# Bytes of a file that are read and sent at a time.
_CHUNK = 64 * 1024
# `memories` is left out of a response unless it is asked for.
_SPARSE: dict[str, Any] = {"response_model_exclude_unset": True}


# Writing.


@router.post("/memories", status_code=201, tags=["memories"], **_SPARSE)
def add(body: AddRequest, caller: WriteAccess, full: Full = False) -> Ids:
    """Store messages as turns of a session; they are durable when this returns."""
    with memory_span("create_memory", messages=len(body.messages)):
        return Ids.of(_add(body, caller), full=full)


def _add(body: AddRequest, caller: Caller) -> list[Memory]:
    messages = [_message(message, caller) for message in body.messages]
    options = body.options("messages", "history", "answered")
    if _may_be_history(body):
        return caller.memory.add(messages, scope=caller.scope, **options)
    session_id = options.pop("session_id", None)
    said_at = options.pop("timestamp", None)
    return caller.memory.add_turns(
        to_drafts(messages, said_at=said_at, **options),
        session_id=session_id,
        answered=body.answered,
        scope=caller.scope,
    )


def _may_be_history(body: AddRequest) -> bool:
    if body.answered:
        return False
    if body.history is not None:
        return body.history
    return len(body.messages) > 1 and not any(isinstance(m, str) for m in body.messages)


def _message(message: MessageIn | str, caller: Caller) -> dict[str, Any]:
    """Return a message as the controller takes it, with the client that it comes from."""
    fields: dict[str, Any] = {"content": message}
    if not isinstance(message, str):
        fields = message.message()
    metadata = {**(fields.get("metadata") or {}), **caller.provenance}
    return {**fields, "metadata": metadata} if metadata else fields


@router.post("/sessions", status_code=201, tags=["sessions"], **_SPARSE)
def add_many(body: AddManyRequest, caller: WriteAccess, full: Full = False) -> Ids:
    """Store whole conversations and end them."""
    services = caller.memory.services
    drafts = {
        string("session_id", name): to_drafts(
            [_message(m, caller) for m in turns], expires_at=body.expires_at
        )
        for name, turns in body.sessions.items()
        if turns
    }
    sending = Sending(histories=body.history)
    stored = store_conversations(services, owner(services, caller.scope), drafts, sending=sending)
    return Ids.of(stored.memories, full=full)


@router.get("/sessions/open", tags=["sessions"])
def open_session(caller: ReadAccess) -> OpenSession:
    """Return the session that messages without a session id continue."""
    return OpenSession(session_id=caller.memory.open_session(scope=caller.scope))


@router.post("/sessions/{session_id:path}/end", tags=["sessions"], **_SPARSE)
def end_session(session_id: str, caller: WriteAccess, full: Full = False) -> Ids:
    """Derive the passages, keywords, facts and summary of a session."""
    return Ids.of(caller.memory.end_session(session_id, scope=caller.scope), full=full)


@router.post("/sessions/end", tags=["sessions"], **_SPARSE)
def end_open_session(caller: WriteAccess, full: Full = False) -> Ids:
    """End the session that is open."""
    return Ids.of(caller.memory.end_session(scope=caller.scope), full=full)


@router.delete("/sessions/{session_id:path}", tags=["sessions"])
def delete_session(session_id: str, caller: WriteAccess) -> DeletionOut:
    """Delete a conversation and everything that was derived from it."""
    return DeletionOut.of(caller.memory.delete_session(session_id, scope=caller.scope))


# Searching.


@router.post("/search", tags=["search"])
@json_response
def search(body: SearchRequest, request: Request, caller: ReadAccess) -> SearchOut:
    """Find the memories that answer a question, best first."""
    options = body.options("query") | _reinforce(body.reinforce, caller)
    with memory_span("search_memory", content=body.query, k=body.k):
        result = caller.memory.search(body.query, scope=caller.scope, **options)
    search_id = request.app.state.searches.keep(caller.scope, result)
    return SearchOut.of(result, search_id, routing=body.explain)


@router.post("/recall", tags=["search"])
@json_response
def recall(body: RecallRequest, request: Request, caller: ReadAccess) -> RecallOut:
    """Spend a token budget on the memories that answer a question."""
    options = body.options("query") | _reinforce(body.reinforce, caller)
    query = body.cue()
    with memory_span("search_memory", content=str(query), max_tokens=body.max_tokens):
        context = caller.memory.recall(query, scope=caller.scope, **options)
    search_id = request.app.state.searches.keep(caller.scope, context.hits)
    return RecallOut.of(context, search_id)


def _reinforce(wanted: bool, caller: Caller) -> dict[str, bool]:
    """Strengthening a memory is a write, which a read-only token must not cause."""
    return {"reinforce": wanted and not caller.principal.read_only}


@router.post("/searches/{search_id}/reinforce", status_code=204, tags=["search"])
def reinforce(
    search_id: str, body: ReinforceRequest, request: Request, caller: WriteAccess
) -> None:
    """Strengthen the hits of a search with `reinforce: false`; by default all."""
    hits = _with_shown(caller, request.app.state.searches.get(caller.scope, search_id), body.shown)
    caller.memory.reinforce(hits, shown=body.shown, scope=caller.scope)


@router.post("/searches/{search_id}/feedback", status_code=204, tags=["search"])
def feedback(search_id: str, body: FeedbackRequest, request: Request, caller: WriteAccess) -> None:
    """Report which hits of a search or recall were useful; later searches learn from it."""
    hits = _with_shown(caller, request.app.state.searches.get(caller.scope, search_id), body.shown)
    caller.memory.feedback(hits, cited=body.cited, shown=body.shown, scope=caller.scope)


def _with_shown(caller: Caller, result: SearchResult, shown: list[str] | None) -> SearchResult:
    """Add what a recall showed beside the hits: pinned memories and overviews."""
    missing = set(shown or ()) - {hit.memory.id for hit in result}
    memories = caller.memory.services.memories.get(caller.scope, sorted(missing))
    now = caller.memory.clock()
    added = [RecalledMemory(m, 0.0, caller.memory.curve.retention_of(m, now)) for m in memories]
    return replace(result, hits=(*result.hits, *added))


@router.get("/learned", tags=["search"])
def learned(caller: ReadAccess) -> LearnedOut:
    """Return how much the ranking has learned from feedback."""
    return LearnedOut.of(caller.memory.learned(scope=caller.scope))


@router.delete("/learned", tags=["search"])
def reset_learning(caller: WriteAccess) -> Count:
    """Delete all feedback."""
    return Count(count=caller.memory.reset_learning(scope=caller.scope))


# Single memories.


@router.get("/memories", tags=["memories"])
@json_response
def list_memories(
    caller: ReadAccess,
    limit: Annotated[int, Query(ge=1, le=MAX_K)] = 100,
    cursor: str | None = None,
    granularity: Granularity | None = None,
    session_id: str | None = None,
    role: str | None = None,
    speaker: str | None = None,
    since: Moment = None,
    until: Moment = None,
    filter: Annotated[  # noqa: A002
        str | None, Query(description="A filter of metadata, as JSON; see docs/filters.md.")
    ] = None,
) -> MemoryPage:
    """List memories, the newest first. Pass `next_cursor` as `cursor` for the next page."""
    page = caller.memory.get_all(
        limit=limit,
        cursor=cursor,
        granularity=granularity,
        session_id=session_id,
        role=role,
        speaker=speaker,
        since=since,
        until=until,
        filter=_parse_filter(filter),
        scope=caller.scope,
    )
    memories = [_with_retention(caller, memory) for memory in reversed(page)]
    return MemoryPage(memories=memories, next_cursor=page.next_cursor)


def _parse_filter(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"filter must be JSON: {error}") from error


def _with_retention(caller: Caller, memory: Memory) -> MemoryOut:
    return MemoryOut.of(memory, caller.memory.curve.retention_of(memory, caller.memory.clock()))


@router.delete("/memories", tags=["memories"])
def delete_all(caller: WriteAccess) -> Count:
    """Delete everything of the owner."""
    return Count(count=caller.memory.delete_all(scope=caller.scope))


@router.get("/memories/{memory_id:path}/history", tags=["memories"])
def history(memory_id: str, caller: ReadAccess) -> list[MemoryOut]:
    """Return every version of a memory, the oldest first."""
    return [MemoryOut.of(m) for m in caller.memory.history(memory_id, scope=caller.scope)]


@router.get("/memories/{memory_id:path}/related", tags=["memories"])
def related(memory_id: str, caller: ReadAccess, k: K = 5) -> list[MemoryOut]:
    """Return the neighbors of a memory in the association graph, the closest first."""
    return [MemoryOut.of(m) for m in caller.memory.related(memory_id, k=k, scope=caller.scope)]


@router.post("/memories/{memory_id:path}/pin", tags=["memories"])
def pin(memory_id: str, caller: WriteAccess) -> MemoryOut:
    """Pin a memory: it never fades; an archived one becomes active again."""
    return _with_retention(caller, caller.memory.pin(memory_id, scope=caller.scope))


@router.delete("/memories/{memory_id:path}/pin", tags=["memories"])
def unpin(memory_id: str, caller: WriteAccess) -> MemoryOut:
    """Undo a pin."""
    return _with_retention(caller, caller.memory.unpin(memory_id, scope=caller.scope))


@router.post("/memories/{memory_id:path}/unmerge", tags=["memories"])
def unmerge(memory_id: str, caller: WriteAccess) -> list[MemoryOut]:
    """Make a turn that a consolidation merged into another one active again."""
    return [MemoryOut.of(m) for m in caller.memory.unmerge(memory_id, scope=caller.scope)]


@router.get("/memories/{memory_id:path}", tags=["memories"])
def get(memory_id: str, caller: ReadAccess) -> MemoryOut:
    """Return one memory."""
    return _with_retention(caller, caller.memory.get(memory_id, scope=caller.scope))


@router.patch("/memories/{memory_id:path}", tags=["memories"])
def update(memory_id: str, body: EditRequest, caller: WriteAccess) -> MemoryOut:
    """Replace the text of a memory; its history keeps the former version."""
    memory = caller.memory.update(memory_id, scope=caller.scope, **body.options())
    return _with_retention(caller, memory)


@router.delete("/memories/{memory_id:path}", tags=["memories"])
def delete(memory_id: str, caller: WriteAccess) -> DeletionOut:
    """Delete a memory, its versions, and what was derived from it; return a receipt."""
    return DeletionOut.of(caller.memory.delete(memory_id, scope=caller.scope))


# Documents.


@router.post("/documents", status_code=201, tags=["documents"])
def add_document(body: DocumentRequest, caller: WriteAccess) -> DocumentOut:
    """Store a document in chunks; adding one of the same source replaces what changed.

    It takes the text itself, never a path: a client must not read files of this machine.
    """
    document = body.document()
    title = body.title or document.title or document.text.strip()[:60].splitlines()[0]
    stored = caller.memory.services.documents.add(
        caller.scope,
        document,
        title=title,
        source=body.source or title,
        metadata=as_json({**(body.metadata or {}), **provenance("document", caller.source)}),
        expires_at=body.expires_at,
    )
    return DocumentOut.of(stored)


@router.get("/documents", tags=["documents"])
def documents(caller: ReadAccess) -> list[DocumentOut]:
    """Return the documents, by title."""
    return [DocumentOut.of(document) for document in caller.memory.documents(scope=caller.scope)]


@router.delete("/documents/{name:path}", tags=["documents"])
def delete_document(name: str, caller: WriteAccess) -> DeletionOut:
    """Delete a document by its id or its source, with all its chunks."""
    return DeletionOut.of(caller.memory.delete_document(name, scope=caller.scope))


@router.post("/recognize", tags=["search"])
def recognize(body: RecognizeRequest, caller: ReadAccess) -> RecognitionOut:
    """Return how familiar a text is."""
    result = caller.memory.recognize(body.text, scope=caller.scope)
    return RecognitionOut(
        familiarity=result.familiarity,
        kind=result.kind.value,
        similarity=result.similarity,
        memory=None if result.memory is None else MemoryOut.of(result.memory),
    )


# Knowledge.


@router.get("/facts", tags=["knowledge"])
def facts(
    caller: ReadAccess,
    subject: str | None = None,
    attribute: str | None = None,
    superseded: bool = False,
    as_of: Moment = None,
) -> list[FactOut]:
    """Return the facts about people, by subject, attribute and date."""
    facts = caller.memory.facts(
        subject=subject,
        attribute=attribute,
        superseded=superseded,
        as_of=as_of,
        scope=caller.scope,
    )
    return [FactOut.of(fact) for fact in facts]


@router.get("/profile", tags=["knowledge"])
def profile(caller: ReadAccess, limit: OptionalK = None) -> list[ProfileLineOut]:
    """Return the profile of the user in lines."""
    return [ProfileLineOut.of(p) for p in caller.memory.profile(limit=limit, scope=caller.scope)]


@router.get("/timeline", tags=["knowledge"])
def timeline(
    caller: ReadAccess,
    query: str | None = None,
    since: Moment = None,
    until: Moment = None,
    k: K = 10,
) -> list[EventOut]:
    """Return events in the order in which they happened."""
    events = caller.memory.timeline(query, since=since, until=until, k=k, scope=caller.scope)
    return [EventOut.of(event) for event in events]


@router.get("/topics", tags=["knowledge"])
def topics(caller: ReadAccess, query: str | None = None, k: OptionalK = None) -> list[MemoryOut]:
    """Return the active topics; with a query the nearest first."""
    return [MemoryOut.of(m) for m in caller.memory.topics(query, k=k, scope=caller.scope)]


@router.get("/plans", tags=["knowledge"])
def plans(caller: ReadAccess, goal: str | None = None, k: K = 5) -> list[PlanOut]:
    """Return plans, those that fit a goal and succeeded most first."""
    return [PlanOut.of(plan) for plan in caller.memory.plans(goal, k=k, scope=caller.scope)]


@router.post("/plans", status_code=201, tags=["knowledge"])
def add_plan(body: PlanRequest, caller: WriteAccess) -> PlanOut:
    """Store a plan: a goal, and the steps towards it."""
    plan = caller.memory.add_plan(
        body.goal, body.steps, body.outcome, sources=body.sources, scope=caller.scope
    )
    return PlanOut.of(plan)


@router.post("/plans/{plan_id}/outcome", tags=["knowledge"])
def plan_went(plan_id: str, body: OutcomeRequest, caller: WriteAccess) -> PlanOut:
    """Count an outcome of a plan."""
    return PlanOut.of(caller.memory.plan_went(plan_id, body.outcome, scope=caller.scope))


@router.get("/graph", tags=["knowledge"])
@json_response
def graph(caller: ReadAccess) -> GraphOut:
    """Return the association graph."""
    graph = caller.memory.graph(scope=caller.scope)
    return GraphOut.model_construct(
        nodes=[NodeOut(id=node, **data) for node, data in graph.nodes(data=True)],
        edges=[
            EdgeOut.model_construct(source=source, target=target, weight=weight)
            for source, target, weight in graph.edges(data="weight")
        ],
    )


@router.get("/stats", tags=["maintenance"])
def stats(caller: ReadAccess) -> StatsOut:
    """Return how many memories, sessions and associations there are."""
    return StatsOut.of(caller.memory.stats(scope=caller.scope))


# Maintenance.


@router.post("/sweep", tags=["maintenance"])
def sweep(body: SweepRequest, caller: WriteAccess) -> SweepOut:
    """Archive the memories that have faded."""
    return SweepOut.of(caller.memory.sweep(body.now, scope=caller.scope))


@router.post("/consolidate", tags=["maintenance"])
def consolidate(body: ConsolidateRequest, caller: WriteAccess) -> ConsolidationOut:
    """End sessions, merge duplicates, summarize topics and days."""
    report = caller.memory.consolidate(budget=body.budget, keep=body.keep, scope=caller.scope)
    return ConsolidationOut.of(report)


@router.post("/check", tags=["maintenance"])
def check(body: CheckRequest, caller: WriteAccess) -> CheckOut:
    """Check the integrity of the owner's memories and of the store's files."""
    return CheckOut.of(caller.memory.check(repair=body.repair, scope=caller.scope))


@router.get("/export", tags=["maintenance"])
def export(caller: ReadAccess) -> StreamingResponse:
    """Stream everything of the owner as JSON lines, as `MemoryController.export` writes it."""
    # To a file first, because an error after the first byte could not change the status any more.
    descriptor, name = tempfile.mkstemp(suffix=".jsonl")
    os.close(descriptor)
    try:
        caller.memory.export(name, scope=caller.scope)
    except BaseException:
        FilePath(name).unlink(missing_ok=True)
        raise
    return StreamingResponse(_file(FilePath(name)), media_type="application/x-ndjson")


def _file(path: FilePath) -> Iterator[bytes]:
    """Yield a temporary file, and remove it."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    finally:
        path.unlink(missing_ok=True)


async def _uploaded(request: Request) -> FilePath:
    """Store a body in a temporary file, as it arrives."""
    descriptor, name = tempfile.mkstemp(suffix=".jsonl")
    try:
        with os.fdopen(descriptor, "wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
    except BaseException:
        FilePath(name).unlink(missing_ok=True)
        raise
    return FilePath(name)


@router.post(
    "/import",
    tags=["maintenance"],
    openapi_extra={
        "requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    },
)
def import_(caller: WriteAccess, upload: Annotated[FilePath, Depends(_uploaded)]) -> Count:
    """Read an export; records replace those of the same id."""
    try:
        return Count(count=caller.memory.import_(upload, scope=caller.scope))
    finally:
        upload.unlink(missing_ok=True)


# The store as a whole, for the holder of the token in its folder.


async def store_access(caller: Annotated[Caller, Depends(read_access)]) -> Caller:
    """Return who makes a request that concerns all owners.

    Raises:
        HTTPException: 403, the token belongs to one owner.
    """
    if not caller.principal.local:
        raise HTTPException(403, "only the token in the store's folder may do this")
    return caller


StoreAccess = Annotated[Caller, Depends(store_access)]


@router.get("/owners", tags=["store"])
def owners(caller: StoreAccess) -> list[OwnerOut]:
    """Return every owner who was ever written to."""
    return [OwnerOut.of(scope) for scope in caller.memory.owners()]


@router.post("/compact", tags=["store"])
def compact(caller: StoreAccess) -> CompactionOut:
    """Rewrite the store's files, so that they contain no byte of anything deleted."""
    return CompactionOut.of(caller.memory.compact())


@router.post("/flush", status_code=204, tags=["store"])
def flush(caller: WriteAccess) -> None:
    """Write pending recalls now."""
    caller.memory.flush()


@router.get("/whoami", tags=["server"])
def whoami(caller: ReadAccess) -> WhoOut:
    """Return whose memories the token means."""
    return WhoOut(
        user_id=caller.scope.user_id,
        agent_id=caller.scope.agent_id,
        client=caller.principal.client,
        read_only=caller.principal.read_only,
        local=caller.principal.local,
        now=_now(caller),
        curve=asdict(caller.memory.curve),
    )


def _now(caller: Caller) -> datetime:
    return caller.memory.clock()
