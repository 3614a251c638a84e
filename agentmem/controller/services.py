"""The components that the methods of a controller work with, assembled in one place.

`MemoryController` checks arguments and delegates; what it delegates to is a field of `Services`.
The LangChain plugin and the items of a LangGraph store use `memory.services` too.
"""

from __future__ import annotations

import logging
import os
import random
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from agentmem import arguments
from agentmem.attributes.model import AttributeModel
from agentmem.attributes.questions import RuleClassifier
from agentmem.controller.deletion import Deleter, Deletion
from agentmem.digest.digest import Digester
from agentmem.documents.documents import Documents
from agentmem.embedding.embedder import Embedder
from agentmem.facts.bookkeeping import Facts
from agentmem.facts.extractor import RuleExtractor
from agentmem.facts.model_extractor import FallbackExtractor
from agentmem.feedback.plans import Plans
from agentmem.feedback.reflection import Reflection
from agentmem.feedback.reinforcement import Reinforcement
from agentmem.items.items import Items
from agentmem.items.records import check_item, clear_address_caches
from agentmem.maintenance.background import BackgroundWorker
from agentmem.maintenance.check import Check
from agentmem.maintenance.consolidation import Consolidation, ConsolidationReport
from agentmem.maintenance.eviction import SWEEP_LIMIT, archive_faded
from agentmem.maintenance.repair import Repair
from agentmem.maintenance.summaries import Summaries
from agentmem.maintenance.transfer import Transfer
from agentmem.progress import NullProgress, Progress
from agentmem.recall.recall import Recaller
from agentmem.rerank.refiner import Refiner
from agentmem.writing.association import Association
from agentmem.writing.identity import Identity
from agentmem.writing.messages import Admission, BeforeWrite
from agentmem.writing.sessions import Sessions
from agentmem.writing.writer import Clock, Writer
from agentmem_retrievers import ForgettingCurve, SearchEngine, SearchSettings
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    ClosedError,
    InvalidScopeError,
    Memory,
    MemoryStore,
    Scope,
    StoreError,
)
from agentmem_stores.locks import ScopeLocks

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

__all__ = ["DeletionListener", "Services"]

_log = logging.getLogger("agentmem")


class DeletionListener(Protocol):
    """An object that caches memories outside the store, and drops them when they are deleted."""

    def forget(self, scope: Scope, deleted: Sequence[Memory] | None, /) -> None:
        """Drop the copies of deleted memories; None means all memories of the scope."""


