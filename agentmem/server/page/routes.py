"""The routes of the page. Looking at it strengthens nothing; every change is a POST."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Form, Query
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from agentmem.server.caller import Caller, ReadAccess, WriteAccess
from agentmem.server.page.curve import forgetting_curve
from agentmem.server.page.lists import archived_ids, linked_turns, overview
from agentmem.server.page.network import MAX_NODES, network, topic_views
from agentmem.server.page.portrait import MAX_SOURCES, portrait
from agentmem.server.page.reasons import largest_share, reasons
from agentmem.server.page.render import FOLDER, PageRoute, render
from agentmem.server.page.views import (
    FAINT,
    Presenter,
    budget_segments,
    fact_line,
    form_name,
    highlighted,
    kind_name,
    months,
    routing_sentence,
)
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Granularity, InvalidInputError, Memory, State

__all__ = ["install_page"]

# Hits of a search, events of a timeline, and lines of a list; more is another question.
_HITS, _EVENTS, _LINES = 20, 200, 200
# Memories in the short lists of the first page; turns shown before and after one.
_FEW, _AROUND = 4, 2
_MIN_BUDGET, _MAX_BUDGET, _BUDGET = 100, 4000, 800
# What a change reports on the page that follows it.
_NOTICES = {
    "edited": "Saved. The former wording stays in its history.",
    "pinned": "Pinned. It no longer fades.",
    "unpinned": "Unpinned. It fades again from now on.",
    "archived": "Moved to the archive.",
    "revived": "Brought back. That counts as a recall.",
    "swept": "Archived what had faded.",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Query(max_length=2000)]
MemoryId = Annotated[str, Query(max_length=1000)]
FormText = Annotated[str, Form()]


def install_page(app: FastAPI) -> None:
    """Add the page to an app whose `request.state.principal` says who asks."""
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


def _presenter(caller: Caller) -> Presenter:
    return Presenter(caller.scope, caller.memory.curve, caller.memory.clock())


def _reading(caller: Caller) -> AbstractContextManager[ScopeIndex]:
    return caller.memory.services.memories.reading(caller.scope)


def _notice(done: str) -> str:
    return _NOTICES.get(done, "")


@router.get("/")
def show_search(
    caller: ReadAccess, q: Text = "", archived: bool = False, done: Text = ""
) -> Response:
    """Search, with the reasons for each hit; without a query an overview."""
    presenter = _presenter(caller)
    if not q.strip():
        return _overview(caller, presenter, done)
    result = caller.memory.search(
        q, k=_HITS, include_archived=archived, explain=True, reinforce=False, scope=caller.scope
    )
    scale = largest_share(hit.contributions for hit in result)
    hits = [
        {
            "memory": presenter.memory(hit.memory),
            "pieces": highlighted(hit.excerpt, q),
            "reasons": reasons(hit.contributions, scale),
            "score": hit.score,
        }
        for hit in result
    ]
    return render(
        "search.html",
        caller,
        page="search",
        q=q,
        archived=archived,
        hits=hits,
        confidence=result.confidence,
        notice=_notice(done),
    )


def _overview(caller: Caller, presenter: Presenter, done: str) -> Response:
    with _reading(caller) as index:
        counts = overview(
            index,
            presenter.now,
            few=_FEW,
            faint=(caller.memory.curve.archive_below, FAINT),
        )
    return render(
        "overview.html",
        caller,
        page="search",
        q="",
        archived=False,
        counts=counts,
        recent=presenter.memories(_existing(caller, counts.recent)),
        fading=presenter.memories(_existing(caller, counts.fading)),
        notice=_notice(done),
    )


@router.get("/recall")
def show_recall(
    caller: ReadAccess,
    q: Text = "",
    max_tokens: Annotated[int, Query(ge=_MIN_BUDGET, le=_MAX_BUDGET)] = _BUDGET,
) -> Response:
    """What an agent would be given for a question, and why."""
    context = None
    if q.strip():
        context = caller.memory.recall(
            q, max_tokens=max_tokens, explain=True, reinforce=False, scope=caller.scope
        )
    presenter = _presenter(caller)
    return render(
        "recall.html",
        caller,
        page="recall",
        q=q,
        max_tokens=max_tokens,
        budgets=(_MIN_BUDGET, _MAX_BUDGET),
        context=context,
        segments=budget_segments(context, max_tokens) if context else [],
        routing=routing_sentence(context.routing) if context else "",
        items=[
            (item, form_name(item.form), presenter.memory(item.memory))
            for item in (context.items if context else ())
        ],
        entropies=[
            (kind_name(granularity, 2), entropy)
            for granularity, entropy in (context.routing.entropies if context else {}).items()
        ],
        notice="",
    )


@router.get("/timeline")
def show_timeline(caller: ReadAccess, q: Text = "", since: Text = "", until: Text = "") -> Response:
    """Events in the order in which they happened."""
    presenter = _presenter(caller)
    events = caller.memory.timeline(
        q.strip() or None,
        since=_day("since", since, presenter),
        until=_day("until", until, presenter, days=1),
        k=_EVENTS,
        scope=caller.scope,
    )
    groups = [
        (
            month.title,
            [
                (
                    presenter.memory(event.memory),
                    presenter.moment(event.when),
                    presenter.moment(event.until - timedelta(microseconds=1))
                    if event.dated
                    else None,
                )
                for event in month.events
            ],
        )
        for month in months(events, caller.scope)
    ]
    return render(
        "timeline.html",
        caller,
        page="timeline",
        q=q,
        since=since,
        until=until,
        months=groups,
        n_events=len(events),
        is_cut=len(events) == _EVENTS,
        notice="",
    )


def _day(name: str, text: str, presenter: Presenter, days: int = 0) -> datetime | None:
    """Return the start of a day in the owner's time zone, or of the day `days` days later."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, without a time
        zone = presenter.owner.localize(presenter.now).tzinfo or UTC
        return datetime.combine(day, time.min, zone) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"{name}={text!r} must be a day such as {presenter.now:%Y-%m-%d}"
        ) from None


