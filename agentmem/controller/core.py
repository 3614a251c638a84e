"""What every verb of the controller stands on: its parts, its lock, its scope, its end."""

from __future__ import annotations

import logging
import os
import random
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self
from weakref import WeakSet

from agentmem.digest.digest import Digester
from agentmem.embedding.embedder import Embedder, default_embeddings
from agentmem.facts.attributes import Attributes
from agentmem.facts.facts import Facts
from agentmem.facts.finder import FactFinder
from agentmem.facts.kinds import Kinds
from agentmem.facts.statements import is_own
from agentmem.feedback.plans import Plans
from agentmem.feedback.reflection import Reflection
from agentmem.feedback.reinforcement import Reinforcement
from agentmem.items.records import check_item, forget_addresses
from agentmem.maintenance.background import Background
from agentmem.maintenance.check import Check
from agentmem.maintenance.consolidation import Consolidation, ConsolidationReport
from agentmem.maintenance.overview import Maintenance
from agentmem.maintenance.repair import Repair
from agentmem.maintenance.summaries import Summaries
from agentmem.maintenance.transfer import Transfer
from agentmem.progress import Progress, Silent
from agentmem.rerank.refiner import Refiner
from agentmem.writing.admission import Admission, BeforeWrite
from agentmem.writing.association import Association
from agentmem.writing.sessions import Sessions
from agentmem.writing.writer import Clock, Writer
from agentmem_retrievers import ForgettingCurve, SearchEngine, SearchSettings
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    AgentMemError,
    ChromaStore,
    ClosedError,
    InvalidScopeError,
    Memory,
    MemoryStore,
    Scope,
)

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

__all__ = ["Core", "DeletionListener"]


_log = logging.getLogger("agentmem")


def _close(controller: weakref.ref[Core], pending: Reinforcement, process: int) -> None:
    """Close what is still open when the process ends; flush what was collected before."""
    core = controller()
    # What a fork has inherited is not its own.
    if os.getpid() != process:
        return
    try:
        if core is None:
            pending.leave()
        else:
            core.close()
    except AgentMemError as error:
        _log.warning("what was pending at the end of the process could not be written: %s", error)


def _system_clock() -> datetime:
    return datetime.now(UTC)


class DeletionListener(Protocol):
    """Something outside the store that keeps what it was told of memories."""

    def forget(self, scope: Scope, gone: Sequence[Memory] | None) -> None:
        """Let go of what was deleted; None means everything of the scope."""


