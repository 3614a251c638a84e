"""`MemoryController`: the public methods on memories, one scope at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from agentmem import arguments
from agentmem.controller.deletion import Deletion
from agentmem.controller.intake import store_conversations, store_turns
from agentmem.controller.listing import MemoryPage, list_memories
from agentmem.controller.recognition import Recognition, recognize
from agentmem.controller.services import DeletionListener, Services
from agentmem.controller.timeline import Bounds, Event, Timeline
from agentmem.documents.documents import Document
from agentmem.documents.reading import read_document
from agentmem.embedding.embedder import Embedder, EmbeddingBatch, estimate_tokens
from agentmem.embedding.resolve import embeddings_of
from agentmem.embedding.sentence_embeddings import default_embeddings
from agentmem.facts.views import Fact, current_facts, holds_at
from agentmem.feedback.plans import Plan, parse_outcome
from agentmem.feedback.reflection import Learned
from agentmem.feedback.reinforcement import after_recall, relevant
from agentmem.folders import server_address
from agentmem.maintenance.check import CheckReport
from agentmem.maintenance.consolidation import ConsolidationReport
from agentmem.maintenance.eviction import SweepReport, archive_faded
from agentmem.maintenance.graph_export import export_graph
from agentmem.maintenance.stats import Stats, collect_stats
from agentmem.profile import ProfileLine, profile_lines
from agentmem.progress import Progress
from agentmem.provenance import Trust
from agentmem.recall.context import Context
from agentmem.recall.cue import cue, cue_vector, rank_by_likeness
from agentmem.recall.recall import candidates, shown_granularity
from agentmem.rerank.refiner import Refiner, apply_refiners
from agentmem.to_async import to_async
from agentmem.writing.association import Association
from agentmem.writing.identity import RECEIVED, Sending, received_digest
from agentmem.writing.messages import (
    MAX_TEXT,
    BeforeWrite,
    Draft,
    MessageLike,
    as_json,
    has_roles,
    to_drafts,
)
from agentmem.writing.writer import Clock
from agentmem_retrievers import ForgettingCurve, Query, SearchResult, SearchSettings
from agentmem_retrievers.forgetting import IMPORTANCE, PINNED, is_pinned
from agentmem_stores import (
    Batch,
    ChromaStore,
    Compaction,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
    WriteHookError,
)

if TYPE_CHECKING:
    import networkx as nx
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

    from agentmem_retrievers import MemoryRetriever

__all__ = ["MemoryController"]


class MemoryController:
    """Writes, associates, forgets and finds memories; each call works within one scope.

    Every method that touches memories takes `scope=`, by default the controller's own. Without
    either it raises `InvalidScopeError`; after `close()` it raises `ClosedError`. Each has an
    async version with the prefix `a`, which runs it in a worker thread. A controller may be
    shared between threads.

    Args:
        store: where memories live; closed with the controller.
        scope: whose memories are meant when a call names no other.
        embeddings: any LangChain embeddings; by default MiniLM, offline.
        model: a chat model that writes summaries, keywords and facts; without one they are
            extracted from the text.
        clock: returns the current time, aware; by default the system's.
        curve: the parameters of forgetting.
        association: the parameters of linking.
        settings: the settings of the search; `SearchSettings(off=...)` switches off parts of it.
        refiners: stages after the search, such as a `Reranker`, applied in order.
        rng: the source of new ids.
        linger: seconds after which pending recalls are written if nothing else is written before;
            None for never.
        consolidate_after_session: budget of the `consolidate` that runs in the background after a
            session has ended; None for none.
        sweep: archive turns that have faded and say little, when a session ends and when a scope
            is first searched. Searches that are unsure look into the archive by themselves.
        before_write: called with a `Draft` for each text before it is stored; returns the draft
            to store in its place, or None to store nothing. See docs/guarantees.md.

    Attributes:
        services: the parts that the methods work with; for plugins.

    Raises:
        EmbedderMismatchError: the store holds vectors of another embedder.

    Example:
        >>> from agentmem import InMemoryStore, MemoryController, Scope
        >>> with MemoryController(InMemoryStore(), scope=Scope("ada")) as memory:
        ...     _ = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
        ...     memory.search("What is my dog called?", k=1)[0].memory.text
        'I adopted a beagle called Biscuit.'
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
        sweep: bool = True,
        before_write: BeforeWrite | None = None,
    ) -> None:
        self.services = Services.assemble(
            store,
            scope=scope,
            embeddings=default_embeddings() if embeddings is None else embeddings,
            model=model,
            clock=clock,
            curve=curve,
            association=association,
            settings=settings,
            refiners=refiners,
            rng=rng,
            linger=linger,
            consolidate_after_session=consolidate_after_session,
            sweep=sweep,
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
        sweep: bool = True,
        before_write: BeforeWrite | None = None,
        repair: bool = False,
    ) -> Self:
        """Open an embedded Chroma store, or create one; or connect to a Chroma server.

        The other options are those of the constructor.

        Args:
            path: the folder of the store, or the address of a Chroma server, such as
                `http://localhost:8000`.
            repair: open the store even if its index files are damaged, for `check(repair=True)`.

        Raises:
            StoreUnavailableError: the path cannot be read or written.
            StoreLockedError: another process has the store open.
            StoreFormatError: the folder holds something else, or a store of a newer version.
            EmbedderMismatchError: the store holds vectors of another embedder, or `embeddings` is
                None and there is no sentence-transformers model of the name that the store has.

        Example:
            >>> with MemoryController.open("memories", scope=Scope("ada")) as memory:
            ...     len(memory.add("I adopted a beagle called Biscuit."))
            1
        """
        spec = None if embeddings is None else Embedder(embeddings).spec
        path = arguments.path_like("path", path)
        repair = arguments.flag("repair", repair)
        server = server_address(path)
        if server is not None:
            store = ChromaStore.connect(**server, embedder=spec)
        else:
            store = ChromaStore.open(path, spec, repair=repair)
        try:
            return cls(
                store,
                scope=scope,
                embeddings=embeddings or embeddings_of(store.embedder),
                model=model,
                clock=clock,
                curve=curve,
                association=association,
                settings=settings,
                refiners=refiners,
                rng=rng,
                linger=linger,
                consolidate_after_session=consolidate_after_session,
                sweep=sweep,
                before_write=before_write,
            )
        except BaseException:
            # Otherwise the store stays locked until it is garbage-collected.
            store.close()
            raise

    def close(self) -> None:
        """End the sessions opened here, write pending recalls, and close the store.

        Background consolidation stops; its next run continues where it stopped. Closing twice does
        nothing.

        Example:
            >>> memory.close()
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
        """The LangChain embeddings of memories and queries.

        Example:
            >>> vector = memory.embeddings.embed_query("tea")
        """
        return self.services.embedder.embeddings

    def owners(self) -> list[Scope]:
        """Return every scope that was ever written to, sorted by name.

        Example:
            >>> _ = memory.add("I like tea.", scope=Scope("ben"))
            >>> [scope.user_id for scope in memory.owners()]
            ['ben']
        """
        self.services.require_open()
        return self.services.store.scopes()

    def flush(self) -> None:
        """Write pending recalls now instead of with the next write.

        Example:
            >>> memory.flush()
        """
        self.services.flush()

    def add_listener(self, listener: DeletionListener) -> None:
        """Notify an object that caches memories of every deletion; it is referenced weakly.

        Args:
            listener: its method `forget(scope, deleted)` is called with the deleted memories, or
                with None for all memories of the scope.

        Raises:
            InvalidInputError: the listener has no method `forget`.

        Example:
            >>> class Cache:
            ...     def forget(self, scope, deleted):
            ...         print("forget", scope)
            >>> cache = Cache()
            >>> memory.add_listener(cache)
            >>> _ = memory.add("I like tea.")
            >>> _ = memory.delete_all()
            forget ada
        """
        if isinstance(listener, type) or not callable(getattr(listener, "forget", None)):
            raise arguments.refusal("listener", listener, "an object with a method `forget`")
        self.services.add_listener(listener)

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
        """Store messages as turns of a session, in one atomic batch that is durable on return.

        Args:
            messages: a string (said by the user), a LangChain message, a `(role, content)` pair,
                a dict with `role` and `content` (and optionally `speaker`, `timestamp`,
                `importance`, `metadata`, `expires_at`, `id`) in the form of any common chat API, a
                pydantic model of one, or a list of these. A message whose `id` the scope has
                already is skipped, or becomes a new version if its text is another. A list of
                messages with roles may be a history that was stored before; then only what is new
                is stored.
            session_id: the conversation; by default the open session, or a new one named after
                the time. A session other than the open one ends that one.
            timestamp: when the messages were said: aware, a date, or an ISO 8601 string; by default
                now.
            importance: in [0, 1]; raises the initial strength.
            metadata: anything JSON can hold, stored with each message of the call.
            expires_at: when the messages are deleted, with everything derived from them, aware: by
                the first search or sweep after it; by default never.

        Returns:
            The turns written, and the new versions of edited ones.

        Raises:
            EmptyTextError: no message has any text.
            NaiveDatetimeError: a timestamp has no time zone; nothing was written.
            InvalidInputError: another argument is invalid; nothing was written.
            WriteHookError: `before_write` failed; nothing was written.
            EmbeddingError: the embedder failed; nothing was written.

        Example:
            >>> [turn] = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
            >>> turn.role, turn.session_id, turn.position
            ('user', 's1', 0)
            >>> len(memory.add([{"role": "assistant", "content": "Congratulations!"}, "Thanks!"]))
            2
        """
        owner = arguments.owner(self.services, scope)
        session = None if session_id is None else arguments.string("session_id", session_id)
        when = None if timestamp is None else arguments.moment("timestamp", timestamp)
        expiry = None if expires_at is None else arguments.moment("expires_at", expires_at)
        drafts = to_drafts(
            messages, said_at=when, importance=importance, metadata=metadata, expires_at=expiry
        )
        return store_turns(
            self.services,
            owner,
            session,
            drafts,
            sending=Sending(histories=has_roles(messages), timestamp=when),
        ).memories

    def add_turns(
        self,
        drafts: Sequence[Draft],
        *,
        session_id: str | None = None,
        answered: Collection[str] = (),
        scope: Scope | None = None,
    ) -> list[Memory]:
        """Store the messages of an agent loop as turns of a session.

        Unlike `add` it treats each draft as a new message, even if it repeats an earlier one.

        Args:
            drafts: the messages, each with its metadata.
            session_id: the conversation, as for `add`.
            answered: ids of turns that these answer; they are no longer marked as unanswered.

        Returns:
            The turns written, and the new versions of those whose id the scope has already.

        Raises:
            InvalidInputError: `drafts` or `answered` has an element of the wrong type.
            WriteHookError: `before_write` failed; nothing was written.
            EmbeddingError: the embedder failed; nothing was written.

        Example:
            >>> from agentmem import Draft
            >>> [turn] = memory.add_turns([Draft("I like tea.")], session_id="s1")
            >>> turn.position
            0
        """
        owner = arguments.owner(self.services, scope)
        session = None if session_id is None else arguments.string("session_id", session_id)
        drafts = arguments.items("drafts", drafts)
        for draft in drafts:
            arguments.instance("drafts", draft, Draft, "a list of Drafts")
        answered = arguments.strings("answered", answered)
        return store_turns(
            self.services, owner, session, drafts, sending=Sending(), answered=answered
        ).memories

    def open_session(self, *, scope: Scope | None = None) -> str | None:
        """Return the session that a call without `session_id` continues; None if none is open.

        Example:
            >>> _ = memory.add("I like tea.", session_id="s1")
            >>> memory.open_session()
            's1'
        """
        return self.services.open_sessions.get(arguments.owner(self.services, scope))

    def add_many(
        self,
        sessions: Mapping[str, Sequence[MessageLike]],
        *,
        expires_at: datetime | None = None,
        scope: Scope | None = None,
    ) -> list[Memory]:
        """Store whole conversations and end them.

        The result is that of `add` and `end_session` called one after another, with one embedding
        batch and one write for all turns, and another for everything derived from them.

        Args:
            sessions: the messages of each conversation by its session id.
            expires_at: as for `add`, for messages without their own.

        Returns:
            The turns written.

        Raises:
            EmptyTextError, NaiveDatetimeError, InvalidInputError, WriteHookError, EmbeddingError:
                as for `add`; nothing was written.

        Example:
            >>> turns = memory.add_many({"s1": ["I moved to Porto."], "s2": ["I like tea."]})
            >>> [turn.session_id for turn in turns]
            ['s1', 's2']
        """
        owner = arguments.owner(self.services, scope)
        if not isinstance(sessions, Mapping):
            raise InvalidInputError(
                f"sessions must be a dict of messages by session id, not {type(sessions).__name__}"
            )
        expiry = None if expires_at is None else arguments.moment("expires_at", expires_at)
        drafts = {
            arguments.string("session_id", session_id): to_drafts(messages, expires_at=expiry)
            for session_id, messages in sessions.items()
            if not (isinstance(messages, Sequence) and not messages)
        }
        histories = all(has_roles(messages) for messages in sessions.values())
        sending = Sending(histories=histories)
        return store_conversations(self.services, owner, drafts, sending=sending).memories

    def end_session(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> list[Memory]:
        """Derive the passages, keywords, facts and summary of a session from its turns.

        Ending a session that has not changed since returns what was derived before.

        Args:
            session_id: by default the open session of the scope.

        Returns:
            The derived memories.

        Raises:
            MemoryNotFoundError: there is no such session.
            InvalidInputError: the session holds notes or items, not a conversation.
            EmbeddingError: the embedder failed; nothing was written.

        Example:
            >>> _ = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
            >>> derived = memory.end_session("s1")
            >>> [m.text for m in derived if m.granularity is Granularity.SUMMARY]
            ['user: I adopted a beagle called Biscuit.']
        """
        services = self.services
        owner = arguments.owner(services, scope)
        if session_id is not None:
            session_id = arguments.string("session_id", session_id)
        with services.locks.hold(owner):
            session = session_id or services.open_sessions.get(owner)
            if session is None:
                raise MemoryNotFoundError(f"{owner} has no open session; pass session_id=")
            derived = services.sessions.end(owner, session)
            if services.open_sessions.get(owner) == session:
                del services.open_sessions[owner]
        services.after_session_end(owner)
        return derived

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
        """Replace the text of a memory, its importance, or when it expires.

        `history` and `as_of` keep the former text. What was derived from the memory, such as the
        summary of its session, is derived again from a new text.

        Args:
            memory_id: the id of its current version.
            text: the new text.
            timestamp: since when the new text holds, aware; by default now.
            importance: in [0, 1]; the strength becomes what it would be with this importance from
                the start.
            expires_at: when the memory is deleted, with everything derived from it, aware; None
                for never.

        Returns:
            The new version, under the same id; with the old text if `before_write` rejects it.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            EmptyTextError, NaiveDatetimeError: an argument is invalid; nothing was changed.
            InvalidInputError: the id is that of a former version, the text is too long, or nothing
                is to be updated; nothing was changed.
            WriteHookError: `before_write` failed; nothing was changed.
            EmbeddingError: the embedder failed; nothing was changed.

        Example:
            >>> [turn] = memory.add("I live in Lisbon.", session_id="s1")
            >>> memory.update(turn.id, text="I live in Porto.").version
            2
            >>> memory.update(turn.id, importance=1.0).strength > turn.strength
            True
        """
        services = self.services
        owner = arguments.owner(services, scope)
        since = None if timestamp is None else arguments.moment("timestamp", timestamp)
        text = None if text is None else arguments.text("text", text)
        if text is not None and len(text) > MAX_TEXT:
            raise InvalidInputError(
                f"text has {len(text)} characters; a memory has at most {MAX_TEXT}"
            )
        weight = arguments.number("importance", importance, low=0, high=1, optional=True)
        if expires_at is not None and not isinstance(expires_at, EllipsisType):
            expires_at = arguments.moment("expires_at", expires_at)
        if text is None and weight is None and expires_at is ...:
            raise InvalidInputError("pass text=, importance= or expires_at= to update")
        while True:
            # `before_write` and the embedder run without the lock.
            seen = self._updatable(memory_id, owner)
            new = None if text is None else services.admission.memory(replace(seen, text=text))
            embedded = None if new is None else services.embedder.turns([new.text])
            with services.locks.hold(owner):
                memory = self._updatable(memory_id, owner)
                if memory.version != seen.version:
                    continue  # Another call has replaced its text since.
                if new is not None and embedded is not None:
                    # What the hook left alone, such as a pin, may have changed since.
                    kept = new.metadata == seen.metadata
                    metadata = memory.metadata if kept else new.metadata
                    admitted = replace(
                        memory, text=new.text, speaker=new.speaker, metadata=metadata
                    )
                    memory = self._replace_text(memory, admitted, embedded, since)
                return self._reweigh(memory, weight, expires_at)

    def _updatable(self, memory_id: str, owner: Scope) -> Memory:
        memory = self.get(memory_id, scope=owner)
        if memory.version_of is not None:
            raise InvalidInputError(f"{memory.id} is a former version; update {memory.version_of}")
        return memory

    def _replace_text(
        self, old: Memory, new: Memory, embedded: EmbeddingBatch, since: datetime | None
    ) -> Memory:
        """Write a new version of a memory, and return it."""
        services = self.services
        # The clock may have been set back.
        since = since or max(self.clock(), old.said_at)
        if old.granularity is Granularity.TURN:
            metadata = {**new.metadata, RECEIVED: received_digest(old)}
            new = replace(new, metadata=metadata)
        entries = services.writer.new_version(old, new, embedded, since)
        services.deletion.replace(old.scope, [], entries)
        return entries[0].memory

    def _reweigh(
        self, old: Memory, importance: float | None, expires_at: datetime | EllipsisType | None
    ) -> Memory:
        """Change a memory's strength by its importance, and when it expires."""
        memory = old
        if importance is not None:
            former = old.metadata.get(IMPORTANCE, 0.0)
            memory = replace(
                old,
                strength=self.curve.reweighted(old.strength, importance, former),
                metadata={**old.metadata, IMPORTANCE: importance},
            )
        if not isinstance(expires_at, EllipsisType):
            memory = replace(memory, expires_at=expires_at)
        if memory != old:
            self.services.memories.write(Batch(old.scope, patch=[memory]))
        return memory

    def delete(self, memory_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a memory, its former versions, its associations, and what was derived from it.

        Derived memories that other turns have a share in, such as the summary of a session, are
        derived again from those. Deleting a turn deletes the duplicates in the very same words
        that `consolidate` merged into it; duplicates in other words become active again. Deleting a
        fact deletes the values that it superseded, and it is not extracted again from its turn; nor
        is a deleted topic from its turns.

        Args:
            memory_id: the id of its current version.

        Returns:
            The ids of what was deleted and changed.

        Raises:
            MemoryNotFoundError: the scope has no such memory.

        Example:
            >>> [turn] = memory.add("I live in Lisbon.", session_id="s1")
            >>> memory.delete(turn.id).deleted == (turn.id,)
            True
        """
        owner = arguments.owner(self.services, scope)
        with self.services.locks.hold(owner):
            versions = self.history(memory_id, scope=owner)
            return self.services.deletion.delete(owner, versions)

    def unmerge(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Undo a merge: make a turn that `consolidate` merged into another one active again.

        The turn is not merged again.

        Args:
            memory_id: the id of a merged turn, or of the turn that represents several, which
                brings back all of them.

        Returns:
            The turns that are active again.

        Raises:
            MemoryNotFoundError: the scope has no such memory.

        Example:
            >>> for session in ("s1", "s2"):
            ...     _ = memory.add("My blood type is A+.", session_id=session)
            >>> [merged] = memory.consolidate().merged
            >>> [turn.text for turn in memory.unmerge(merged)]
            ['My blood type is A+.']
        """
        owner = arguments.owner(self.services, scope)
        with self.services.locks.hold(owner):
            return self.services.deletion.unmerge(owner, self.get(memory_id, scope=owner))

    def delete_session(self, session_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a conversation and everything that was derived from it.

        Args:
            session_id: the conversation.

        Returns:
            The ids of what was deleted and changed.

        Raises:
            MemoryNotFoundError: the scope has no such session.

        Example:
            >>> _ = memory.add(["I live in Lisbon.", "I like tea."], session_id="s1")
            >>> len(memory.delete_session("s1").deleted)
            2
        """
        owner = arguments.owner(self.services, scope)
        session_id = arguments.string("session_id", session_id)
        with self.services.locks.hold(owner):
            self.services.reinforcement.flush(owner)
            deletion = self.services.deletion.delete_session(owner, session_id)
            if self.services.open_sessions.get(owner) == session_id:
                del self.services.open_sessions[owner]
        return deletion

    def delete_all(self, *, scope: Scope | None = None) -> int:
        """Delete everything of a scope.

        Returns:
            The number of records deleted.

        Example:
            >>> _ = memory.add("I live in Lisbon.")
            >>> memory.delete_all()
            1
        """
        owner = arguments.owner(self.services, scope)
        with self.services.locks.hold(owner):
            self.services.reinforcement.flush(owner)
            self.services.open_sessions.pop(owner, None)
            return self.services.deletion.delete_all(owner)

    def reset(self, *, scope: Scope | None = None) -> None:
        """Delete everything of a scope, and return nothing.

        Unlike mem0's `reset` it never affects another scope.

        Example:
            >>> memory.reset()
        """
        self.delete_all(scope=scope)

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
        """Store a document in chunks, which searches find beside turns.

        Chunks follow the headings, fit the embedder's window, and know where they come from:
        `hit.memory.metadata["document"]` has `title`, `source`, `section`, `page`, `start` and
        `end` (characters of the document's text). Their role is `document`; no facts are extracted
        from them. Adding a document of the same source again replaces what changed.

        Args:
            path_or_text: a Markdown, text, HTML, PDF or DOCX file, or a text, which may have
                headings in Markdown.
            title: by default the document's own, else the name of the file.
            source: names the document; by default the path of the file, else the title.
            metadata: anything JSON can hold, stored with each chunk.
            expires_at: when the document is deleted, aware; by default never.

        Raises:
            EmptyTextError: the text is empty.
            StoreUnavailableError: the file cannot be read.
            DataFormatError: the file is damaged, encrypted, too large or not UTF-8, or has no text:
                a scanned PDF without a text layer.
            InvalidInputError, WriteHookError, EmbeddingError: as for `add`.

        Example:
            >>> document = memory.add_document("# Tea\\n\\nSencha is green tea.", source="tea")
            >>> [hit] = memory.search("Which tea is green?", k=1)
            >>> hit.memory.role, hit.memory.metadata["document"]["section"]
            ('document', 'Tea')
        """
        services = self.services
        owner = arguments.owner(services, scope)
        title = None if title is None else arguments.string("title", title)
        source = None if source is None else arguments.string("source", source)
        expiry = None if expires_at is None else arguments.moment("expires_at", expires_at)
        shared = as_json(arguments.metadata_value("metadata", metadata))
        document, title, source = read_document(path_or_text, title=title, source=source)
        return services.documents.add(
            owner, document, title=title, source=source, metadata=shared, expires_at=expiry
        )

    def documents(self, *, scope: Scope | None = None) -> list[Document]:
        """Return the documents, by title.

        Example:
            >>> _ = memory.add_document("# Tea\\n\\nSencha is green tea.")
            >>> [document.title for document in memory.documents()]
            ['Tea']
        """
        owner = arguments.owner(self.services, scope)
        with self.services.memories.reading(owner):
            return self.services.documents.all(owner)

    def delete_document(self, name: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a document with all its chunks.

        Args:
            name: its id, or its source.

        Raises:
            MemoryNotFoundError: the scope has no such document.

        Example:
            >>> document = memory.add_document("# Tea\\n\\nSencha is green tea.")
            >>> len(memory.delete_document(document.id).deleted)
            1
        """
        owner = arguments.owner(self.services, scope)
        name = arguments.string("name", name)
        with self.services.locks.hold(owner):
            self.services.reinforcement.flush(owner)
            return self.services.documents.delete(owner, name)

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
        """Find the memories that answer a question, best first.

        Args:
            query: the question, or any text.
            k: how many hits; fewer only if the scope has fewer.
            granularity: what is ranked: turns, or sessions by one of their derived memories.
            as_of: search the memory as it was then, aware.
            include_archived: also find archived memories; a hit that is strengthened becomes
                active again. Without it, a search that is unsure looks into the archive by itself
                and marks what it finds there with `hit.archived`; see `reinforce`.
            explain: fill `contributions` of each hit with what each feature adds to its score.
            reinforce: strengthen the hits that are about as good as the best, after the call. A
                search `as_of` the past strengthens nothing.
            hops: length of the chains of memories that are followed, each found with the words of
                those before it (1 = no multi-hop); a hit's `path` is its chain.
            session_id, role, speaker: only memories of this conversation, role or speaker.
            since, until: only memories said within this interval, aware; `until` is exclusive.
            filter: only memories with these metadata, such as `{"project": "x"}` or
                `{"stars": {"$gte": 3}}`; see docs/filters.md.
            min_confidence: return no hits if the search is less confident than this, in [0, 1].

        Raises:
            EmptyTextError: the query is empty.
            NaiveDatetimeError: a time has no time zone.
            InvalidInputError: another argument is invalid.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add(["I adopted a beagle called Biscuit.", "I work as a baker."])
            >>> hits = memory.search("What is my dog called?", k=1)
            >>> hits[0].memory.text, round(hits[0].retention, 2)
            ('I adopted a beagle called Biscuit.', 1.0)
        """
        services = self.services
        owner = arguments.owner(services, scope)
        query = arguments.text("query", query)
        k = arguments.integer("k", k, low=1)
        granularity = arguments.choice("granularity", granularity, Granularity)
        if granularity is Granularity.CITATION:
            raise InvalidInputError("citations are not searchable; use learned()")
        moment = None if as_of is None else owner.localize(arguments.moment("as_of", as_of))
        include_archived = arguments.flag("include_archived", include_archived)
        explain = arguments.flag("explain", explain)
        reinforce = arguments.flag("reinforce", reinforce)
        hops = arguments.integer("hops", hops, low=1)
        min_confidence = arguments.number("min_confidence", min_confidence, low=0, high=1)
        where = arguments.memory_filter(
            session_id=session_id,
            role=role,
            speaker=speaker,
            since=since,
            until=until,
            filter=filter,
        )
        services.before_search(owner, sweep=reinforce)
        result = services.engine.search(
            owner,
            Query(
                text=query,
                embed=services.embedder.query,
                query_tokens=services.embedder.query_tokens,
                embed_words=services.embedder.query_words,
                now=owner.localize(self.clock()),
                k=max([k, *(refiner.candidates for refiner in services.refiners)]),
                granularity=granularity,
                as_of=moment,
                include_archived=include_archived,
                explain=explain,
                hops=hops,
                where=where,
            ),
        )
        if result.confidence < min_confidence:
            result = replace(result, hits=())
        if services.refiners:
            result = apply_refiners(result, services.refiners, k)
        if reinforce and moment is None:
            used = relevant(result, include_archived=include_archived)
            services.reinforcement.record(owner, used)
        return result

    def search_many(
        self, /, queries: Sequence[str], *, scope: Scope | None = None, **options: Any
    ) -> list[SearchResult]:
        """Search for several questions; all of them are embedded in one pass of the model.

        Args:
            queries: the questions.
            options: further arguments of `search`, for all of them.

        Returns:
            One result for each question, in order: what `search` returns for it.

        Raises:
            EmptyTextError: a question is empty; nothing was searched.
            InvalidInputError: another argument is invalid.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add(["I adopted a beagle called Biscuit.", "I work as a baker."])
            >>> results = memory.search_many(["What is my dog called?", "What is my job?"], k=1)
            >>> [hits[0].memory.text for hits in results]
            ['I adopted a beagle called Biscuit.', 'I work as a baker.']
        """
        services = self.services
        owner = arguments.owner(services, scope)
        texts = [arguments.text("queries", query) for query in arguments.items("queries", queries)]
        results: list[SearchResult] = []
        # No more at once than the cache of embedded queries keeps.
        size = max(services.embedder.max_cached_queries // 2, 1)
        for start in range(0, len(texts), size):
            batch = texts[start : start + size]
            services.embedder.cache_queries(services.engine.addressed(owner, batch))
            results += [self.search(text, scope=owner, **options) for text in batch]
        return results

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
        """Spend a token budget on the memories that answer a question.

        Entropy decides how many turns the question is worth, and whether summaries of sessions
        and days give a better answer; see docs/recall.md.

        Args:
            query: the question, or any text; or the last turns of a conversation, in the form of
                `add`, for proactive recall: what resembles them most is shown.
            max_tokens: the most tokens of the text, >= 1. It is a limit, not a target.
            as_of: recall the memory as it was then, aware.
            exclude: ids of memories not to show, such as those that a conversation shows already.
            min_trust: leave out what is trusted less: `Trust.CLIENT` leaves out documents and
                tool output, `Trust.ASSISTANT` also what clients, transcripts and imports
                brought, `Trust.USER` all but the user's own words; see docs/server.md.
            count_tokens: returns the number of tokens of a text; by default an estimate that is
                rather too high.
            explain: fill in the `reason` of each item.
            reinforce: strengthen what is shown, after the call; an archived memory becomes active
                again. A recall `as_of` the past strengthens nothing.
            granularity: show only turns, passages (`SESSION`), summaries, days, topics or
                facts; by default the router decides.
            session_id, role, speaker, since, until, filter: as for `search`. Summaries are shown
                if every turn that they sum up passes.
            min_confidence: show nothing but pinned memories if the search is less confident than
                this, in [0, 1].

        Raises:
            EmptyTextError: the query is empty.
            NaiveDatetimeError: a time has no time zone.
            InvalidInputError: another argument is invalid.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
            >>> context = memory.recall("What is my dog called?", max_tokens=200)
            >>> context.tokens <= 200, context.items[0].form.value
            (True, 'turn')
            >>> context.text.partition(", ")[2]
            'user: "I adopted a beagle called Biscuit."'
        """
        services = self.services
        owner = arguments.owner(services, scope)
        query, lines = self._cue(query)
        max_tokens = arguments.integer("max_tokens", max_tokens, low=1)
        moment = None if as_of is None else arguments.moment("as_of", as_of)
        exclude = frozenset(arguments.strings("exclude", exclude))
        min_trust = arguments.choice("min_trust", min_trust, Trust)
        count_tokens = arguments.function("count_tokens", count_tokens, optional=True)
        explain = arguments.flag("explain", explain)
        reinforce = arguments.flag("reinforce", reinforce)
        granularity = None if granularity is None else shown_granularity(granularity)
        restrictions: dict[str, Any] = {
            "session_id": session_id,
            "role": role,
            "speaker": speaker,
            "since": since,
            "until": until,
            "filter": filter,
        }
        where = arguments.memory_filter(**restrictions)
        services.before_search(owner, sweep=reinforce)
        result = self.search(
            query,
            k=candidates(max_tokens) + len(exclude),
            scope=owner,
            as_of=moment,
            explain=explain,
            reinforce=False,
            min_confidence=min_confidence,
            **restrictions,
        )
        if lines:
            vector = cue_vector(lines, services.embedder)
            with services.memories.reading(owner) as index:
                result = rank_by_likeness(result, index, vector)
        context = services.recaller.recall(
            owner,
            result,
            max_tokens=max_tokens,
            count=count_tokens or estimate_tokens,
            exclude=exclude,
            pinned=self._pinned(owner, moment),
            as_of=moment,
            explain=explain,
            min_trust=min_trust,
            where=where,
            granularity=granularity,
        )
        if reinforce and moment is None:
            self.reinforce(result, shown=list(context.ids.values()), scope=owner)
        return context

    def _cue(self, query: str | Sequence[MessageLike]) -> tuple[str, list[str]]:
        """Return the text to search for, and the turns in it if it is a conversation."""
        if isinstance(query, str | bytes) or not isinstance(query, Sequence):
            return arguments.text("query", query), []
        embedder = self.services.embedder
        lines = cue(to_drafts(query), embedder.max_tokens, embedder.count_tokens)
        return arguments.text("query", "\n".join(lines)), lines

    def _pinned(self, scope: Scope, as_of: datetime | None) -> list[Memory]:
        """Return the pinned memories of a scope, the newest first."""
        memories: list[Memory] = []
        with self.services.memories.reading(scope) as index:
            for granularity, table in index.tables.items():
                rows = np.flatnonzero(table.column("pinned") & table.visible(as_of))
                ids = [table.ids[row] for row in rows]
                if ids:
                    memories += self.services.store.get_memories(scope, granularity, ids)
        return sorted(memories, key=lambda m: (m.said_at, m.id), reverse=True)

    def recognize(self, text: str, *, scope: Scope | None = None) -> Recognition:
        """Return how familiar a text is: stored word for word, in other words, or not at all.

        Archived memories are recognized too, and nothing is strengthened.

        Args:
            text: a sentence or a few, as a turn would have it.

        Raises:
            EmptyTextError: the text is empty.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add("I adopted a beagle called Biscuit.")
            >>> memory.recognize("I adopted a beagle called Biscuit.").kind.value
            'exact'
            >>> memory.recognize("The train to Porto leaves at nine.").kind.value
            'new'
        """
        services = self.services
        owner = arguments.owner(services, scope)
        text = arguments.text("text", text)
        services.before_search(owner, sweep=False)
        return recognize(services.memories, services.embedder, owner, text)

    def get(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Return one memory.

        Args:
            memory_id: the id of a memory, or of a former version.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: `memory_id` is not a string.

        Example:
            >>> _ = memory.add({"content": "I like tea.", "id": "m1"})
            >>> memory.get("m1").text
            'I like tea.'
        """
        owner = arguments.owner(self.services, scope)
        memory_id = arguments.memory_id("memory_id", memory_id)
        self.services.flush(owner)
        memories = self.services.memories.get(owner, [memory_id])
        if not memories:
            raise MemoryNotFoundError(f"{owner} has no memory {memory_id!r}")
        return memories[0]

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
        """Return the newest memories, oldest first.

        Archived and superseded memories are included; for former versions use `history`.

        Args:
            limit: the maximum number, >= 1; None for all.
            offset: how many of the newest to skip, >= 0.
            cursor: `next_cursor` of the page before, for the memories that are older than its
                memories. No memory is missed or returned twice, whatever is written meanwhile.
            granularity: only this granularity; by default all but citations.
            session_id, role, speaker: only memories of this conversation, role or speaker.
            since, until: only memories said within this interval, aware; `until` is exclusive.
            filter: only memories with these metadata, such as `{"project": "x"}` or
                `{"stars": {"$gte": 3}}`; see docs/filters.md.

        Returns:
            A list, whose `next_cursor` is None if there are no older memories.

        Raises:
            NaiveDatetimeError: a time has no time zone.
            InvalidInputError: another argument is invalid.

        Example:
            >>> _ = memory.add(["I live in Lisbon.", "I like tea."])
            >>> page = memory.get_all(granularity=Granularity.TURN, limit=1)
            >>> [m.text for m in page]
            ['I like tea.']
            >>> [m.text for m in memory.get_all(limit=1, cursor=page.next_cursor)]
            ['I live in Lisbon.']
        """
        services = self.services
        owner = arguments.owner(services, scope)
        limit = arguments.integer("limit", limit, low=1, optional=True)
        offset = arguments.integer("offset", offset, low=0)
        if cursor is not None:
            cursor = arguments.string("cursor", cursor)
        where = arguments.memory_filter(
            session_id=session_id,
            role=role,
            speaker=speaker,
            since=since,
            until=until,
            filter=filter,
        )
        granularities: list[Granularity] = list(Granularity)
        granularities.remove(Granularity.CITATION)
        if granularity is not None:
            granularities = [arguments.choice("granularity", granularity, Granularity)]
        services.flush(owner)
        return list_memories(
            services.memories,
            owner,
            granularities,
            where,
            limit=limit,
            offset=offset,
            cursor=cursor,
        )

    def history(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Return every version of a memory, oldest first; the last is the current one.

        Args:
            memory_id: the id of its current version.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: `memory_id` is not a string.

        Example:
            >>> [turn] = memory.add("I live in Lisbon.")
            >>> _ = memory.update(turn.id, text="I live in Porto.")
            >>> [m.text for m in memory.history(turn.id)]
            ['I live in Lisbon.', 'I live in Porto.']
        """
        return self.services.memories.versions(self.get(memory_id, scope=scope))

    def as_retriever(self, *, k: int = 5, **options: Any) -> MemoryRetriever:
        """Return a LangChain retriever that searches this controller.

        Args:
            k: how many documents it returns.
            options: further arguments of `search`.

        Example:
            >>> _ = memory.add("I adopted a beagle called Biscuit.")
            >>> [document] = memory.as_retriever(k=1).invoke("What is my dog called?")
            >>> document.page_content
            'I adopted a beagle called Biscuit.'
        """
        from agentmem_retrievers import MemoryRetriever

        k = arguments.integer("k", k, low=1)
        return MemoryRetriever(memory=self, k=k, search_options=options)

    def related(self, memory_id: str, *, k: int = 5, scope: Scope | None = None) -> list[Memory]:
        """Return the neighbors of a memory in the association graph, the closest first.

        Args:
            memory_id: the id of a current memory.
            k: the maximum number, >= 1.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: `k` is below 1.

        Example:
            >>> _ = memory.add(["My dog Biscuit loves the park.", "I walk my dog in the park."])
            >>> first, second = memory.get_all()
            >>> [neighbor.text for neighbor in memory.related(first.id)]
            ['I walk my dog in the park.']
        """
        services = self.services
        k = arguments.integer("k", k, low=1)
        memory = self.get(memory_id, scope=scope)
        weights = services.memories.index(memory.scope).edges.get(memory.id, {})
        order = sorted(weights, key=lambda i: (-weights[i], i))
        neighbors = {m.id: m for m in services.memories.get(memory.scope, order)}
        current = [neighbors[i] for i in order if i in neighbors]
        return [m for m in current if m.state is not State.SUPERSEDED][:k]

    # Knowledge.

    def topics(
        self, query: str | None = None, *, k: int | None = None, scope: Scope | None = None
    ) -> list[Memory]:
        """Return the active topics, as `consolidate` has found and summarized them.

        Args:
            query: the topics nearest to it come first; by default those with the most turns.
            k: the maximum number, >= 1; by default all.

        Raises:
            InvalidInputError: `k` is below 1.

        Example:
            >>> _ = memory.add("I live in Lisbon.")
            >>> memory.topics()
            []
        """
        owner = arguments.owner(self.services, scope)
        query = None if query is None else arguments.text("query", query)
        k = arguments.integer("k", k, low=1, optional=True)
        self.services.flush(owner)
        topics = [
            topic
            for topic in self.services.store.scan(owner, Granularity.TOPIC)
            if topic.state is State.ACTIVE
        ]
        if query is None or not topics:
            return sorted(topics, key=lambda m: (-len(m.sources), m.id))[:k]
        hits = self.search(
            query, k=k or len(topics), scope=owner, granularity=Granularity.TOPIC, reinforce=False
        )
        return [hit.memory for hit in hits]

    def facts(
        self,
        *,
        subject: str | None = None,
        attribute: str | None = None,
        superseded: bool = False,
        as_of: datetime | None = None,
        scope: Scope | None = None,
    ) -> list[Fact]:
        """Return the facts about people, by subject, attribute and date.

        Facts are extracted when a session ends. A newer value of an attribute supersedes the
        older one; different values of the same time contradict each other and are both returned.

        Args:
            subject: only facts about this person; `user` is a speaker without a name.
            attribute: only facts of this attribute, such as `home`.
            superseded: include superseded facts.
            as_of: the facts that held then, aware.

        Raises:
            NaiveDatetimeError: `as_of` has no time zone.

        Example:
            >>> _ = memory.add("I live in Lisbon.", session_id="s1")
            >>> _ = memory.end_session("s1")
            >>> [(fact.subject, fact.attribute, fact.value) for fact in memory.facts()]
            [('user', 'home', 'Lisbon')]
        """
        owner = arguments.owner(self.services, scope)
        if subject is not None:
            subject = arguments.string("subject", subject)
        if attribute is not None:
            attribute = arguments.string("attribute", attribute)
        superseded = arguments.flag("superseded", superseded)
        moment = None if as_of is None else arguments.moment("as_of", as_of)
        self.services.flush(owner)
        now = moment or self.clock()
        memories = [
            memory
            for memory in self.services.store.scan(owner, Granularity.FACT)
            if holds_at(memory, moment)
            or (superseded and not memory.version_of and (not moment or memory.said_at <= moment))
        ]
        return [
            fact
            for fact in current_facts(memories, lambda memory: self.curve.retention_of(memory, now))
            if subject in (None, fact.subject) and attribute in (None, fact.attribute)
        ]

    def profile(self, *, limit: int | None = None, scope: Scope | None = None) -> list[ProfileLine]:
        """Return a profile of the user in lines: current facts, and topics.

        It changes with them: a newer value replaces a line, and deleting a line's source removes
        it. To edit a line pass its id to `update` or `delete`; ending a session again or
        consolidating does not undo that.

        Args:
            limit: the maximum number of lines, >= 1: pinned lines first, then those best retained;
                by default a page of 40.

        Raises:
            InvalidInputError: `limit` is below 1.

        Example:
            >>> _ = memory.add("I live in Lisbon.", session_id="s1")
            >>> _ = memory.end_session("s1")
            >>> [line.text for line in memory.profile()]
            ['home: Lisbon']
        """
        limit = arguments.integer("limit", limit, low=1, optional=True)
        now = self.clock()
        return profile_lines(
            self.facts(scope=scope),
            self.topics(scope=scope),
            lambda topic: self.curve.retention_of(topic, now),
            limit=limit,
        )

    def timeline(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        k: int = 10,
        scope: Scope | None = None,
    ) -> list[Event]:
        """Return events in the order in which they happened.

        A turn that names another time than its own, such as "yesterday" or "in May", is placed at
        that time. A time that the query names, as in "what happened last week?", restricts the
        result as `since` and `until` do. "What came first, A or B?" returns one event each.

        Args:
            query: what the events are about; by default every turn that is not a question.
            since, until: only events within this interval, aware; `until` is exclusive.
            k: the maximum number, >= 1: those that the query finds first; without a query the
                latest.

        Raises:
            NaiveDatetimeError: `since` or `until` has no time zone.
            InvalidInputError: `k` is below 1.

        Example:
            >>> from datetime import UTC, datetime
            >>> _ = memory.add(
            ...     "I moved to Porto in May 2023.", timestamp=datetime(2023, 7, 1, tzinfo=UTC)
            ... )
            >>> [event] = memory.timeline()
            >>> f"{event.when:%Y-%m-%d} {event.until:%Y-%m-%d}"
            '2023-05-01 2023-06-01'
        """
        owner = arguments.owner(self.services, scope)
        query = None if query is None else arguments.text("query", query)
        k = arguments.integer("k", k, low=1)
        bounds = Bounds(
            None if since is None else arguments.moment("since", since),
            None if until is None else arguments.moment("until", until),
        )
        self.services.flush(owner)
        timeline = Timeline(
            self.services.memories,
            owner,
            owner.localize(self.clock()),
            lambda text, n: self.search(text, k=n, scope=owner, reinforce=False),
        )
        return timeline.events(query, bounds, k)

    # Feedback.

    def pin(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Pin a memory: it never fades, and every `recall` shows it if it fits.

        Args:
            memory_id: the id of a current memory; an archived one becomes active again.

        Returns:
            The pinned memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: the id is that of a former version or a superseded memory.

        Example:
            >>> [turn] = memory.add("I am allergic to peanuts.")
            >>> _ = memory.pin(turn.id)
            >>> memory.recall("What shall I cook?").items[0].form.value
            'pinned'
        """
        return self._set_pinned(memory_id, True, scope)

    def unpin(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Undo `pin`; the memory fades again from now on. An unpinned memory stays as it is.

        Args:
            memory_id: the id of a current memory.

        Returns:
            The memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: the id is that of a former version or a superseded memory.

        Example:
            >>> [turn] = memory.add("I am allergic to peanuts.")
            >>> _ = memory.pin(turn.id)
            >>> memory.unpin(turn.id).metadata
            {}
        """
        return self._set_pinned(memory_id, False, scope)

    def _set_pinned(self, memory_id: str, pinned: bool, scope: Scope | None) -> Memory:
        services = self.services
        owner = arguments.owner(services, scope)
        with services.locks.hold(owner):
            memory = self._current(memory_id, owner)
            if is_pinned(memory) == pinned:
                return memory
            metadata = {key: value for key, value in memory.metadata.items() if key != PINNED}
            if pinned:
                memory = replace(
                    memory,
                    metadata={**metadata, PINNED: True},
                    state=State.ACTIVE,
                    state_changed_at=None,
                )
            else:
                memory = replace(memory, metadata=metadata, last_recalled_at=self.clock())
            services.memories.write(Batch(owner, patch=[memory]))
        return memory

    def archive(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Move a memory to the archive now, as `sweep` does once it has faded.

        A search finds it there if it is unsure or asked to (`include_archived=True`). An archived
        memory stays as it is.

        Args:
            memory_id: the id of a current memory.

        Returns:
            The memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: the memory is superseded or pinned.

        Example:
            >>> [turn] = memory.add("I had toast for breakfast.")
            >>> memory.archive(turn.id).state.value
            'archived'
        """
        services = self.services
        owner = arguments.owner(services, scope)
        with services.locks.hold(owner):
            memory = self._current(memory_id, owner)
            if is_pinned(memory):
                raise InvalidInputError(f"{memory.id} is pinned; unpin it before you archive it")
            if memory.state is State.ARCHIVED:
                return memory
            memory = replace(memory, state=State.ARCHIVED, state_changed_at=self.clock())
            services.memories.write(Batch(owner, patch=[memory]))
        return memory

    def revive(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Bring an archived memory back; this counts as a recall, so it fades from full retention.

        A memory that is not archived stays as it is.

        Args:
            memory_id: the id of a current memory.

        Returns:
            The memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: the memory is superseded.

        Example:
            >>> [turn] = memory.add("I had toast for breakfast.")
            >>> _ = memory.archive(turn.id)
            >>> revived = memory.revive(turn.id)
            >>> revived.state.value, revived.recall_count
            ('active', 1)
        """
        services = self.services
        owner = arguments.owner(services, scope)
        with services.locks.hold(owner):
            memory = self._current(memory_id, owner)
            if memory.state is State.ARCHIVED:
                memory = after_recall(memory, self.curve, self.clock())
                services.memories.write(Batch(owner, patch=[memory]))
        return memory

    def _current(self, memory_id: str, owner: Scope) -> Memory:
        memory = self.get(memory_id, scope=owner)
        if memory.version_of is not None or memory.state is State.SUPERSEDED:
            raise InvalidInputError(f"{memory.id} is superseded; name a current memory")
        return memory

    def reinforce(
        self, hits: SearchResult, *, shown: Sequence[str] | None = None, scope: Scope | None = None
    ) -> None:
        """Strengthen the hits of a search with `reinforce=False`, after the call.

        Hits of another scope are ignored.

        Args:
            hits: the result of the search.
            shown: ids of the hits that were used; by default all.

        Example:
            >>> _ = memory.add("I adopted a beagle called Biscuit.")
            >>> hits = memory.search("What is my dog called?", reinforce=False)
            >>> memory.reinforce(hits)
            >>> memory.get(hits[0].memory.id).recall_count
            1
        """
        owner = arguments.owner(self.services, scope)
        hits = _search_result(hits)
        shown_ids = None if shown is None else set(arguments.strings("shown", shown))
        used = [
            hit
            for hit in hits
            if hit.memory.scope == owner and (shown_ids is None or hit.memory.id in shown_ids)
        ]
        self.services.reinforcement.record(owner, replace(hits, hits=tuple(used)))

    def feedback(
        self,
        hits: SearchResult,
        *,
        cited: Sequence[str],
        shown: Sequence[str] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Report which hits of a search were useful.

        Cited memories are strengthened as by a recall after a long rest. Similar questions rank
        them higher, and the other memories shown lower; see `learned`. Hits of another scope are
        ignored.

        Args:
            hits: the result of the search.
            cited: ids of the hits that an answer used.
            shown: ids of the hits that it could have used; by default all.

        Raises:
            MemoryNotFoundError: an id is not among the hits, or cited but not shown; nothing was
                changed.

        Example:
            >>> _ = memory.add(["I adopted a beagle called Biscuit.", "I work as a baker."])
            >>> hits = memory.search("What is my dog called?")
            >>> memory.feedback(hits, cited=[hits[0].memory.id])
            >>> memory.learned().citations
            1
        """
        services = self.services
        owner = arguments.owner(services, scope)
        hits = _search_result(hits)
        cited = arguments.strings("cited", cited)
        hit_ids = {hit.memory.id for hit in hits}
        shown_ids = hit_ids if shown is None else set(arguments.strings("shown", shown))
        unknown = sorted((shown_ids - hit_ids) | (set(cited) - shown_ids))
        if unknown:
            raise MemoryNotFoundError(f"{unknown} are not among the hits of {hits.query!r}")
        # An import can give two scopes the same ids.
        own = replace(hits, hits=tuple(hit for hit in hits if hit.memory.scope == owner))
        with services.locks.hold(owner):
            services.reinforcement.flush(owner)
            ids = sorted(shown_ids & {hit.memory.id for hit in own})
            memories = services.memories.get(owner, ids)
            patch = [
                replace(m, strength=self.curve.strengthened(m.strength, float("inf")))
                for m in memories
                if m.id in cited
            ]
            services.memories.write(Batch(owner, patch=patch))
            # If one was deleted since, the citation would keep what was learned from it.
            if len(memories) == len(shown_ids):
                services.reflection.record(owner, own, cited, shown_ids)

    def learned(self, *, scope: Scope | None = None) -> Learned:
        """Return how many citations the scope has, and how much they count in a search.

        Example:
            >>> memory.learned().citations
            0
        """
        owner = arguments.owner(self.services, scope)
        return self.services.reflection.learned(owner)

    def reset_learning(self, *, scope: Scope | None = None) -> int:
        """Delete all citations, so that memories rank as before any feedback.

        Returns:
            The number of citations deleted.

        Example:
            >>> memory.reset_learning()
            0
        """
        owner = arguments.owner(self.services, scope)
        with self.services.locks.hold(owner):
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
        """Store a plan: a goal, and the steps towards it.

        Adding the same goal and steps again counts the outcome of the same plan.

        Args:
            goal: what is to be reached.
            steps: what to do, in order.
            outcome: `success` or True strengthens the plan, `failure` or False weakens it; None
                if it was not tried.
            sources: ids of the memories that it was made from. When one of them is deleted or
                updated, the plan is deleted.

        Raises:
            MemoryNotFoundError: the scope has no memory of an id in `sources`.
            EmptyTextError: the goal or a step is empty.
            InvalidInputError: the outcome is none of these.
            EmbeddingError: the embedder failed; nothing was written.
            WriteHookError: `before_write` failed or rejected the plan; nothing was written.

        Example:
            >>> plan = memory.add_plan("bake bread", ["knead", "wait", "bake"], "success")
            >>> plan.succeeded, plan.steps
            (1, ('knead', 'wait', 'bake'))
        """
        services = self.services
        owner = arguments.owner(services, scope)
        succeeded = parse_outcome(outcome)
        goal = arguments.text("goal", goal)
        steps = [arguments.text("steps", step) for step in arguments.items("steps", steps)]
        value = {"goal": goal, "steps": steps}
        sources = arguments.strings("sources", sources)
        admitted = services.admission.value(value, "system", {})
        if admitted is None:
            raise WriteHookError("before_write rejected this plan; nothing was written")
        with services.locks.hold(owner):
            memories = services.memories.get(owner, list(sources))
            missing = set(sources) - {memory.id for memory in memories}
            if missing:
                raise MemoryNotFoundError(f"{owner} has no memory {min(missing)!r}")
            return services.plans.add(
                owner, admitted["goal"], admitted["steps"], succeeded, sources
            )

    def plan_went(self, plan_id: str, outcome: bool | str, *, scope: Scope | None = None) -> Plan:
        """Count an outcome of a plan.

        Args:
            plan_id: the id of the plan.
            outcome: `success` or True strengthens the plan, `failure` or False weakens it.

        Raises:
            MemoryNotFoundError: the scope has no such plan.
            InvalidInputError: the outcome is none of these.

        Example:
            >>> plan = memory.add_plan("bake bread", ["knead", "wait", "bake"])
            >>> memory.plan_went(plan.id, "failure").failed
            1
        """
        owner = arguments.owner(self.services, scope)
        plan_id = arguments.memory_id("plan_id", plan_id)
        succeeded = parse_outcome(outcome)
        if succeeded is None:
            raise InvalidInputError("outcome must be 'success' or 'failure', not None")
        with self.services.locks.hold(owner):
            return self.services.plans.record_outcome(owner, plan_id, succeeded)

    def plans(
        self, goal: str | None = None, *, k: int = 5, scope: Scope | None = None
    ) -> list[Plan]:
        """Return plans, those that fit a goal and succeeded most first.

        Args:
            goal: what is to be reached; by default the plans that succeeded most come first.
            k: the maximum number, >= 1.

        Raises:
            InvalidInputError: `k` is below 1.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add_plan("bake bread", ["knead", "wait", "bake"], "success")
            >>> [plan.goal for plan in memory.plans("make a loaf")]
            ['bake bread']
        """
        services = self.services
        owner = arguments.owner(services, scope)
        goal = None if goal is None else arguments.text("goal", goal)
        k = arguments.integer("k", k, low=1)
        services.flush(owner)
        if not len(services.memories.index(owner).tables[Granularity.PLAN]):
            return []
        if goal is None:
            return services.plans.all(owner)[:k]
        # More than k, because success and failure change the order.
        hits = self.search(
            goal, k=max(k, 20), scope=owner, granularity=Granularity.PLAN, reinforce=False
        )
        return services.plans.rank(owner, [(hit.memory.id, hit.score) for hit in hits])[:k]

    # Maintenance.

    def sweep(self, now: datetime | None = None, *, scope: Scope | None = None) -> SweepReport:
        """Archive the memories whose retention has fallen below `curve.archive_below`.

        Nothing is deleted except memories that have expired by `now`, with what was derived from
        them, and items of a LangGraph store whose time to live has passed.

        Args:
            now: the time at which retention is computed, aware; by default the clock's.

        Raises:
            NaiveDatetimeError: `now` has no time zone.

        Example:
            >>> from datetime import timedelta
            >>> _ = memory.add("I had toast for breakfast.")
            >>> len(memory.sweep(now=memory.clock() + timedelta(days=3650)).archived)
            1
        """
        services = self.services
        owner = arguments.owner(services, scope)
        moment = self.clock() if now is None else arguments.moment("now", now)
        with services.locks.hold(owner):
            services.reinforcement.flush(owner)
            services.items.expire(owner)
            expired = services.expire(owner, moment)
            report = archive_faded(services.memories, self.curve, owner, moment)
        return replace(report, expired=expired.deleted)

    def consolidate(
        self,
        *,
        budget: int | None = None,
        keep: int | None = None,
        progress: Progress | None = None,
        scope: Scope | None = None,
    ) -> ConsolidationReport:
        """Tidy a scope: end sessions, merge duplicates, summarize topics and days.

        All sessions are ended except the one open in this controller. Of turns that say the same,
        the newest stays active, with the others as its sources. Topics and days are summarized in
        memories of their own (`topics()`, `Granularity.DAY`). With `keep`, the weakest and most
        redundant turns are archived. No turn is deleted.

        It may be interrupted at any time; the next call continues. Running it again changes
        nothing.

        Args:
            budget: the maximum number of steps; a step ends a session, merges a group of duplicates
                or writes a summary. By default as many as there are.
            keep: the maximum number of active turns; by default none is archived.
            progress: receives the progress.

        Raises:
            InvalidInputError: `budget` or `keep` is negative.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add("I live in Lisbon.", session_id="s1")
            >>> _ = memory.add("I like tea.", session_id="s2")
            >>> memory.consolidate().finished
            True
        """
        owner = arguments.owner(self.services, scope)
        budget = arguments.integer("budget", budget, low=0, optional=True)
        keep = arguments.integer("keep", keep, low=0, optional=True)
        if progress is not None and not isinstance(progress, Progress):
            raise InvalidInputError(f"progress={progress!r} lacks methods of Progress")
        return self.services.consolidate(owner, budget=budget, keep=keep, progress=progress)

    def export(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Write a scope to a file of JSON lines.

        Ids, strengths, states, associations and former versions are included, vectors are not.

        Args:
            path: the file, which is replaced if it exists.

        Returns:
            The number of records written.

        Raises:
            StoreUnavailableError: the file cannot be written.

        Example:
            >>> _ = memory.add("I live in Lisbon.")
            >>> memory.export("backup.jsonl")
            1
        """
        owner = arguments.owner(self.services, scope)
        path = arguments.path_like("path", path)
        with self.services.locks.hold(owner):
            self.services.reinforcement.flush(owner)
            return self.services.transfer.export(owner, path)

    def import_(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Read a file that `export` wrote into a scope.

        Records replace those of the same id, so importing twice changes nothing. The whole file is
        validated before anything is written. Where `before_write` changes or rejects a text,
        memories derived from it are left out, and summaries are written again.

        Args:
            path: the file.

        Returns:
            The number of records read.

        Raises:
            StoreUnavailableError: the file cannot be read.
            DataFormatError: a line is not what `export` writes; nothing was imported.
            WriteHookError: `before_write` failed; nothing was imported.
            EmbeddingError: the embedder failed.

        Example:
            >>> _ = memory.add("I live in Lisbon.")
            >>> _ = memory.export("backup.jsonl")
            >>> memory.import_("backup.jsonl", scope=Scope("ben"))
            1
        """
        services = self.services
        owner = arguments.owner(services, scope)
        path = arguments.path_like("path", path)
        imported = services.transfer.read(owner, path)
        with services.locks.hold(owner):
            services.reinforcement.flush(owner)
            services.transfer.write(owner, imported)
            index = services.memories.index(owner)
            for session_id in imported.undigested_sessions:
                if index.members(session_id, Granularity.TURN):
                    services.sessions.end(owner, session_id)
        return len(imported.entries)

    def stats(self, *, scope: Scope | None = None) -> Stats:
        """Return how many memories, sessions and associations a scope has.

        Example:
            >>> _ = memory.add(["I live in Lisbon.", "I like tea."], session_id="s1")
            >>> memory.stats().memories
            {'turn': 2}
        """
        owner = arguments.owner(self.services, scope)
        self.services.flush(owner)
        return collect_stats(self.services.memories, self.curve, owner, self.clock())

    def graph(self, *, scope: Scope | None = None) -> nx.Graph:
        """Return the association graph of a scope.

        Nodes are memory ids with the attributes `granularity`, `text`, `session_id`, `said_at`,
        `state` and `retention`. Edges have a `weight` in (0, 1], the cosine similarity.

        Example:
            >>> _ = memory.add(["I have a dog.", "I have a big dog."])
            >>> graph = memory.graph()
            >>> graph.number_of_nodes(), graph.number_of_edges()
            (2, 1)
        """
        owner = arguments.owner(self.services, scope)
        self.services.flush(owner)
        return export_graph(self.services.memories, self.curve, owner, self.clock())

    def check(self, *, repair: bool = False, scope: Scope | None = None) -> CheckReport:
        """Check the integrity of a scope and of the store's files; reads all of them.

        Every record must be readable with a finite vector of unit length; links, sources and
        versions must lead to existing memories; the index must agree with the store; the files
        must be undamaged.

        Args:
            repair: rebuild what is derived: vectors from their texts, summaries from the sources
                that are left, the index; and drop links that lead nowhere. Turns stay as they are.

        Example:
            >>> _ = memory.add("I live in Lisbon.")
            >>> memory.check().ok
            True
        """
        services = self.services
        owner = arguments.owner(services, scope)
        repair = arguments.flag("repair", repair)
        with services.locks.hold(owner):
            services.reinforcement.flush(owner)
            if repair:
                return services.repair.run(owner)
            return CheckReport(services.check.problems(owner))

    def compact(self) -> Compaction:
        """Rewrite the store's files, so that they contain no byte of anything deleted.

        Needs room on the disk for a second copy. Other threads may search meanwhile; their writes
        wait. See docs/guarantees.md.

        Returns:
            The size of the files before and after, in bytes.

        Raises:
            StoreError: the store is on a Chroma server, which owns the files.

        Example:
            >>> memory.compact().after
            0
        """
        self.services.require_open()
        with self.services.locks.hold_all():
            self.services.reinforcement.flush_all()
            return self.services.store.compact()

    aadd = to_async(add)
    aadd_turns = to_async(add_turns)
    aadd_many = to_async(add_many)
    aopen_session = to_async(open_session)
    aend_session = to_async(end_session)
    aadd_document = to_async(add_document)
    adocuments = to_async(documents)
    adelete_document = to_async(delete_document)
    aupdate = to_async(update)
    adelete = to_async(delete)
    aunmerge = to_async(unmerge)
    adelete_session = to_async(delete_session)
    adelete_all = to_async(delete_all)
    areset = to_async(reset)
    asearch = to_async(search)
    asearch_many = to_async(search_many)
    arecognize = to_async(recognize)
    arecall = to_async(recall)
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
    aarchive = to_async(archive)
    arevive = to_async(revive)
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


def _search_result(hits: SearchResult) -> SearchResult:
    if not isinstance(hits, SearchResult):
        raise InvalidInputError(f"hits must be the result of a search, not {type(hits).__name__}")
    return hits