@dataclass(eq=False)
class Services:
    """The components of one controller, and the state that its methods share.

    Everything that changes memories holds the lock of their scope, and writes through `memories`,
    never through `store`, so that the derived index stays in step. Owners do not wait for each
    other.

    Attributes:
        scope: whose memories are meant when a call names no other.
        clock: returns the current time, aware.
        locks: reentrant; hold that of a scope from the first read to the last write of a change.
        store: the records themselves.
        memories: the store with its derived index, written through.
        engine: ranks memories for a query.
        recaller: spends a token budget on what the engine finds.
        open_sessions: the session of each scope that `add` continues by default.
        listeners: the listeners that `add_listener` added and that still exist.
        consolidate_after_session: budget of the consolidation that runs in the background after a
            session has ended; None for none.
        sweep: whether to archive what has faded when a scope is first used and when a session ends.
        swept_scopes: scopes that this controller has searched, and swept before the first search.
        refiners: stages after the search, in order.
    """

    scope: Scope | None
    clock: Clock
    curve: ForgettingCurve
    locks: ScopeLocks
    store: MemoryStore
    memories: IndexedStore
    engine: SearchEngine
    recaller: Recaller
    embedder: Embedder
    admission: Admission
    identity: Identity
    writer: Writer
    sessions: Sessions
    facts: Facts
    deletion: Deleter
    items: Items
    reinforcement: Reinforcement
    reflection: Reflection
    plans: Plans
    consolidation: Consolidation
    check: Check
    repair: Repair
    transfer: Transfer
    refiners: tuple[Refiner, ...] = ()
    consolidate_after_session: int | None = None
    sweep: bool = True
    swept_scopes: set[Scope] = field(default_factory=set)
    open_sessions: dict[Scope, str] = field(default_factory=dict)
    closed: bool = False

    def __post_init__(self) -> None:
        self.background = BackgroundWorker(self._consolidate_in_background)
        self.listeners: WeakSet[DeletionListener] = WeakSet()
        self.documents = Documents(self)
        self.store.deletion_listeners.add(self)
        # Registered after the store's own finalizer, so it runs before that one at exit.
        weakref.finalize(self, _close_at_exit, weakref.ref(self), self.reinforcement, os.getpid())

    @classmethod
    def assemble(
        cls,
        store: MemoryStore,
        *,
        scope: Scope | None,
        embeddings: Embeddings,
        model: BaseChatModel | None,
        clock: Clock | None,
        curve: ForgettingCurve | None,
        association: Association | None,
        settings: SearchSettings | None,
        refiners: Sequence[Refiner],
        rng: random.Random | None,
        linger: float | None,
        consolidate_after_session: int | None,
        sweep: bool,
        before_write: BeforeWrite | None,
    ) -> Services:
        """Build every part from the options of `MemoryController`."""
        _check_parts(scope, embeddings, model, curve, association, settings, rng)
        if not isinstance(store, MemoryStore):
            raise arguments.refusal("store", store, "a MemoryStore, such as ChromaStore")
        refiners = arguments.items("refiners", refiners)
        for refiner in refiners:
            arguments.function("refiners", refiner)
        linger = arguments.number("linger", linger, low=0, high=TIMEOUT_MAX, optional=True)
        consolidate_after_session = arguments.integer(
            "consolidate_after_session", consolidate_after_session, low=0, optional=True
        )
        sweep = arguments.flag("sweep", sweep)
        before_write = arguments.function("before_write", before_write, optional=True)
        clock = arguments.function("clock", clock, optional=True)
        clock = clock or partial(datetime.now, UTC)
        curve = curve or ForgettingCurve()
        locks = store.change_locks
        embedder = Embedder(embeddings)
        memories = IndexedStore(store, embedder.words)
        engine = SearchEngine(
            memories,
            curve=curve,
            settings=settings,
            classifier=RuleClassifier(),
            attribute_model=AttributeModel(embedder),
        )
        digester = Digester(model)
        extractor = RuleExtractor() if model is None else FallbackExtractor(model)
        facts = Facts(store, memories, extractor, embedder)
        writer = Writer(
            store=store,
            memories=memories,
            embedder=embedder,
            curve=curve,
            association=association or Association(),
            clock=clock,
            rng=rng or random.SystemRandom(),
        )
        sessions = Sessions(store, memories, embedder, writer, digester, facts, clock)
        admission = Admission(before_write)
        reinforcement = Reinforcement(store, memories, curve, linger, locks)
        deletion = Deleter(store, memories, sessions, facts, partial(_notify_controllers, store))
        summaries = Summaries(store, memories, embedder, digester, curve, clock, locks)
        check = Check(store, memories)
        return cls(
            scope=scope,
            clock=clock,
            curve=curve,
            locks=locks,
            store=store,
            memories=memories,
            engine=engine,
            recaller=Recaller(memories, engine.settings),
            embedder=embedder,
            admission=admission,
            identity=Identity(memories),
            writer=writer,
            sessions=sessions,
            facts=facts,
            deletion=deletion,
            items=Items(store, memories, embedder, writer, reinforcement, deletion, clock, locks),
            reinforcement=reinforcement,
            reflection=Reflection(store, memories, engine.weights, curve, clock, writer.new_id),
            plans=Plans(store, memories, embedder, curve, clock),
            consolidation=Consolidation(
                store=store,
                memories=memories,
                sessions=sessions,
                summaries=summaries,
                clock=clock,
                locks=locks,
            ),
            check=check,
            repair=Repair(store, memories, embedder, sessions, check),
            transfer=Transfer(store, memories, embedder, admission, check=check_item),
            refiners=tuple(refiners),
            consolidate_after_session=consolidate_after_session,
            sweep=sweep,
        )

    def require_open(self) -> None:
        """Raise `ClosedError` after `close`."""
        if self.closed:
            raise ClosedError("this MemoryController is closed; open another one")

    def flush(self, scope: Scope | None = None) -> None:
        """Write pending recalls now: of one scope, or of all of them."""
        for each in self.reinforcement.pending_scopes() if scope is None else [scope]:
            with self.locks.hold(each):
                if not self.closed:
                    self.reinforcement.flush(each)

    def consolidate(
        self,
        scope: Scope,
        *,
        budget: int | None,
        keep: int | None = None,
        progress: Progress | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> ConsolidationReport:
        """Consolidate a scope; its open session stays open."""
        self.flush(scope)
        return self.consolidation.run(
            scope,
            current=self.open_sessions.get(scope),
            budget=budget,
            keep=keep,
            progress=progress or NullProgress(),
            stopped=stopped,
        )

    def _consolidate_in_background(self, scope: Scope) -> None:
        self.consolidate(
            scope,
            budget=self.consolidate_after_session,
            stopped=lambda: self.background.closed,
        )

    def before_search(self, scope: Scope, *, sweep: bool) -> None:
        """Delete what has expired; archive what has faded if the scope was not used before."""
        now = self.clock()
        # Looked up in the index: only a deletion takes the lock of changes.
        with self.memories.reading(scope) as index:
            has_expired = index.earliest_expiry <= now.timestamp() and index.has_expired(now)
        if has_expired:
            self.expire(scope, now)
        if sweep and scope not in self.swept_scopes:
            self.swept_scopes.add(scope)
            self.sweep_faded(scope)

    def expire(self, scope: Scope, now: datetime) -> Deletion:
        """Delete the memories that have expired by `now`."""
        with self.locks.hold(scope):
            self.reinforcement.flush(scope)
            return self.deletion.expire(scope, now)

    def sweep_faded(self, scope: Scope) -> None:
        """Archive faded turns; a failure is only logged, as the caller did not ask for it."""
        if not self.sweep:
            return
        try:
            with self.locks.hold(scope):
                self.reinforcement.flush(scope)
                archive_faded(self.memories, self.curve, scope, self.clock(), SWEEP_LIMIT)
        except StoreError as error:
            _log.warning("faded memories of %s could not be archived: %s", scope, error)

    def after_session_end(self, scope: Scope) -> None:
        """Archive what has faded, and consolidate in the background, if the options say so."""
        self.sweep_faded(scope)
        if self.consolidate_after_session is not None:
            self.background.submit(scope)

    def add_listener(self, listener: DeletionListener) -> None:
        """Notify an object that caches memories of deletions; it is referenced weakly."""
        self.listeners.add(listener)

    def forget(self, scope: Scope, deleted: Sequence[Memory] | None) -> None:
        """Clear the caches that may contain deleted memories; None means all of the scope."""
        # Cached queries and words may quote what was deleted.
        self.embedder.clear_cache()
        self.memories.prune(scope)
        for listener in list(self.listeners):
            listener.forget(scope, deleted)

    def close(self) -> None:
        """End open sessions, write what is pending, and close the store."""
        # Not under a lock: the background work that is to stop may be waiting for it.
        self.background.close()
        with self.locks.hold_all():
            if self.closed:
                return
            try:
                self.reinforcement.flush_all()
                for scope, session_id in list(self.open_sessions.items()):
                    # Its turns may have been deleted since.
                    if session_id in self.sessions.unfinished(scope):
                        self.sessions.end(scope, session_id)
                self.memories.save()
            finally:
                self.closed = True
                self.store.close()


def _check_parts(
    scope: Any,
    embeddings: Any,
    model: Any,
    curve: Any,
    association: Any,
    settings: Any,
    rng: Any,
) -> None:
    """Raise an error for an option of the wrong type."""
    if scope is not None and not isinstance(scope, Scope):
        raise InvalidScopeError(f"scope={scope!r} must be a Scope or None")
    if not hasattr(embeddings, "embed_documents"):
        raise arguments.refusal("embeddings", embeddings, "LangChain embeddings or None")
    if model is not None and not hasattr(model, "invoke"):
        raise arguments.refusal("model", model, "a LangChain chat model or None")
    for name, value, kind in (
        ("curve", curve, ForgettingCurve),
        ("association", association, Association),
        ("settings", settings, SearchSettings),
        ("rng", rng, random.Random),
    ):
        accepted = f"an instance of {kind.__module__.partition('.')[0]}.{kind.__name__} or None"
        arguments.instance(name, value, kind, accepted, optional=True)


def _notify_controllers(store: MemoryStore, scope: Scope, deleted: Sequence[Memory] | None) -> None:
    """Let every controller of a store clear its caches; several may share one store."""
    clear_address_caches()
    for services in list(store.deletion_listeners):
        services.forget(scope, deleted)


def _close_at_exit(
    reference: weakref.ref[Services], reinforcement: Reinforcement, process: int
) -> None:
    """Close what is still open at exit; where it was collected before, write pending recalls."""
    # A forked process does not own the store that it inherits.
    if os.getpid() != process:
        return
    services = reference()
    try:
        if services is None:
            reinforcement.flush_on_collection()
        else:
            services.close()
    except Exception as error:
        # At exit, libraries that are not loaded yet may refuse to be, so that a session cannot be
        # summarized. The next `add` does what is left.
        _log.warning("an open session could not be ended at exit: %s", error)