@router.get("/portrait")
def show_portrait(caller: ReadAccess, done: Text = "") -> Response:
    """The profile and the facts, with their sources."""
    presenter = _presenter(caller)
    facts = caller.memory.facts(superseded=True, scope=caller.scope)
    lines = caller.memory.profile(scope=caller.scope)
    lists = [line.sources for line in lines] + [fact.memory.sources for fact in facts]
    ids = {i for sources in lists for i in sources[:MAX_SOURCES]}
    turns = _existing(caller, tuple(sorted(ids)))
    return render(
        "portrait.html",
        caller,
        page="portrait",
        view=portrait(lines, facts, {turn.id: presenter.memory(turn) for turn in turns}, presenter),
        notice=_notice(done),
    )


@router.get("/graph")
def show_graph(caller: ReadAccess, topic: MemoryId = "") -> Response:
    """The association graph, of all messages or those of a topic."""
    topics = topic_views(caller.memory.topics(scope=caller.scope))
    chosen = next((t for t in topics if t.id == topic), None)
    with _reading(caller) as index:
        links = linked_turns(index, chosen.members if chosen else None, MAX_NODES)
    turns = {turn.id: turn for turn in _existing(caller, tuple(links.graph))}
    return render(
        "graph.html",
        caller,
        page="graph",
        topics=topics,
        chosen=chosen,
        network=network(links, turns, topics, _presenter(caller)),
        notice="",
    )


@router.get("/archive")
def show_archive(caller: ReadAccess, done: Text = "") -> Response:
    """What has been archived, the latest first."""
    presenter = _presenter(caller)
    with _reading(caller) as index:
        ids = archived_ids(index)
    archived = _existing(caller, tuple(ids[:_LINES]))
    return render(
        "archive.html",
        caller,
        page="archive",
        archived=[
            (presenter.memory(m), presenter.moment(m.state_changed_at or m.said_at))
            for m in archived
        ],
        n_archived=len(ids),
        threshold=caller.memory.curve.archive_below,
        notice=_notice(done),
    )


@router.get("/memory")
def show_memory(caller: ReadAccess, id: MemoryId, done: Text = "") -> Response:  # noqa: A002
    """One memory: its forgetting curve, its history, and what it is connected with."""
    memory = caller.memory.get(id, scope=caller.scope)
    if memory.version_of is not None:
        return RedirectResponse("/memory?" + urlencode({"id": memory.version_of}), 303)
    presenter = _presenter(caller)
    *former, _ = versions = caller.memory.history(id, scope=caller.scope)
    derived = _derived(caller, memory)
    curve = forgetting_curve(memory, former, caller.memory.curve, presenter.now)
    return render(
        "memory.html",
        caller,
        page="",
        memory=presenter.memory(memory),
        record=memory,
        versions=[(presenter.memory(v), presenter.moment(v.said_at)) for v in reversed(versions)],
        curve=curve,
        fades=None if curve.fades_at is None else presenter.moment(curve.fades_at),
        marks=[(mark, presenter.moment(mark.at)) for mark in reversed(curve.marks)],
        sources=presenter.memories(_existing(caller, memory.sources)),
        derived=presenter.memories(derived),
        successors=presenter.memories(_successors(caller, memory, derived)),
        predecessors=presenter.memories(_predecessors(caller, memory)),
        around=presenter.memories(_surrounding_turns(caller, memory)),
        related=presenter.memories(caller.memory.related(id, k=6, scope=caller.scope)),
        notice=_notice(done),
    )


def _existing(caller: Caller, ids: tuple[str, ...]) -> list[Memory]:
    by_id = {m.id: m for m in caller.memory.services.memories.get(caller.scope, list(ids))}
    return [by_id[i] for i in ids if i in by_id]


