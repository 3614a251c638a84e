"""`Client` and `connect`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from agentmem import arguments
from agentmem.client.decode import (
    RemoteSearchResult,
    to_context,
    to_event,
    to_fact,
    to_memory,
    to_plan,
    to_search_result,
)
from agentmem.client.transport import Transport, in_path
from agentmem.provenance import Trust
from agentmem.to_async import to_async
from agentmem_retrievers import ForgettingCurve, SearchResult
from agentmem_stores import Granularity, InvalidInputError, InvalidScopeError, Memory, Scope

if TYPE_CHECKING:
    import networkx as nx

    from agentmem.controller.deletion import Deletion
    from agentmem.controller.listing import MemoryPage
    from agentmem.controller.recognition import Recognition
    from agentmem.controller.services import DeletionListener
    from agentmem.controller.timeline import Event
    from agentmem.documents.documents import Document
    from agentmem.facts.views import Fact
    from agentmem.feedback.plans import Plan
    from agentmem.feedback.reflection import Learned
    from agentmem.maintenance.check import CheckReport
    from agentmem.maintenance.consolidation import ConsolidationReport
    from agentmem.maintenance.eviction import SweepReport
    from agentmem.maintenance.stats import Stats
    from agentmem.profile import ProfileLine
    from agentmem.progress import Progress
    from agentmem.recall.context import Context
    from agentmem.writing.messages import Draft, MessageLike
    from agentmem_retrievers import MemoryRetriever
    from agentmem_stores import Compaction

__all__ = ["Client", "connect"]

# Memories in a page of `get_all`.
_PAGE = 500


def connect(url: str, *, token: str, scope: Scope | None = None, timeout: float = 60.0) -> Client:
    """Connect to a server that `agentmem serve` runs.

    Args:
        url: its address, such as `http://127.0.0.1:8377`.
        token: what `agentmem token create` printed, or the token in `agentmem-server.json`.
        scope: whose memories are meant; only with the token of the store's folder. Other tokens
            belong to one owner.
        timeout: seconds to wait for a response.

    Raises:
        StoreUnavailableError: nothing responds at the address.
        InvalidScopeError: the token is not accepted, or it belongs to another owner.
        MissingExtraError: httpx is not installed.

    Example:
        >>> from agentmem import connect
        >>> with connect(server.url, token=server.token) as memory:
        ...     _ = memory.add("I adopted a beagle called Biscuit.")
        ...     memory.search("What is my dog called?", k=1)[0].memory.text
        'I adopted a beagle called Biscuit.'
    """
    return Client(url, token=token, scope=scope, timeout=timeout)


class Client:
    """The methods of `MemoryController`, executed by a server.

    Arguments, results and errors are those of the controller's methods of the same names; async
    versions have the prefix `a`. A client may be shared between threads.

    Args:
        url, token, scope, timeout: as for `connect`.

    Attributes:
        scope: whose memories it reads and writes.
        curve: the server's forgetting curve.
        clock: returns the time, aware.
    """

    def __init__(
        self, url: str, *, token: str, scope: Scope | None = None, timeout: float = 60.0
    ) -> None:
        self._transport = Transport(url, token, timeout)
        self._listeners: WeakSet[DeletionListener] = WeakSet()
        self.clock: Callable[[], datetime] = partial(datetime.now, UTC)
        try:
            who = self._transport.send("GET", "/v1/whoami", scope=scope)
        except BaseException:
            self._transport.close()
            raise
        self._local = bool(who["local"])
        self.scope = Scope(who["user_id"], who["agent_id"])
        self.curve = ForgettingCurve(**who["curve"])
        self._owner(scope)

    def close(self) -> None:
        """Close the connection; the server keeps running."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def owners(self) -> list[Scope]:
        """Return every scope that was ever written to; needs the token of the store's folder."""
        owners = self._send("GET", "/v1/owners", None)
        return [Scope(owner["user_id"], owner["agent_id"]) for owner in owners]

    def add_listener(self, listener: DeletionListener) -> None:
        """Notify an object that caches memories of what this client deletes."""
        if isinstance(listener, type) or not callable(getattr(listener, "forget", None)):
            raise arguments.refusal("listener", listener, "an object with a method `forget`")
        self._listeners.add(listener)

    def flush(self) -> None:
        """Write pending recalls now."""
        self._send("POST", "/v1/flush", None)

    # Writing.

    def add(
        self,
        messages: MessageLike | Sequence[MessageLike],
        *,
        session_id: str | None = None,
        scope: Scope | None = None,
        timestamp: datetime | None = None,
        importance: float = 0.0,
        metadata: Mapping[str, Any] | None = None,
        expires_at: datetime | None = None,
    ) -> list[Memory]:
        """Store messages as turns of a session; see `MemoryController.add`."""
        from agentmem.client.encode import to_messages, to_metadata
        from agentmem.writing.messages import has_roles

        body = {
            "messages": to_messages(messages),
            "history": has_roles(messages),
            "importance": arguments.number("importance", importance, low=0, high=1),
        } | _without_none(
            session_id=_optional_string("session_id", session_id),
            timestamp=_iso("timestamp", timestamp),
            metadata=None if metadata is None else to_metadata(metadata),
            expires_at=_iso("expires_at", expires_at),
        )
        return self._added("/v1/memories", body, scope)

    def add_turns(
        self,
        drafts: Sequence[Draft],
        *,
        session_id: str | None = None,
        answered: Collection[str] = (),
        scope: Scope | None = None,
    ) -> list[Memory]:
        """Store the messages of an agent loop; see `MemoryController.add_turns`."""
        from agentmem.client.encode import to_message
        from agentmem.writing.messages import Draft

        drafts = arguments.items("drafts", drafts, "a list of Drafts")
        for draft in drafts:
            arguments.instance("drafts", draft, Draft, "a list of Drafts")
        body = {
            "messages": [to_message(draft) for draft in drafts],
            "history": False,
            "answered": arguments.strings("answered", answered),
        } | _without_none(session_id=_optional_string("session_id", session_id))
        return self._added("/v1/memories", body, scope) if drafts else []

    def add_many(
        self,
        sessions: Mapping[str, Sequence[MessageLike]],
        *,
        scope: Scope | None = None,
        expires_at: datetime | None = None,
    ) -> list[Memory]:
        """Store whole conversations and end them; see `MemoryController.add_many`."""
        from agentmem.client.encode import to_messages
        from agentmem.writing.messages import has_roles

        if not isinstance(sessions, Mapping):
            raise arguments.refusal("sessions", sessions, "a dict of messages by session id")
        body = {
            "sessions": {
                arguments.string("session_id", name): to_messages(turns)
                for name, turns in sessions.items()
                if not (isinstance(turns, Sequence) and not turns)
            },
            "history": all(has_roles(turns) for turns in sessions.values()),
        } | _without_none(expires_at=_iso("expires_at", expires_at))
        return self._added("/v1/sessions", body, scope)

    def open_session(self, *, scope: Scope | None = None) -> str | None:
        """Return the session that is open; see `MemoryController.open_session`."""
        session: str | None = self._send("GET", "/v1/sessions/open", scope)["session_id"]
        return session

    def end_session(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> list[Memory]:
        """Derive summary, keywords and facts of a session; see `MemoryController.end_session`."""
        name = _optional_string("session_id", session_id)
        part = "" if name is None else f"/{in_path(name)}"
        ended = self._send("POST", f"/v1/sessions{part}/end", scope, params={"full": True})
        return [to_memory(memory) for memory in ended["memories"]]

    def update(
        self,
        memory_id: str,
        *,
        text: str | None = None,
        timestamp: datetime | None = None,
        importance: float | None = None,
        expires_at: datetime | EllipsisType | None = ...,
        scope: Scope | None = None,
    ) -> Memory:
        """Replace the text, importance or expiry of a memory; see `MemoryController.update`."""
        body = _without_none(
            text=None if text is None else arguments.text("text", text),
            timestamp=_iso("timestamp", timestamp),
            importance=arguments.number("importance", importance, low=0, high=1, optional=True),
        )
        if not isinstance(expires_at, EllipsisType):
            body["expires_at"] = _iso("expires_at", expires_at)
        return to_memory(self._send("PATCH", _memory(memory_id), scope, body=body))

    def delete(self, memory_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a memory and what was derived from it; see `MemoryController.delete`."""
        return self._deletion(_memory(memory_id), scope)

    def unmerge(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Undo a merge; see `MemoryController.unmerge`."""
        return self._memories("POST", f"{_memory(memory_id)}/unmerge", scope)

    def delete_session(self, session_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a conversation; see `MemoryController.delete_session`."""
        session_id = arguments.string("session_id", session_id)
        return self._deletion(f"/v1/sessions/{in_path(session_id)}", scope)

    def delete_all(self, *, scope: Scope | None = None) -> int:
        """Delete everything of the scope; return the number of records."""
        count = int(self._send("DELETE", "/v1/memories", scope)["count"])
        self._forgotten(scope)
        return count

    def reset(self, *, scope: Scope | None = None) -> None:
        """Delete everything of the scope."""
        self.delete_all(scope=scope)

    # Reading.

    def search(
        self,
        query: str,
        *,
        k: int = 5,
        scope: Scope | None = None,
        granularity: Granularity = Granularity.TURN,
        as_of: datetime | None = None,
        include_archived: bool = False,
        explain: bool = False,
        reinforce: bool = True,
        hops: int = 1,
        session_id: str | None = None,
        role: str | None = None,
        speaker: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        min_confidence: float = 0.0,
    ) -> SearchResult:
        """Find the memories that answer a question; see `MemoryController.search`."""
        body = {
            "query": arguments.text("query", query),
            "k": arguments.integer("k", k, low=1),
            "granularity": arguments.choice("granularity", granularity, Granularity).value,
            "include_archived": arguments.flag("include_archived", include_archived),
            "explain": arguments.flag("explain", explain),
            "reinforce": arguments.flag("reinforce", reinforce),
            "hops": arguments.integer("hops", hops, low=1),
            "min_confidence": arguments.number("min_confidence", min_confidence, low=0, high=1),
        } | _without_none(
            as_of=_iso("as_of", as_of),
            **_restrictions(
                session_id=session_id,
                role=role,
                speaker=speaker,
                since=since,
                until=until,
                filter=filter,
            ),
        )
        return to_search_result(self._send("POST", "/v1/search", scope, body=body))

    def recall(
        self,
        query: str | Sequence[MessageLike],
        *,
        max_tokens: int = 800,
        scope: Scope | None = None,
        as_of: datetime | None = None,
        exclude: Collection[str] = (),
        min_trust: Trust = Trust.EXTERNAL,
        count_tokens: Callable[[str], int] | None = None,
        explain: bool = False,
        reinforce: bool = True,
        granularity: Granularity | None = None,
        session_id: str | None = None,
        role: str | None = None,
        speaker: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        min_confidence: float = 0.0,
    ) -> Context:
        """Spend a token budget on what answers a question; see `MemoryController.recall`.

        Raises:
            InvalidInputError: `count_tokens` is given; a server counts by its own estimate.
        """
        from agentmem.client.encode import to_messages

        if count_tokens is not None:
            raise InvalidInputError("count_tokens must be None for a server, which counts itself")
        is_text = isinstance(query, str) or not isinstance(query, Sequence)
        body = {
            "query": arguments.text("query", query) if is_text else to_messages(query),
            "max_tokens": arguments.integer("max_tokens", max_tokens, low=1),
            "exclude": arguments.strings("exclude", exclude),
            "min_trust": arguments.choice("min_trust", min_trust, Trust).value,
            "explain": arguments.flag("explain", explain),
            "reinforce": arguments.flag("reinforce", reinforce),
            "min_confidence": arguments.number("min_confidence", min_confidence, low=0, high=1),
        } | _without_none(
            as_of=_iso("as_of", as_of),
            granularity=_granularity(granularity),
            **_restrictions(
                session_id=session_id,
                role=role,
                speaker=speaker,
                since=since,
                until=until,
                filter=filter,
            ),
        )
        return to_context(self._send("POST", "/v1/recall", scope, body=body), self.curve)

    def search_many(
        self, /, queries: Sequence[str], *, scope: Scope | None = None, **options: Any
    ) -> list[SearchResult]:
        """Search for several questions; see `MemoryController.search_many`."""
        texts = [arguments.text("queries", query) for query in arguments.items("queries", queries)]
        return [self.search(query, scope=scope, **options) for query in texts]

    def recognize(self, text: str, *, scope: Scope | None = None) -> Recognition:
        """Return how familiar a text is; see `MemoryController.recognize`."""
        from agentmem.controller.recognition import Familiarity, Recognition

        body = {"text": arguments.text("text", text)}
        response = self._send("POST", "/v1/recognize", scope, body=body)
        return Recognition(
            response["familiarity"],
            Familiarity(response["kind"]),
            None if response["memory"] is None else to_memory(response["memory"]),
            response["similarity"],
        )

    def get(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Return one memory; see `MemoryController.get`."""
        return to_memory(self._send("GET", _memory(memory_id), scope))

    def get_all(
        self,
        *,
        scope: Scope | None = None,
        limit: int | None = 100,
        offset: int = 0,
        cursor: str | None = None,
        granularity: Granularity | None = None,
        session_id: str | None = None,
        role: str | None = None,
        speaker: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> MemoryPage:
        """Return the newest memories, oldest first; see `MemoryController.get_all`."""
        from agentmem.controller.listing import MemoryPage

        limit = arguments.integer("limit", limit, low=1, optional=True)
        offset = arguments.integer("offset", offset, low=0)
        cursor = _optional_string("cursor", cursor)
        restrictions = _restrictions(
            session_id=session_id,
            role=role,
            speaker=speaker,
            since=since,
            until=until,
            filter=filter,
        )
        if "filter" in restrictions:
            restrictions["filter"] = json.dumps(restrictions["filter"])
        options = restrictions | _without_none(granularity=_granularity(granularity))
        memories: list[Memory] = []
        wanted = None if limit is None else limit + offset
        while wanted is None or len(memories) < wanted:
            size = _PAGE if wanted is None else min(_PAGE, wanted - len(memories))
            params = {**options, "limit": size, "cursor": cursor}
            page = self._send("GET", "/v1/memories", scope, params=params)
            memories += map(to_memory, page["memories"])
            cursor = page["next_cursor"]
            if cursor is None:
                break
        # The server lists the newest first.
        result = MemoryPage(memories[offset:][::-1])
        result.next_cursor = cursor
        return result

    def history(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Return every version of a memory; see `MemoryController.history`."""
        return self._memories("GET", f"{_memory(memory_id)}/history", scope)

    def related(self, memory_id: str, *, k: int = 5, scope: Scope | None = None) -> list[Memory]:
        """Return the neighbors of a memory; see `MemoryController.related`."""
        params = {"k": arguments.integer("k", k, low=1)}
        return self._memories("GET", f"{_memory(memory_id)}/related", scope, params=params)

    def as_retriever(self, *, k: int = 5, **options: Any) -> MemoryRetriever:
        """Return a LangChain retriever; see `MemoryController.as_retriever`."""
        from agentmem_retrievers import MemoryRetriever

        k = arguments.integer("k", k, low=1)
        return MemoryRetriever(memory=self, k=k, search_options=options)

    # Documents.

    def add_document(
        self,
        path_or_text: str | PathLike[str],
        *,
        title: str | None = None,
        source: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expires_at: datetime | None = None,
        scope: Scope | None = None,
    ) -> Document:
        """Store a document in chunks; see `MemoryController.add_document`.

        A file is read here, and its text is sent.
        """
        from agentmem.client.encode import to_document, to_metadata
        from agentmem.documents.documents import Document

        options = _without_none(
            metadata=None if metadata is None else to_metadata(metadata),
            expires_at=_iso("expires_at", expires_at),
        )
        title, source = _optional_string("title", title), _optional_string("source", source)
        body = to_document(path_or_text, title, source) | options
        document = self._send("POST", "/v1/documents", scope, body=body)
        return Document(**document | {"chunks": tuple(document["chunks"])})

    def documents(self, *, scope: Scope | None = None) -> list[Document]:
        """Return the documents, by title; see `MemoryController.documents`."""
        from agentmem.documents.documents import Document

        response = self._send("GET", "/v1/documents", scope)
        return [Document(**each | {"chunks": tuple(each["chunks"])}) for each in response]

    def delete_document(self, name: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a document with all its chunks; see `MemoryController.delete_document`."""
        name = arguments.string("name", name)
        return self._deletion(f"/v1/documents/{in_path(name)}", scope)

    # Knowledge.

    def topics(
        self, query: str | None = None, *, k: int | None = None, scope: Scope | None = None
    ) -> list[Memory]:
        """Return the active topics; see `MemoryController.topics`."""
        params = {
            "query": None if query is None else arguments.text("query", query),
            "k": arguments.integer("k", k, low=1, optional=True),
        }
        return self._memories("GET", "/v1/topics", scope, params=params)

    def facts(
        self,
        *,
        subject: str | None = None,
        attribute: str | None = None,
        superseded: bool = False,
        as_of: datetime | None = None,
        scope: Scope | None = None,
    ) -> list[Fact]:
        """Return the facts about people; see `MemoryController.facts`."""
        params = {
            "subject": _optional_string("subject", subject),
            "attribute": _optional_string("attribute", attribute),
            "superseded": arguments.flag("superseded", superseded),
            "as_of": _iso("as_of", as_of),
        }
        return [to_fact(fact) for fact in self._send("GET", "/v1/facts", scope, params=params)]

    def profile(self, *, limit: int | None = None, scope: Scope | None = None) -> list[ProfileLine]:
        """Return a profile of the user in lines; see `MemoryController.profile`."""
        from agentmem.profile import ProfileLine

        params = {"limit": arguments.integer("limit", limit, low=1, optional=True)}
        lines = self._send("GET", "/v1/profile", scope, params=params)
        return [ProfileLine(**line | {"sources": tuple(line["sources"])}) for line in lines]

    def timeline(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        k: int = 10,
        scope: Scope | None = None,
    ) -> list[Event]:
        """Return events in the order in which they happened; see `MemoryController.timeline`."""
        params = {
            "query": None if query is None else arguments.text("query", query),
            "since": _iso("since", since),
            "until": _iso("until", until),
            "k": arguments.integer("k", k, low=1),
        }
        return [
            to_event(event) for event in self._send("GET", "/v1/timeline", scope, params=params)
        ]

    # Feedback.

    def pin(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Pin a memory; see `MemoryController.pin`."""
        return to_memory(self._send("POST", f"{_memory(memory_id)}/pin", scope))

    def unpin(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Undo a pin; see `MemoryController.unpin`."""
        return to_memory(self._send("DELETE", f"{_memory(memory_id)}/pin", scope))

    def reinforce(
        self, hits: SearchResult, *, shown: Sequence[str] | None = None, scope: Scope | None = None
    ) -> None:
        """Strengthen the hits of a search; see `MemoryController.reinforce`."""
        used = _shown_ids(hits, shown)
        if search_id := _search_id(hits):
            self._send("POST", f"/v1/searches/{search_id}/reinforce", scope, body={"shown": used})

    def feedback(
        self,
        hits: SearchResult,
        *,
        cited: Sequence[str],
        shown: Sequence[str] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Report which hits were useful; see `MemoryController.feedback`."""
        body = {
            "cited": arguments.strings("cited", cited),
            "shown": _shown_ids(hits, shown),
        }
        if search_id := _search_id(hits):
            self._send("POST", f"/v1/searches/{search_id}/feedback", scope, body=body)

    def learned(self, *, scope: Scope | None = None) -> Learned:
        """Return what was learned from feedback; see `MemoryController.learned`."""
        from agentmem.feedback.reflection import Learned

        return Learned(**self._send("GET", "/v1/learned", scope))

    def reset_learning(self, *, scope: Scope | None = None) -> int:
        """Delete all feedback; return the number of citations."""
        return int(self._send("DELETE", "/v1/learned", scope)["count"])

    def add_plan(
        self,
        goal: str,
        steps: Sequence[str],
        outcome: bool | str | None = None,
        *,
        sources: Sequence[str] = (),
        scope: Scope | None = None,
    ) -> Plan:
        """Store a plan; see `MemoryController.add_plan`."""
        body = {
            "goal": arguments.text("goal", goal),
            "steps": [arguments.text("steps", step) for step in arguments.items("steps", steps)],
            "outcome": _outcome(outcome),
            "sources": arguments.strings("sources", sources),
        }
        return to_plan(self._send("POST", "/v1/plans", scope, body=body))

    def plan_went(self, plan_id: str, outcome: bool | str, *, scope: Scope | None = None) -> Plan:
        """Count an outcome of a plan; see `MemoryController.plan_went`."""
        path = f"/v1/plans/{in_path(arguments.memory_id('plan_id', plan_id))}/outcome"
        return to_plan(self._send("POST", path, scope, body={"outcome": _outcome(outcome)}))

    def plans(
        self, goal: str | None = None, *, k: int = 5, scope: Scope | None = None
    ) -> list[Plan]:
        """Return plans that fit a goal; see `MemoryController.plans`."""
        params = {
            "goal": None if goal is None else arguments.text("goal", goal),
            "k": arguments.integer("k", k, low=1),
        }
        response = self._send("GET", "/v1/plans", scope, params=params)
        return [to_plan(plan) for plan in response]

    # Maintenance.

    def sweep(self, now: datetime | None = None, *, scope: Scope | None = None) -> SweepReport:
        """Archive what has faded; see `MemoryController.sweep`."""
        from agentmem.maintenance.eviction import SweepReport

        body = _without_none(now=_iso("now", now))
        report = self._send("POST", "/v1/sweep", scope, body=body)
        return SweepReport(tuple(report["archived"]), report["kept"])

    def consolidate(
        self,
        *,
        budget: int | None = None,
        keep: int | None = None,
        progress: Progress | None = None,
        scope: Scope | None = None,
    ) -> ConsolidationReport:
        """Tidy a scope; see `MemoryController.consolidate`. It reports no progress."""
        from agentmem.maintenance.consolidation import ConsolidationReport

        body = {
            "budget": arguments.integer("budget", budget, low=0, optional=True),
            "keep": arguments.integer("keep", keep, low=0, optional=True),
        }
        report = self._send("POST", "/v1/consolidate", scope, body=body)
        lists = {name: tuple(v) for name, v in report.items() if isinstance(v, list)}
        return ConsolidationReport(**report | lists)

    def export(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Write a scope to a file of JSON lines; see `MemoryController.export`."""
        owner, target = self._owner(scope), Path(arguments.path_like("path", path))
        # The first line is a header.
        return self._transport.download("/v1/export", target, scope=owner) - 1

    def import_(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Read a file that `export` wrote; see `MemoryController.import_`."""
        owner, source = self._owner(scope), Path(arguments.path_like("path", path))
        return int(self._transport.upload("/v1/import", source, scope=owner)["count"])

    def stats(self, *, scope: Scope | None = None) -> Stats:
        """Return how much a scope holds; see `MemoryController.stats`."""
        from agentmem.maintenance.stats import Stats
        from agentmem_stores import EmbedderSpec

        stats = self._send("GET", "/v1/stats", scope)
        return Stats(**stats | {"embedder": EmbedderSpec(**stats["embedder"])})

    def graph(self, *, scope: Scope | None = None) -> nx.Graph:
        """Return the association graph; see `MemoryController.graph`."""
        import networkx as nx

        data = self._send("GET", "/v1/graph", scope)
        graph = nx.Graph()
        for node in data["nodes"]:
            said_at = datetime.fromisoformat(node["said_at"])
            attributes = {name: value for name, value in node.items() if name != "id"}
            graph.add_node(node["id"], **attributes | {"said_at": said_at})
        graph.add_weighted_edges_from(
            (e["source"], e["target"], e["weight"]) for e in data["edges"]
        )
        return graph

    def check(self, *, repair: bool = False, scope: Scope | None = None) -> CheckReport:
        """Check the integrity of a scope; see `MemoryController.check`."""
        from agentmem.maintenance.check import CheckReport

        body = {"repair": arguments.flag("repair", repair)}
        report = self._send("POST", "/v1/check", scope, body=body)
        return CheckReport(tuple(report["problems"]), tuple(report["repaired"]))

    def compact(self) -> Compaction:
        """Rewrite the store's files; needs the token of the store's folder."""
        from agentmem_stores import Compaction

        return Compaction(**self._send("POST", "/v1/compact", None))

    def _send(self, method: str, path: str, scope: Scope | None, **options: Any) -> Any:
        return self._transport.send(method, path, scope=self._owner(scope), **options)

    def _owner(self, scope: Scope | None) -> Scope | None:
        """The owner to name to the server; None where the token names it."""
        owner = self.scope if scope is None else scope
        if not isinstance(owner, Scope):
            raise InvalidScopeError(f"scope={owner!r} must be a Scope")
        if self._local:
            return owner
        if owner != self.scope:
            raise InvalidScopeError(f"this token belongs to {self.scope}, not to {owner}")
        return None

    def _memories(
        self, method: str, path: str, scope: Scope | None, **options: Any
    ) -> list[Memory]:
        return [to_memory(memory) for memory in self._send(method, path, scope, **options)]

    def _added(self, path: str, body: dict[str, Any], scope: Scope | None) -> list[Memory]:
        added = self._send("POST", path, scope, body=body, params={"full": True})
        return [to_memory(memory) for memory in added["memories"]]

    def _deletion(self, path: str, scope: Scope | None) -> Deletion:
        from agentmem.controller.deletion import Deletion

        receipt = self._send("DELETE", path, scope)
        self._forgotten(scope)
        return Deletion(**{name: tuple(ids) for name, ids in receipt.items()})

    def _forgotten(self, scope: Scope | None) -> None:
        for listener in list(self._listeners):
            listener.forget(scope or self.scope, None)

    aadd = to_async(add)
    aadd_turns = to_async(add_turns)
    aadd_many = to_async(add_many)
    aopen_session = to_async(open_session)
    aend_session = to_async(end_session)
    aupdate = to_async(update)
    adelete = to_async(delete)
    aunmerge = to_async(unmerge)
    adelete_session = to_async(delete_session)
    adelete_all = to_async(delete_all)
    areset = to_async(reset)
    asearch = to_async(search)
    arecall = to_async(recall)
    asearch_many = to_async(search_many)
    arecognize = to_async(recognize)
    aadd_document = to_async(add_document)
    adocuments = to_async(documents)
    adelete_document = to_async(delete_document)
    aget = to_async(get)
    aget_all = to_async(get_all)
    ahistory = to_async(history)
    atopics = to_async(topics)
    afacts = to_async(facts)
    aprofile = to_async(profile)
    atimeline = to_async(timeline)
    arelated = to_async(related)
    apin = to_async(pin)
    aunpin = to_async(unpin)
    areinforce = to_async(reinforce)
    afeedback = to_async(feedback)
    alearned = to_async(learned)
    areset_learning = to_async(reset_learning)
    aadd_plan = to_async(add_plan)
    aplan_went = to_async(plan_went)
    aplans = to_async(plans)
    asweep = to_async(sweep)
    aconsolidate = to_async(consolidate)
    aexport = to_async(export)
    aimport_ = to_async(import_)
    astats = to_async(stats)
    agraph = to_async(graph)
    acheck = to_async(check)
    acompact = to_async(compact)


def _memory(memory_id: str) -> str:
    return f"/v1/memories/{in_path(arguments.memory_id('memory_id', memory_id))}"


def _without_none(**fields: Any) -> dict[str, Any]:
    """Return fields without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}


def _optional_string(name: str, value: Any) -> str | None:
    return None if value is None else arguments.string(name, value)


def _iso(name: str, value: Any) -> str | None:
    return None if value is None else arguments.moment(name, value).isoformat()


def _granularity(value: Any) -> str | None:
    return None if value is None else arguments.choice("granularity", value, Granularity).value


def _restrictions(**fields: Any) -> dict[str, Any]:
    """Return what a search is restricted to, in the form of a request."""
    where = arguments.memory_filter(**fields)
    if where is None:
        return {}
    return _without_none(
        session_id=where.session_id,
        role=where.role,
        speaker=where.speaker,
        since=None if where.since is None else where.since.isoformat(),
        until=None if where.until is None else where.until.isoformat(),
        filter=None if where.metadata is None else arguments.to_builtin(dict(fields["filter"])),
    )


def _shown_ids(hits: SearchResult, shown: Any) -> list[str]:
    if not isinstance(hits, SearchResult):
        raise arguments.refusal("hits", hits, "the result of a search")
    return [hit.memory.id for hit in hits] if shown is None else arguments.strings("shown", shown)


def _outcome(value: Any) -> bool | None:
    from agentmem.feedback.plans import parse_outcome

    return parse_outcome(value)


def _search_id(hits: SearchResult) -> str:
    """How the server knows a result; empty for one that is not from a server."""
    return hits.search_id if isinstance(hits, RemoteSearchResult) else ""
