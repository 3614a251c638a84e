"""`MemoryController`: the public verbs on memories, one scope at a time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agentmem.controller.deletion import Deletion
from agentmem.controller.services import Services
from agentmem.controller.timeline import Bounds, Event, Timeline
from agentmem.controller.to_async import to_async
from agentmem.embedding.embedder import Embedder, default_embeddings
from agentmem.facts.views import Fact, ProfileLine, held_at, portrait, shown
from agentmem.feedback.plans import Plan, parse_outcome
from agentmem.feedback.reflection import Learned
from agentmem.maintenance.check import CheckReport
from agentmem.maintenance.consolidation import ConsolidationReport
from agentmem.maintenance.eviction import SweepReport, archive_faded
from agentmem.maintenance.graph_export import export_graph
from agentmem.maintenance.stats import Stats, collect_stats
from agentmem.progress import Progress
from agentmem.rerank.refiner import Refiner, apply_refiners
from agentmem.writing.admission import BeforeWrite
from agentmem.writing.association import Association
from agentmem.writing.messages import Draft, MessageLike, to_drafts
from agentmem.writing.sessions import is_item_session
from agentmem.writing.writer import Clock
from agentmem_retrievers import ForgettingCurve, Query, SearchResult, SearchSettings
from agentmem_stores import (
    Batch,
    ChromaStore,
    Compaction,
    EmptyTextError,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
    WriteHookError,
    require_aware,
)
from agentmem_stores.records import is_unicode

if TYPE_CHECKING:
    import networkx as nx
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

    from agentmem_retrievers import MemoryRetriever

__all__ = ["MemoryController"]


class MemoryController:
    """Writes, associates, fades and finds memories; each call works within one scope.

    Every method that touches memories takes `scope=` and falls back to the controller's own;
    without either it raises `InvalidScopeError`, after `close()` it raises `ClosedError`. Each
    has an async version with the prefix `a`, which runs it in a worker thread.

    Args:
        store: where memories live; closed with the controller.
        scope: whose memories are meant when a call names no other.
        embeddings: any LangChain embeddings; by default MiniLM, offline.
        model: a chat model that writes summaries, keywords and facts; without one they are
            extracted.
        clock: returns the current time, aware; by default the system's.
        curve: the parameters of forgetting.
        association: the parameters of linking.
        settings: what a search does and leaves out.
        refiners: stages after the search, such as a `Reranker`, in this order; none by default.
        rng: the source of new ids.
        linger: seconds after which recalls are written when nothing else is; None for never.
        consolidate_after_session: how many pieces of work `consolidate` does in the background
            when a session has ended; None for none.
        before_write: sees every text before it is stored, as a `Draft`, and returns what is to
            be stored in its place, or None for nothing; see docs/guarantees.md. If it raises,
            nothing is written, and the call raises `WriteHookError`.

    Attributes:
        services: the parts that the verbs work with, for plugins.

    Raises:
        EmbedderMismatchError: the store holds another embedder's vectors.
    """

    def __init__(
        self,
        store: MemoryStore,
        *,
        scope: Scope | None = None,
        embeddings: Embeddings | None = None,
        model: BaseChatModel | None = None,
        clock: Clock | None = None,
        curve: ForgettingCurve | None = None,
        association: Association | None = None,
        settings: SearchSettings | None = None,
        refiners: Sequence[Refiner] = (),
        rng: random.Random | None = None,
        linger: float | None = 2.0,
        consolidate_after_session: int | None = None,
        before_write: BeforeWrite | None = None,
    ) -> None:
        self.services = Services.assemble(
            store,
            scope=scope,
            embeddings=embeddings or default_embeddings(),
            model=model,
            clock=clock,
            curve=curve,
            association=association,
            settings=settings,
            refiners=refiners,
            rng=rng,
            linger=linger,
            consolidate_after_session=consolidate_after_session,
            before_write=before_write,
        )
        self.scope = scope
        self.clock = self.services.clock
        self.curve = self.services.curve

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        scope: Scope | None = None,
        embeddings: Embeddings | None = None,
        model: BaseChatModel | None = None,
        clock: Clock | None = None,
        curve: ForgettingCurve | None = None,
        association: Association | None = None,
        settings: SearchSettings | None = None,
        refiners: Sequence[Refiner] = (),
        rng: random.Random | None = None,
        linger: float | None = 2.0,
        consolidate_after_session: int | None = None,
        before_write: BeforeWrite | None = None,
        repair: bool = False,
    ) -> Self:
        """Open an embedded store, or create one.

        The other options are those of the constructor.

        Args:
            path: the folder of the store.
            repair: open it although index files are damaged, for `check(repair=True)`.

        Raises:
            StoreUnavailableError: the path cannot be read or written.
            StoreLockedError: another process has opened the store.
            StoreFormatError: the folder holds something else, or a newer version's store.
            EmbedderMismatchError: the store holds another embedder's vectors.
        """
        embeddings = embeddings or default_embeddings()
        store = ChromaStore.open(path, Embedder(embeddings).spec, repair=repair)
        try:
            return cls(
                store,
                scope=scope,
                embeddings=embeddings,
                model=model,
                clock=clock,
                curve=curve,
                association=association,
                settings=settings,
                refiners=refiners,
                rng=rng,
                linger=linger,
                consolidate_after_session=consolidate_after_session,
                before_write=before_write,
            )
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """End the sessions opened here, write what is pending, and close the store.

        Background consolidation stops; the next run continues where it stopped. Closing twice does
        nothing.
        """
        self.services.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def embeddings(self) -> Embeddings:
        """The LangChain embeddings that memories and queries are embedded with."""
        return self.services.embedder.embeddings

    def owners(self) -> list[Scope]:
        """Return every scope that was ever written to, sorted by name."""
        self.services.require_open()
        return self.services.store.scopes()

    def flush(self) -> None:
        """Write pending recalls now instead of with the next write."""
        self.services.flush()

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
    ) -> list[Memory]:
        """Remember what was said, in one atomic batch that is durable on return.

        Args:
            messages: a string (said by the user), a LangChain message, a dict with `role` and
                `content` (optionally `speaker`, `timestamp`, `importance`, `metadata`, `id`), or
                a list of these, in order. A message whose `id` the scope holds already is not
                written again.
            session_id: the conversation; another one than the scope's open session ends that
                one. By default the open session, or a new one named after the time.
            timestamp: when it was said, aware; by default now.
            importance: in [0, 1]; makes the first strength greater.
            metadata: anything JSON can hold, kept with every message of the call.

        Returns:
            The turns written.

        Raises:
            EmptyTextError, NaiveDatetimeError, InvalidInputError: nothing was written.
            WriteHookError: `before_write` failed; nothing was written.
            EmbeddingError: the embedder failed; nothing was written.
        """
        owner = self.services.owner(scope)
        if session_id is not None:
            _check_session(session_id)
        said_at = require_aware(timestamp, "timestamp") if timestamp else None
        shared = Draft("", said_at=said_at, importance=importance, metadata=metadata or {})
        drafts = [draft.completed(shared) for draft in to_drafts(messages)]
        new = self.services.writer.without_duplicates(owner, drafts)
        drafts = self.services.admission.drafts([drafts[row] for row in new])
        embedded = self.services.embedder.turns([draft.text for draft in drafts])
        with self.services.lock:
            self.services.reinforcement.flush()
            session = (
                session_id
                or self.services.open_sessions.get(owner)
                or f"session-{self.clock():%Y%m%dT%H%M%S.%fZ}"
            )
            memories = self.services.writer.write_turns(owner, session, drafts, embedded)
            if is_item_session(session) or not memories:
                return memories
            self.services.open_sessions[owner] = session
            for other in self.services.sessions.unfinished(owner):
                if other != session and self.services.sessions.end_or_leave(owner, [other]):
                    self.services.session_ended(owner)
        return memories

    def add_many(
        self,
        sessions: Mapping[str, Sequence[MessageLike]],
        *,
        scope: Scope | None = None,
    ) -> list[Memory]:
        """Remember whole conversations at once, and end them.

        What `add` and `end_session` would do one after another, with one embedding batch and one
        write for all turns and another for all that is derived from them.

        Args:
            sessions: the messages of each conversation, by its id.

        Returns:
            The turns written.

        Raises as `add` does.
        """
        owner = self.services.owner(scope)
        for session_id in sessions:
            _check_session(session_id)
        given = {s: to_drafts(messages) for s, messages in sessions.items() if messages}
        drafts: dict[str, list[Draft]] = {}
        for session_id, session in given.items():
            new = self.services.writer.without_duplicates(owner, session)
            drafts[session_id] = self.services.admission.drafts([session[row] for row in new])
        texts = [draft.text for session in drafts.values() for draft in session]
        embedded = self.services.embedder.turns(texts)
        with self.services.lock:
            self.services.reinforcement.flush()
            memories = self.services.writer.write_sessions(owner, drafts, embedded)
            self.services.sessions.end_or_leave(owner, list(drafts))
            if self.services.open_sessions.get(owner) in drafts:
                del self.services.open_sessions[owner]
        for _ in drafts:
            self.services.session_ended(owner)
        return memories

    def end_session(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> list[Memory]:
        """Write the passages, keywords and summary of a session from all of its turns.

        Ending a session that has not changed since returns what is there.

        Args:
            session_id: by default the session open in the scope.

        Raises:
            MemoryNotFoundError: there is no such session.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            session = session_id or self.services.open_sessions.get(owner)
            if session is None:
                raise MemoryNotFoundError(f"no session of {owner} is open; name one to end it")
            derived = self.services.sessions.end(owner, session)
            if self.services.open_sessions.get(owner) == session:
                del self.services.open_sessions[owner]
        self.services.session_ended(owner)
        return derived

    def update(
        self,
        memory_id: str,
        *,
        text: str,
        timestamp: datetime | None = None,
        scope: Scope | None = None,
    ) -> Memory:
        """Give a memory a new text; the former version stays for `history` and `as_of`.

        Args:
            timestamp: since when the new text holds, aware; by default now.

        Returns:
            The new version, under the same id; the old one where `before_write` keeps the new
            text out.

        Raises:
            WriteHookError: `before_write` failed; nothing was changed.
            MemoryNotFoundError, EmptyTextError, NaiveDatetimeError: nothing was changed.
            InvalidInputError: the id names a former version.
            EmbeddingError: the embedder failed; nothing was changed.
        """
        owner = self.services.owner(scope)
        since = require_aware(timestamp, "timestamp") if timestamp else self.clock()
        if not text.strip():
            raise EmptyTextError("text is empty; use delete() to remove a memory")
        with self.services.lock:
            old = self.get(memory_id, scope=owner)
            if old.version_of is not None:
                raise InvalidInputError(f"{old.id} is a former version; update {old.version_of}")
            new = self.services.admission.memory(replace(old, text=text))
            if new is None:
                return old
            embedded = self.services.embedder.turns([new.text])
            put = self.services.writer.updated(old, new, embedded, since)
            self.services.deletion.replace(owner, [], put)
        return put[0].memory

    def delete(self, memory_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a memory, its former versions, its associations and what it is derived into.

        What was made from it is removed before this returns, and what other turns of its session
        have a share in, such as the summary, is made anew from them. A turn that stands for others
        which say the same, since `consolidate`, takes them with it, and a fact those whose place
        it has taken; a fact that was deleted is not found again in the turn that told it, and the
        turns of a topic that was deleted make none again.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            versions = self.history(memory_id, scope=owner)
            return self.services.deletion.delete(owner, versions)

    def delete_session(self, session_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a conversation, and with it everything that was made from it.

        Raises:
            MemoryNotFoundError: the scope has no such session.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            self.services.reinforcement.flush()
            deletion = self.services.deletion.delete_session(owner, session_id)
            if self.services.open_sessions.get(owner) == session_id:
                del self.services.open_sessions[owner]
            return deletion

    def delete_all(self, *, scope: Scope | None = None) -> int:
        """Delete everything of a scope; return how many records there were."""
        owner = self.services.owner(scope)
        with self.services.lock:
            self.services.reinforcement.flush()
            self.services.open_sessions.pop(owner, None)
            return self.services.deletion.delete_all(owner)

    def reset(self, *, scope: Scope | None = None) -> None:
        """Start a scope anew, as if nobody had ever said anything in it.

        Unlike mem0's verb of this name it never reaches beyond one scope.
        """
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
    ) -> SearchResult:
        """Find the memories that answer a question, best first.

        Args:
            k: how many; fewer come back only where the scope holds fewer.
            granularity: what is ranked: turns, or whole sessions by one of their derived forms.
            as_of: answer as the memory stood then, aware.
            include_archived: also find what has faded; being found makes it active again.
            explain: say for each hit what every part contributed to its score.
            hops: follow threads of this many memories, each found by what the one before it
                adds; a hit's `path` says how it was reached.
            reinforce: let the memories found be strengthened, behind this call. A search
                `as_of` the past strengthens nothing.

        Raises:
            EmptyTextError, NaiveDatetimeError, InvalidInputError: an argument cannot be taken.
            EmbeddingError: the embedder failed.
        """
        owner = self.services.owner(scope)
        if not query.strip():
            raise EmptyTextError("the query is empty; ask for something")
        if k < 1:
            raise InvalidInputError(f"k={k} must be at least 1")
        if granularity is Granularity.CITATION:
            raise InvalidInputError("citations are nothing to be found; see learned()")
        if hops < 1:
            raise InvalidInputError(f"hops={hops} must be at least 1, which follows nothing")
        question = Query(
            text=query,
            embed=self.services.embedder.query,
            words=self.services.embedder.query_tokens,
            now=self.clock(),
            k=max([k, *(refiner.candidates for refiner in self.services.refiners)]),
            granularity=Granularity(granularity),
            as_of=require_aware(as_of, "as_of") if as_of else None,
            include_archived=include_archived,
            explain=explain,
            hops=hops,
        )
        recall = apply_refiners(
            self.services.engine.search(owner, question), self.services.refiners, k
        )
        if reinforce and as_of is None:
            self.services.reinforcement.record(owner, recall)
        return recall

    def get(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Return one memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: `memory_id` is no string.
        """
        owner = self.services.owner(scope)
        if not isinstance(memory_id, str):
            raise InvalidInputError(f"memory_id={memory_id!r} must be a string")
        self.services.flush()
        found = self.services.memories.get(owner, [memory_id])
        if not found:
            raise MemoryNotFoundError(f"{owner} has no memory {memory_id!r}")
        return found[0]

    def get_all(
        self,
        *,
        scope: Scope | None = None,
        limit: int | None = 100,
        granularity: Granularity | None = None,
        session_id: str | None = None,
    ) -> list[Memory]:
        """Return the newest `limit` memories, in the order in which they were said.

        Archived and superseded memories are among them, former versions are not: see `history`.

        Args:
            limit: at least 1; None for all.
            granularity: only this one; by default all but citations.
            session_id: only this session's.
        """
        owner = self.services.owner(scope)
        if limit is not None and limit < 1:
            raise InvalidInputError(f"limit={limit} must be at least 1, or None for all")
        self.services.flush()
        all_kinds = [g for g in Granularity if g is not Granularity.CITATION]
        wanted = [Granularity(granularity)] if granularity else all_kinds
        held = [
            memory
            for g in wanted
            for memory in self.services.memories.scan(owner, g, session_id)
            if memory.version_of is None
        ]
        held.sort(key=lambda m: (m.said_at, m.session_id, m.position, m.id))
        return held if limit is None else held[-limit:]

    def history(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Return every version of a memory, oldest first; the last is the current one.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
        """
        owner = self.services.owner(scope)
        current = self.get(memory_id, scope=owner)
        return self.services.memories.versions(current)

    def topics(
        self, query: str | None = None, *, k: int | None = None, scope: Scope | None = None
    ) -> list[Memory]:
        """Return what has been talked about, as `consolidate` has summed it up.

        Args:
            query: the topics nearest to it come first; by default those with the most turns.
            k: at most so many; by default all of them.
        """
        owner = self.services.owner(scope)
        self.services.flush()
        topics = self.services.store.scan(owner, Granularity.TOPIC)
        held = [m for m in topics if m.state is State.ACTIVE]
        if query is None or not held:
            return sorted(held, key=lambda m: (-len(m.sources), m.id))[:k]
        found = self.search(
            query, k=k or len(held), scope=owner, granularity=Granularity.TOPIC, reinforce=False
        )
        return [hit.memory for hit in found]

    def as_retriever(self, *, k: int = 5, **options: Any) -> MemoryRetriever:
        """Return a LangChain retriever over this controller; `options` are those of `search`."""
        from agentmem_retrievers import MemoryRetriever

        return MemoryRetriever(memory=self, k=k, search_options=options)

    # What memory knows.

    def facts(
        self,
        *,
        subject: str | None = None,
        attribute: str | None = None,
        superseded: bool = False,
        as_of: datetime | None = None,
        scope: Scope | None = None,
    ) -> list[Fact]:
        """Return what is said of people, by subject, attribute and date.

        Facts are found when a session ends. A newer value of an attribute takes the place of the
        older one; values that were said at the same time both stay, and say that they contradict.

        Args:
            subject: only facts about them; `user` for who speaks without a name.
            attribute: only facts of this attribute, such as `home`.
            superseded: also those whose place others have taken.
            as_of: as they stood then, aware.

        Raises:
            NaiveDatetimeError: `as_of` has no time zone.
        """
        owner = self.services.owner(scope)
        moment = require_aware(as_of, "as_of") if as_of else None
        self.services.flush()
        now = moment or self.clock()
        held = [
            memory
            for memory in self.services.store.scan(owner, Granularity.FACT)
            if held_at(memory, moment) or (superseded and _known(memory, moment))
        ]
        facts = shown(held, lambda memory: self.curve.retention_of(memory, now))
        return [
            fact
            for fact in facts
            if subject in (None, fact.subject) and attribute in (None, fact.attribute)
        ]

    def profile(self, *, limit: int | None = None, scope: Scope | None = None) -> list[ProfileLine]:
        """Return a portrait of the user in lines: facts that hold now, and topics.

        It follows them: a newer value replaces a line, and deleting its source removes it. To edit
        a line `update` it by its id, to remove it `delete` it; neither is undone when the turn that
        told it is read again, or when `consolidate` finds topics anew.

        Args:
            limit: only so many lines, those best remembered; by default all.
        """
        if limit is not None and limit < 1:
            raise InvalidInputError(f"limit={limit} must be at least 1, or None for all")
        now = self.clock()
        lines = portrait(
            self.facts(scope=scope),
            self.topics(scope=scope),
            lambda topic: self.curve.retention_of(topic, now),
        )
        kept = sorted(lines, key=lambda line: -line.retention)[:limit]
        return [line for line in lines if line in kept]

    def timeline(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        k: int = 10,
        scope: Scope | None = None,
    ) -> list[Event]:
        """Return what happened, in the order in which it did.

        A turn that speaks of another time than its own, such as "yesterday" or "in May", stands
        where that was. Times that the query names, as in "what happened last week?", bound the
        answer just as `since` and `until` do; "what came first, A or B?" returns one event each.

        Args:
            query: what it is about; by default everything that is not a question.
            since, until: only what happened in between, aware; `until` itself is not in it.
            k: at most so many events, those that the query finds first; without one, the last.

        Raises:
            NaiveDatetimeError, InvalidInputError: an argument cannot be taken.
        """
        owner = self.services.owner(scope)
        if k < 1:
            raise InvalidInputError(f"k={k} must be at least 1")
        bounds = Bounds(
            require_aware(since, "since") if since else None,
            require_aware(until, "until") if until else None,
        )
        self.services.flush()
        return Timeline(
            self.services.memories,
            owner,
            self.clock(),
            lambda text, n: self.search(text, k=n, scope=owner, reinforce=False),
        ).events(query, bounds, k)

    # Feedback.

    def reinforce(
        self, hits: SearchResult, *, shown: Sequence[str] | None = None, scope: Scope | None = None
    ) -> None:
        """Strengthen what a search with `reinforce=False` has found, behind this call.

        Hits of another scope strengthen nothing, not even what has the same ids in this one.

        Args:
            shown: ids of the hits that were made use of; by default all of them.
        """
        owner = self.services.owner(scope)
        own = _own(owner, hits)
        kept = [hit for hit in own if shown is None or hit.memory.id in shown]
        self.services.reinforcement.record(owner, replace(own, hits=tuple(kept)))

    def feedback(
        self,
        hits: SearchResult,
        *,
        cited: Sequence[str],
        shown: Sequence[str] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Say which of the memories found were of use.

        Those are strengthened as by a long rest, and similar questions find them higher up, those
        passed over further down; see `learned`. Hits of another scope change nothing.

        Args:
            cited: ids of hits that an answer made use of.
            shown: ids of the hits that it could make use of; by default all of them.

        Raises:
            MemoryNotFoundError: an id is not among the hits, or cited but not shown; nothing was
                changed.
        """
        owner = self.services.owner(scope)
        found = {hit.memory.id for hit in hits}
        seen = found if shown is None else set(shown)
        strangers = sorted((seen - found) | (set(cited) - seen))
        if strangers:
            raise MemoryNotFoundError(f"{strangers} are not among the hits of {hits.query!r}")
        own = _own(owner, hits)
        with self.services.lock:
            self.services.reinforcement.flush()
            held = self.services.memories.get(owner, sorted(seen & {hit.memory.id for hit in own}))
            self.services.memories.write(
                Batch(owner, patch=[_cited(m, self.curve) for m in held if m.id in cited])
            )
            # Of what was deleted since, nothing is to be learned.
            if len(held) == len(seen):
                self.services.reflection.record(owner, own, cited, seen)

    def learned(self, *, scope: Scope | None = None) -> Learned:
        """Say what use has taught: how many citations are kept, and how far they are believed."""
        owner = self.services.owner(scope)
        return self.services.reflection.learned(owner)

    def reset_learning(self, *, scope: Scope | None = None) -> int:
        """Forget which memories were cited, so that all rank as they did before any feedback.

        Returns:
            How many citations there were.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            return self.services.reflection.reset(owner)

    def add_plan(
        self,
        goal: str,
        steps: Sequence[str],
        outcome: bool | str | None = None,
        *,
        sources: Sequence[str] = (),
        scope: Scope | None = None,
    ) -> Plan:
        """Remember a way of reaching a goal.

        Args:
            outcome: `success` or True, `failure` or False, None while it was not tried. Success
                strengthens the plan, failure weakens it.
            sources: ids of the memories that it was made from. When one of them is deleted or
                updated, the plan goes with it.

        Raises:
            MemoryNotFoundError: the scope does not hold one of the sources.
            EmptyTextError: there is no goal, or a step says nothing.
            InvalidInputError: the outcome is none of these.
            EmbeddingError: the embedder failed; nothing was written.
            WriteHookError: `before_write` failed, or keeps the plan out; nothing was written.
        """
        owner = self.services.owner(scope)
        well = parse_outcome(outcome)
        kept = steps if isinstance(steps, str) else list(steps)
        told = self.services.admission.value({"goal": goal, "steps": kept}, "system", {})
        if told is None:
            raise WriteHookError("before_write keeps this plan out; nothing was written")
        with self.services.lock:
            missing = set(sources) - {
                m.id for m in self.services.memories.get(owner, list(sources))
            }
            if missing:
                raise MemoryNotFoundError(f"{owner} has no memory {min(missing)!r}")
            return self.services.plans.add(owner, told["goal"], told["steps"], well, sources)

    def plan_went(self, plan_id: str, outcome: bool | str, *, scope: Scope | None = None) -> Plan:
        """Say how a plan went, `success` or `failure`.

        Raises:
            MemoryNotFoundError: the scope has no such plan.
            InvalidInputError: the outcome is neither.
        """
        owner = self.services.owner(scope)
        well = parse_outcome(outcome)
        if well is None:
            raise InvalidInputError("outcome=None says nothing; pass 'success' or 'failure'")
        with self.services.lock:
            return self.services.plans.record_outcome(owner, plan_id, well)

    def plans(
        self, goal: str | None = None, *, k: int = 5, scope: Scope | None = None
    ) -> list[Plan]:
        """Return plans for a goal, those that fit and went best first; all without a goal."""
        owner = self.services.owner(scope)
        self.services.flush()
        if not len(self.services.memories.index(owner).tables[Granularity.PLAN]):
            return []
        if goal is None:
            return self.services.plans.all(owner)[:k]
        found = self.search(
            goal, k=max(k, 20), scope=owner, granularity=Granularity.PLAN, reinforce=False
        )
        return self.services.plans.rank(owner, [(hit.memory.id, hit.score) for hit in found])[:k]

    # Maintenance.

    def sweep(self, now: datetime | None = None, *, scope: Scope | None = None) -> SweepReport:
        """Archive what has faded below `curve.archive_below`.

        Nothing is deleted but items of a LangGraph store that are past their time to live.

        Args:
            now: the moment to count retention at, aware; by default the clock's.
        """
        owner = self.services.owner(scope)
        moment = require_aware(now, "now") if now else self.clock()
        with self.services.lock:
            self.services.reinforcement.flush()
            self.services.items.expire(owner)
            return archive_faded(self.services.memories, self.curve, owner, moment)

    def consolidate(
        self,
        *,
        budget: int | None = None,
        keep: int | None = None,
        progress: Progress | None = None,
        scope: Scope | None = None,
    ) -> ConsolidationReport:
        """Put what was said in order, as far as a budget goes.

        The sessions that were left open are ended, but for the one open in this controller; of
        turns that say the same the newest stands for all, with the others as its sources; topics
        and days are summed up in memories of their own (`topics`, `Granularity.DAY`); and of more
        turns than are to be kept, the weak, unused and redundant are archived.

        It may be interrupted anywhere, and the next call goes on. Running it again changes
        nothing. No turn is ever deleted.

        Args:
            budget: how many pieces of work are done at most, each the ending of a session, a
                merge or a summary; by default all there are.
            keep: how many turns stay active at most; by default none is archived.
            progress: hears how far it is.
        """
        owner = self.services.owner(scope)
        for name, value in (("budget", budget), ("keep", keep)):
            if value is not None and value < 0:
                raise InvalidInputError(f"{name}={value} must not be negative")
        return self.services.consolidate(owner, budget=budget, keep=keep, progress=progress)

    def export(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Write a scope to a file of JSON lines; return the number of records.

        Ids, strengths, states, associations and former versions are kept; vectors are not.

        Raises:
            StoreUnavailableError: the file cannot be written.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            self.services.reinforcement.flush()
            return self.services.transfer.export(owner, path)

    def import_(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Read a file that `export` wrote into a scope; return the number of records.

        Records replace those of the same id, so importing twice changes nothing. The whole file
        is checked before anything is written. Where `before_write` changes a text or keeps it out,
        what was made of it is left out, and summaries are made anew.

        Raises:
            StoreUnavailableError: the file cannot be read.
            DataFormatError: a line is not what `export` writes; nothing was imported.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            self.services.reinforcement.flush()
            imported = self.services.transfer.import_(owner, path)
            for session_id in imported.undigested_sessions:
                if self.services.memories.index(owner).members(session_id, Granularity.TURN):
                    self.services.sessions.end(owner, session_id)
        return imported.records

    def stats(self, *, scope: Scope | None = None) -> Stats:
        """Count what a scope holds."""
        owner = self.services.owner(scope)
        self.services.flush()
        return collect_stats(self.services.memories, self.curve, owner, self.clock())

    def graph(self, *, scope: Scope | None = None) -> nx.Graph:
        """Return a scope's association graph.

        Nodes are memory ids, with `granularity`, `text`, `session_id`, `said_at`, `state` and
        `retention`; edges have a `weight` in (0, 1]. A memory related to nothing has no edges.
        """
        owner = self.services.owner(scope)
        self.services.flush()
        return export_graph(self.services.memories, self.curve, owner, self.clock())

    def check(self, *, repair: bool = False, scope: Scope | None = None) -> CheckReport:
        """Look for what must not be; reads everything of the scope, and the store's files.

        Every record is whole, with a finite vector of unit length; links, sources and versions
        lead to memories that exist; the index says what the store does; the files are undamaged.

        Args:
            repair: make anew what is derived: lost vectors from their texts, summaries whose
                sources are gone from what is left, links without those to nothing, the index.
                What people said is never touched.
        """
        owner = self.services.owner(scope)
        with self.services.lock:
            self.services.reinforcement.flush()
            if repair:
                return self.services.repair.run(owner)
            return CheckReport(self.services.check.problems(owner))

    def compact(self) -> Compaction:
        """Rewrite the store's files, so that no byte of anything deleted is left in them.

        Needs room on the disk for a second copy meanwhile, and changes no memory of anybody. Other
        threads may go on searching; what they write waits. See docs/guarantees.md.

        Raises:
            StoreError: the store is on a server, whose files are not ours to rewrite.
        """
        self.services.require_open()
        with self.services.lock:
            self.services.reinforcement.flush()
            return self.services.store.compact()

    aadd = to_async(add)
    aadd_many = to_async(add_many)
    aend_session = to_async(end_session)
    aupdate = to_async(update)
    adelete = to_async(delete)
    adelete_session = to_async(delete_session)
    adelete_all = to_async(delete_all)
    areset = to_async(reset)
    asearch = to_async(search)
    aget = to_async(get)
    aget_all = to_async(get_all)
    ahistory = to_async(history)
    atopics = to_async(topics)
    afacts = to_async(facts)
    aprofile = to_async(profile)
    atimeline = to_async(timeline)
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


def _own(owner: Scope, hits: SearchResult) -> SearchResult:
    """Those hits that are of this scope: others may have the same ids, by an import."""
    return replace(hits, hits=tuple(hit for hit in hits if hit.memory.scope == owner))


def _cited(memory: Memory, curve: ForgettingCurve) -> Memory:
    return replace(memory, strength=curve.strengthened(memory.strength, float("inf")))


def _known(memory: Memory, moment: datetime | None) -> bool:
    return memory.version_of is None and (moment is None or memory.said_at <= moment)


def _check_session(session_id: str) -> None:
    if not (session_id.strip() and is_unicode(session_id)):
        raise InvalidInputError(
            "session_id is empty or holds lone surrogates; name the session, or pass None"
        )
