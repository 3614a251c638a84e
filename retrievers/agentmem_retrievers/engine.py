"""The search: channels, router, two rounds of ranking, and the best k."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from agentmem_retrievers.blas import SINGLE_THREADED_BLAS
from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.forgetting import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Table
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.ranking.candidates import Candidates, CandidateSources
from agentmem_retrievers.ranking.confidence import confidence
from agentmem_retrievers.ranking.latest_value import LatestValue
from agentmem_retrievers.ranking.scoring import Ranking, SearchSettings, Weights
from agentmem_retrievers.ranking.turns import TurnRanking, rank_sessions
from agentmem_retrievers.ranking.visibility import VisibilityMask
from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_retrievers.routing import Routing
from agentmem_retrievers.text.question import Question
from agentmem_retrievers.text.time_windows import Window, anchor_in, windows_in
from agentmem_stores import Granularity, Memory, Scope, Vectors

__all__ = ["Query", "SearchEngine"]

Paths = Mapping[int, tuple[int, ...]]


def _told_none(text: str) -> Sequence[QueryToken]:
    return ()


@dataclass(frozen=True, eq=False)
class Query:
    """A question put to one scope.

    Attributes:
        embed: returns the embedding of a text to search with, float32 of shape (dimension,) and
            unit length.
        words: returns a text's words as the embedder reads them, if it tells.
        now: the moment from which retention is counted, UTC.
        as_of: answer as the memory stood then; None for as it stands.
        hops: how many memories long the threads are that are followed; 1 for none.
    """

    text: str
    embed: Callable[[str], Vectors]
    now: datetime
    k: int = 5
    granularity: Granularity = Granularity.TURN
    as_of: datetime | None = None
    include_archived: bool = False
    explain: bool = False
    hops: int = 1
    words: Callable[[str], Sequence[QueryToken]] = _told_none

    @property
    def moment(self) -> datetime:
        """When the question is asked, as far as memory is concerned."""
        return self.as_of or self.now


class SearchEngine:
    """Finds memories in a store, by the indexes that are derived from it."""

    def __init__(
        self,
        memories: IndexedStore,
        *,
        curve: ForgettingCurve | None = None,
        settings: SearchSettings | None = None,
        weights: Weights | None = None,
        kinds: Callable[[Vectors], Mapping[str, float]] = lambda vector: {},
        own: Callable[[str], bool] = lambda text: True,
    ) -> None:
        """Prepare.

        Args:
            kinds: says what of people, by the names that facts give it, a question with this
                embedding may ask for, and how likely.
            own: says whether a text may be about whoever says it.
        """
        self.memories = memories
        self._store = memories.store
        self._latest_value = LatestValue(memories.store, kinds, own)
        self._curve = curve or ForgettingCurve()
        self._settings = settings or SearchSettings()
        self.weights = weights or Weights.shipped()

    def search(self, scope: Scope, query: Query) -> SearchResult:
        """Rank a scope's memories; see `Recall`."""
        with self.memories.lock, SINGLE_THREADED_BLAS:
            ranking = self.ranking(scope, query)
            turns = ranking.run()
            paths: Paths = {}
            if not query.granularity.of_session:
                ranked = self._alone(ranking.index, scope, query)
            elif query.granularity is not Granularity.TURN:
                ranked = rank_sessions(ranking, turns, query.granularity)
            elif query.hops > 1:
                ranked, paths = ranking.followed(turns, query.hops)
            else:
                ranked = self._latest_value.first(scope, ranking, turns)
            return SearchResult(
                query=query.text,
                hits=self._hits(ranking.index, scope, query, ranked, paths),
                load_routing=self._routed(scope, query, ranking),
                confidence=confidence(ranking, turns),
                asked_at=query.moment,
                **_learnable(query, ranking),
            )

    def _routed(self, scope: Scope, query: Query, ranking: TurnRanking) -> Callable[[], Routing]:
        if query.explain:
            routing = ranking.channels.routing
            return lambda: routing
        # Asked anew, so that a result which is kept does not keep an index that is not.
        return partial(self._routing, scope, query)

    def _routing(self, scope: Scope, query: Query) -> Routing:
        with self.memories.lock:
            return self.ranking(scope, query).channels.routing

    def ranking(self, scope: Scope, query: Query) -> TurnRanking:
        """Ask the channels, and return what ranks their candidates."""
        index = self.memories.index(scope)
        turns = index.tables[Granularity.TURN]
        question = Question(query.text, turns.speaker_terms(), self._windows(scope, query))
        vector = query.embed(question.addressed)
        shown = {
            g: VisibilityMask(table, query.as_of, query.include_archived, query.moment)
            for g, table in index.tables.items()
        }
        channels = self._channels(scope, index, vector, shown)
        # The words are compared while the nearest turns are looked for.
        channels.begin(Granularity.TURN)
        words = query.words(question.addressed) if turns.tells_words and self._uses("late") else ()
        return TurnRanking(
            index=index,
            question=question,
            vector=vector,
            similar_terms=self._kin(turns, question),
            query_tokens=words,
            channels=channels,
            shown=shown,
            now=query.moment,
            settings=self._settings,
            weights=self.weights.when(words=bool(words)),
            learning=index.learning,
            at_least=query.k,
        )

    def _channels(
        self,
        scope: Scope,
        index: ScopeIndex,
        vector: Vectors,
        shown: Mapping[Granularity, VisibilityMask],
    ) -> CandidateSources:
        asked = [
            g
            for g, table in index.tables.items()
            if len(table) and g.of_session and g.value not in self._settings.off
        ]
        wanted = self._settings.candidates

        def ask(g: Granularity) -> Callable[[], Candidates]:
            return Candidates.asked(
                self._store, scope, g, index.tables[g], vector, wanted, shown[g]
            )

        return CandidateSources(asked, ask, fixed="router" in self._settings.off)

    def _uses(self, part: str) -> bool:
        return part not in self._settings.off

    def _windows(self, scope: Scope, query: Query) -> tuple[Window, ...]:
        """The times that a query asks about; one told by an event is looked up in memory."""
        if "windows" in self._settings.off:
            return ()
        anchor = anchor_in(query.text, query.moment)
        if anchor is None or "time" in self._settings.off:
            return windows_in(query.text, query.moment)
        event = replace(query, text=anchor.clause, k=1, granularity=Granularity.TURN, hops=1)
        table = self.memories.index(scope).tables[Granularity.TURN]
        for hit in self.search(scope, event):
            about = table.about(table.row_of[hit.memory.id]) or (hit.memory.said_at,) * 2
            return (anchor.window(*about, query.moment),)
        return ()

    def _alone(self, index: ScopeIndex, scope: Scope, query: Query) -> Ranking:
        """Rank memories that belong to no session, by how near they are to the question."""
        table = index.tables[query.granularity]
        shown = VisibilityMask(table, query.as_of, query.include_archived)
        wanted = max(query.k, self._settings.candidates)
        vector = query.embed(query.text)
        near = Candidates.asked(
            self._store, scope, query.granularity, table, vector, wanted, shown
        )()
        return Ranking(near.rows, near.similarities, {"similar": near.similarities})

    def _kin(self, turns: Table, question: Question) -> Mapping[str, Sequence[SimilarTerm]]:
        if self.memories.embed is None or "soft" in self._settings.off:
            return dict.fromkeys(question.rest, ())
        return turns.vocabulary.similar_terms(
            question.content, self.memories.embed, turns.words.holding
        )

    def _hits(
        self, index: ScopeIndex, scope: Scope, query: Query, ranked: Ranking, paths: Paths
    ) -> tuple[RecalledMemory, ...]:
        # The index that was ranked: one that has followed others since has other rows.
        table = index.tables[query.granularity]
        rows = ranked.rows[: query.k]
        found = self._store.get_memories(scope, query.granularity, [table.ids[row] for row in rows])
        hits = []
        for place, memory in enumerate(found):
            parts = ranked.explained(place)
            hit = RecalledMemory(
                memory=memory,
                score=float(ranked.scores[place]),
                retention=self._curve.retention_of(memory, query.moment),
                contributions=parts if query.explain else {},
                learned=parts.get("learned", 0.0),
                path=tuple(table.ids[row] for row in paths.get(int(rows[place]), ())),
                load_context=partial(self._context, scope, memory),
            )
            hits.append(hit)
        return tuple(hits)

    def _context(self, scope: Scope, memory: Memory) -> tuple[Memory, ...]:
        ids = self.memories.index(scope).members(memory.session_id, Granularity.TURN)
        return tuple(self._store.get_memories(scope, Granularity.TURN, ids))


def _learnable(query: Query, ranking: TurnRanking) -> dict[str, Vectors]:
    """What former citations of such hits can be found by; see `Recall.asked`."""
    plain = query.granularity is Granularity.TURN and query.hops == 1
    return {"asked": ranking.asked} if plain else {}