class Core:
    """Holds the parts that the verbs work with; see `MemoryController`."""

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
        rng: random.Random | None = None,
        linger: float | None = 2.0,
        consolidate_after_session: int | None = None,
        before_write: BeforeWrite | None = None,
        refiners: Sequence[Refiner] = (),
    ) -> None:
        self.scope = scope
        self.clock = clock or _system_clock
        self.curve = curve or ForgettingCurve()
        self._store = store
        self._refiners = tuple(refiners)
        self._embedder = Embedder(embeddings or default_embeddings())
        kinds = Kinds(self._embedder)
        self._memories = IndexedStore(store, self._embedder.documents)
        self._engine = SearchEngine(
            self._memories,
            curve=self.curve,
            settings=settings,
            kinds=kinds.asked,
            own=is_own,
        )
        self._writer = Writer(
            store=store,
            memories=self._memories,
            embedder=self._embedder,
            curve=self.curve,
            association=association or Association(),
            clock=self.clock,
            rng=rng or random.SystemRandom(),
        )
        digester = Digester(model)
        self._lock = store.verb_lock
        finder = FactFinder(self._embedder, Attributes(self._embedder), kinds, model)
        facts = Facts(store, self._memories, finder)
        self._sessions = Sessions(self._writer, digester, facts)
        self._facts = facts
        self._maintenance = Maintenance(store, self._memories, self.curve)
        self._check = Check(store, self._memories)
        self._repair = Repair(store, self._memories, self._embedder, self._sessions, self._check)
        self._admission = Admission(before_write)
        self._transfer = Transfer(
            store, self._memories, self._embedder, self._admission, check=check_item
        )
        self._reinforcement = Reinforcement(
            store, self._memories, self.curve, linger, guard=self._lock
        )
        self._consolidation = Consolidation(
            store=store,
            memories=self._memories,
            curve=self.curve,
            sessions=self._sessions,
            gists=Summaries(
                store, self._memories, self._embedder, digester, self.curve, self.clock, self._lock
            ),
            clock=self.clock,
            lock=self._lock,
        )
        self._reflection = Reflection(
            store,
            self._memories,
            self._engine.weights,
            self.curve,
            self.clock,
            self._writer.new_id,
        )
        self._plans = Plans(store, self._memories, self._embedder, self.curve, self.clock)
        self._background = Background(self._consolidate_behind)
        self._consolidate_after_session = consolidate_after_session
        self._open_sessions: dict[Scope, str] = {}
        self._told: WeakSet[DeletionListener] = WeakSet()
        self._closed = False
        store.deletion_listeners.add(self)
        # Made after the store's own finalizer, so it comes before that when the process ends.
        weakref.finalize(self, _close, weakref.ref(self), self._reinforcement, os.getpid())

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        scope: Scope | None = None,
        embeddings: Embeddings | None = None,
        repair: bool = False,
        **options: Any,
    ) -> Self:
        """Open an embedded store, or create one.

        Args:
            repair: open it although index files are damaged, for `check(repair=True)`.
            options: those of the constructor.

        Raises:
            StoreUnavailableError: the path cannot be read or written.
            StoreLockedError: another process owns it.
            StoreFormatError: what is there is not agentmem's, or newer.
            EmbedderMismatchError: it holds another embedder's vectors.
        """
        embeddings = embeddings or default_embeddings()
        store = ChromaStore.open(path, Embedder(embeddings).spec, repair=repair)
        try:
            return cls(store, scope=scope, embeddings=embeddings, **options)
        except BaseException:
            store.close()
            raise

    @property
    def embeddings(self) -> Embeddings:
        """The LangChain embeddings that memories and queries are embedded with."""
        return self._embedder.embeddings

    def owners(self) -> list[Scope]:
        """Whoever ever wrote to the store, sorted by name; for those who look after all of it."""
        self._require_open()
        return self._store.scopes()

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError("this MemoryController is closed; open another one")

    def _scope(self, scope: Scope | None) -> Scope:
        self._require_open()
        owner = scope or self.scope
        if not isinstance(owner, Scope):
            raise InvalidScopeError(
                f"scope={owner!r} is no Scope; pass scope=Scope(user_id=...) to this call "
                "or to the controller"
            )
        return owner

    def _consolidated(
        self,
        owner: Scope,
        *,
        budget: int | None,
        keep: int | None = None,
        progress: Progress | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> ConsolidationReport:
        self.flush()
        return self._consolidation.run(
            owner,
            current=self._open_sessions.get(owner),
            budget=budget,
            keep=keep,
            progress=progress or Silent(),
            stopped=stopped,
        )

    def _consolidate_behind(self, owner: Scope) -> None:
        self._consolidated(
            owner,
            budget=self._consolidate_after_session,
            stopped=lambda: self._background.closed,
        )

    def _session_ended(self, owner: Scope) -> None:
        if self._consolidate_after_session is not None:
            self._background.ask(owner)

    def tell(self, forgetful: DeletionListener) -> None:
        """Let something that keeps copies of memories know, as long as it lives, what is gone."""
        self._told.add(forgetful)

    def _forgotten(self, scope: Scope, gone: Sequence[Memory] | None = None) -> None:
        """Empty what else may hold something of what was deleted; None means the whole scope."""
        forget_addresses()
        for core in list(self._store.deletion_listeners):
            core._let_go(scope, gone)

    def _let_go(self, scope: Scope, gone: Sequence[Memory] | None) -> None:
        self._embedder.forget()
        self._memories.prune(scope)
        for forgetful in list(self._told):
            forgetful.forget(scope, gone)

    def flush(self) -> None:
        """Write pending recalls now instead of with the next write."""
        with self._lock:
            if not self._closed:
                self._reinforcement.flush()

    def close(self) -> None:
        """End the sessions opened here, write what is pending, and close the store.

        Consolidating in the background stops; what it did not come to is done when it next runs.
        """
        # Without the lock, which the work that is going on may be waiting for.
        self._background.close()
        with self._lock:
            if self._closed:
                return
            try:
                self._reinforcement.flush()
                for scope, session_id in list(self._open_sessions.items()):
                    # What was said in it may have been deleted since.
                    if session_id in self._sessions.unfinished(scope):
                        self._sessions.end(scope, session_id)
                self._memories.save()
            finally:
                self._closed = True
                self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