def _derived(caller: Caller, memory: Memory) -> list[Memory]:
    with _reading(caller) as index:
        ids = sorted(index.derived_from(memory.id))
    derived = _existing(caller, tuple(ids))
    return [
        m for m in derived if m.version_of is None and m.granularity is not Granularity.CITATION
    ]


def _surrounding_turns(caller: Caller, memory: Memory) -> list[Memory]:
    """Return what was said in the conversation just before and after a turn, and the turn."""
    if memory.granularity is not Granularity.TURN:
        return []
    with _reading(caller) as index:
        ids = index.members(memory.session_id, Granularity.TURN)
    place = ids.index(memory.id) if memory.id in ids else 0
    around = ids[max(place - _AROUND, 0) : place + _AROUND + 1]
    return _existing(caller, tuple(around)) if len(around) > 1 else []


def _successors(caller: Caller, memory: Memory, derived: list[Memory]) -> list[Memory]:
    """Return what took the place of a superseded memory."""
    if memory.state is not State.SUPERSEDED:
        return []
    if memory.granularity is not Granularity.FACT:
        # A merged message is a source of the one that stands for it.
        return [m for m in derived if m.granularity is memory.granularity]
    facts = caller.memory.facts(superseded=True, scope=caller.scope)
    return [fact.memory for fact in facts if memory.id in fact.supersedes]


def _predecessors(caller: Caller, memory: Memory) -> list[Memory]:
    """Return the facts whose place a fact took."""
    if memory.granularity is not Granularity.FACT:
        return []
    return _existing(caller, tuple(edge.target for edge in memory.edges))


# Changes. `then` names the page to go back to.


def _back(then: str, memory_id: str, done: str) -> Response:
    pages = {"archive": "/archive", "portrait": "/portrait"}
    if then in pages:
        return RedirectResponse(f"{pages[then]}?" + urlencode({"done": done}), 303)
    return RedirectResponse("/memory?" + urlencode({"id": memory_id, "done": done}), 303)


@router.post("/memory/edit")
def edit(caller: WriteAccess, id: FormText, text: FormText, then: FormText = "") -> Response:  # noqa: A002
    """Replace the text of a memory; of a fact, its value."""
    memory = caller.memory.get(id, scope=caller.scope)
    # Browsers end the lines of a form with both characters.
    text = text.replace("\r\n", "\n").strip()
    if then == "portrait":
        text = fact_line(memory, text) or text if text else text
    if text != (fact_line(memory) or memory.text):
        caller.memory.update(id, text=text, scope=caller.scope)
    return _back(then, id, "edited")


def _add_change(method: str, done: str) -> None:
    """Add the route of a button that calls a method with the memory's id."""

    def change(caller: WriteAccess, id: FormText, then: FormText = "") -> Response:  # noqa: A002
        getattr(caller.memory, method)(id, scope=caller.scope)
        return _back(then, id, done)

    router.add_api_route(f"/memory/{method}", change, methods=["POST"])


_add_change("pin", "pinned")
_add_change("unpin", "unpinned")
_add_change("archive", "archived")
_add_change("revive", "revived")


@router.post("/archive/sweep")
def sweep(caller: WriteAccess) -> Response:
    """Archive what has faded."""
    caller.memory.sweep(scope=caller.scope)
    return _back("archive", "", "swept")


@router.get("/forget")
def confirm_forget(caller: ReadAccess, id: MemoryId) -> Response:  # noqa: A002
    """Ask before a memory is deleted, and name what goes with it."""
    memory = caller.memory.get(id, scope=caller.scope)
    derived = Counter(m.granularity for m in _derived(caller, memory))
    presenter = _presenter(caller)
    return render(
        "forget.html",
        caller,
        page="",
        memory=presenter.memory(memory),
        n_versions=len(caller.memory.history(id, scope=caller.scope)),
        derived=_counts(derived),
        notice="",
    )


@router.post("/forget")
def forget(caller: WriteAccess, id: FormText) -> Response:  # noqa: A002
    """Delete a memory, and show what was removed; the receipt contains no text of it."""
    with _reading(caller) as index:
        kinds = {i: g for g, table in index.tables.items() for i in table.row_of}
    deletion = caller.memory.delete(id, scope=caller.scope)
    return render(
        "receipt.html",
        caller,
        page="",
        deletion=deletion,
        deleted=_counts(Counter(kinds.get(i, Granularity.TURN) for i in deletion.deleted)),
        derived=_counts(Counter(kinds.get(i, Granularity.TURN) for i in deletion.derived)),
        at=_presenter(caller).moment(caller.memory.clock()),
        notice="",
    )


def _counts(kinds: Counter[Granularity]) -> list[tuple[str, int]]:
    return [(kind_name(kind, count), count) for kind, count in kinds.most_common()]
