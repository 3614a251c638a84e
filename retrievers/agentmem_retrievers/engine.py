"""The search engine: from a query to ranked memories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.forgetting import ForgettingCurve
from agentmem_retrievers.index.indexed_store import SINGLE_THREADED_BLAS, IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Table, VisibilityMask
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.ranking.candidates import (
    CandidateSources,
    nearest_stored,
    visible_candidates,
)
from agentmem_retrievers.ranking.documents import smooth_documents
from agentmem_retrievers.ranking.duplicates import collapse_duplicates
from agentmem_retrievers.ranking.latest_value import (
    AttributeClassifier,
    AttributeModel,
    LatestValue,
    NoAttributes,
)
from agentmem_retrievers.ranking.multi_hop import follow_links
from agentmem_retrievers.ranking.pipeline import SHORTLIST, TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking, Weights
from agentmem_retrievers.ranking.sessions import rank_sessions
from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_retrievers.routing import Routing
from agentmem_retrievers.settings import SearchSettings
from agentmem_retrievers.text.dates import TIME_WORDS, TimeSpan, find_anchor, find_windows
from agentmem_retrievers.text.question import Question
from agentmem_stores import Granularity, Memory, Scope, Vectors
from agentmem_stores.filters import NO_FILTER, MemoryFilter

__all__ = ["Query", "SearchEngine"]

Paths = Mapping[int, tuple[int, ...]]


def _no_tokens(text: str) -> Sequence[QueryToken]:
    return ()


@dataclass(frozen=True, eq=False)
class Query:
    """A query to one scope.

    Attributes:
        text: the question.
        embed: returns the embedding of a query text, float32 of shape (dimension,), unit length.
        now: the time from which retention is counted, UTC.
        k: how many memories to return.
        granularity: what to return: turns, or one memory for each session.
        as_of: search the memory as it stood then; None for now.
        include_archived: also find archived memories.
        explain: fill in `RecalledMemory.contributions`.
        hops: length of the paths followed by multi-hop search; 1 follows nothing.
        query_tokens: returns the tokens of a query text; none if the embedder has none.
        where: which memories may be returned.
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
    query_tokens: Callable[[str], Sequence[QueryToken]] = _no_tokens
    where: MemoryFilter = NO_FILTER


class SearchEngine:
    """Searches memories; it reads the store and its indexes, and writes nothing.

    Args:
        memories: the store to search.
        curve: computes the retention of hits.
        settings: which parts of the search are used.
        weights: coefficients of the ranking models; by default those of the package.
        classifier: recognizes attributes of people, so that their latest values come first.
        attribute_model: the same for wordings that the classifier does not know.
    """

    def __init__(
        self,
        memories: IndexedStore,
        *,
        curve: ForgettingCurve | None = None,
        settings: SearchSettings | None = None,
        weights: Weights | None = None,
        classifier: AttributeClassifier | None = None,
        attribute_model: AttributeModel | None = None,
    ) -> None:
        self.memories = memories
        self.curve = curve or ForgettingCurve()
        self.settings = settings or SearchSettings()
        self.weights = weights or Weights.shipped()
        self._latest_value = LatestValue(
            memories.store, classifier or NoAttributes(), attribute_model
        )

    def search(self, scope: Scope, query: Query) -> SearchResult:
        """Return the memories of a scope that answer a query, best first.

        Turns are ranked first, whatever the granularity; sessions by their turns. If the active
        memories hardly answer the query, archived ones are searched too.
        """
        granularity = query.granularity
        with self.memories.lock, SINGLE_THREADED_BLAS:
            ranking = self.ranking(scope, query)
            turns = ranking.rank(*ranking.first_stage())
            confidence = ranking.confidence(turns)
            if self._is_unsure(confidence, turns) and self._has_archive(scope, query):
                return self.search(scope, replace(query, include_archived=True))
            paths: Paths = {}
            duplicates: Paths = {}
            if not granularity.of_session:
                result = self._rank_by_similarity(scope, query)
            elif granularity is not Granularity.TURN:
                result = rank_sessions(ranking, turns, granularity)
            elif query.hops > 1:
                result, paths = self._follow_links(ranking, turns, query.hops)
            else:
                table = ranking.index.tables[Granularity.TURN]
                result = smooth_documents(ranking, self._latest_value.reorder(ranking, turns))
                if "duplicates" not in self.settings.off:
                    result, duplicates = collapse_duplicates(result, table, query.k)
            routing = ranking.sources.routing() if query.explain else None
            learnable = granularity is Granularity.TURN and query.hops == 1
            return SearchResult(
                query=query.text,
                hits=self._hits(
                    ranking.index.tables[granularity], scope, query, result, paths, duplicates
                ),
                confidence=confidence,
                asked_at=query.as_of or query.now,
                # Routed anew when asked for, since a result must not keep a whole index alive.
                load_routing=(lambda: routing) if routing else partial(self._route, scope, query),
                **({"query_vector": ranking.vector} if learnable else {}),
            )

    def _is_unsure(self, confidence: float, turns: Ranking) -> bool:
        """Whether the active turns hardly answer, or many of them answer about equally well."""
        shares = np.exp(turns.scores[:SHORTLIST] - turns.scores.max(initial=-np.inf))
        shares /= max(float(shares.sum()), 1e-300)
        entropy = -float((shares * np.log(np.maximum(shares, 1e-300))).sum())
        settings = self.settings
        return confidence < settings.archive_below or entropy > settings.archive_entropy

    def _has_archive(self, scope: Scope, query: Query) -> bool:
        if query.include_archived:
            return False
        index = self.memories.index(scope)
        table = index.tables[query.granularity]
        everything = table.visible(query.as_of, include_archived=True)
        archived = everything & ~table.visible(query.as_of)
        if query.where and archived.any():
            archived &= index.matching(query.granularity, query.where)
        return bool(np.any(archived))

    def addressed(self, scope: Scope, texts: Sequence[str]) -> list[str]:
        """Return what a search embeds for each question: the question as put to its speakers."""
        with self.memories.lock:
            speakers = self.memories.index(scope).tables[Granularity.TURN].speaker_terms()
        return [Question(text, speakers).addressed for text in texts]

    def ranking(self, scope: Scope, query: Query) -> TurnRanking:
        """Parse a query, start looking for candidates, and return what ranks them."""
        index, off = self.memories.index(scope), self.settings.off
        table, moment = index.tables[Granularity.TURN], query.as_of or query.now
        windows = () if "windows" in off else self._windows(scope, query, moment)
        question = Question(query.text, table.speaker_terms(), windows)
        vector = query.embed(question.addressed)
        masks = {}
        for granularity, each in index.tables.items():
            masks[granularity] = VisibilityMask(
                each,
                query.as_of,
                query.include_archived,
                moment,
                _allowed(index, granularity, query) if query.where else None,
            )
        sources = CandidateSources(self.memories.store, scope, index, vector, masks, self.settings)
        # The store looks for the nearest turns while words are compared here.
        sources.start(Granularity.TURN)
        has_tokens = not (table.without_codes or "late" in off)
        tokens = query.query_tokens(question.addressed) if has_tokens else ()
        return TurnRanking(
            index=index,
            question=question,
            vector=vector,
            sources=sources,
            masks=masks,
            similar_terms=self._similar_terms(table, question),
            query_tokens=tokens,
            now=moment,
            settings=self.settings,
            weights=self.weights.choose(tokens=bool(tokens), speakers=table.has_speakers()),
            citations=index.citations,
            at_least=query.k,
        )

    def _similar_terms(
        self, table: Table, question: Question
    ) -> Mapping[str, Sequence[SimilarTerm]]:
        if self.memories.embed is None or "soft" in self.settings.off:
            return dict.fromkeys(question.rest, ())
        return table.vocabulary.similar_terms(
            question.content, self.memories.embed, table.words.document_frequency
        )

    def _windows(self, scope: Scope, query: Query, moment: datetime) -> tuple[TimeSpan, ...]:
        """Return the times that a query is about; events are looked up in memory."""
        if not TIME_WORDS.search(query.text):
            return ()
        anchor = find_anchor(query.text, moment)
        if anchor is None or "time" in self.settings.off:
            return find_windows(query.text, moment)
        event = replace(
            query,
            text=anchor.clause,
            k=1,
            granularity=Granularity.TURN,
            hops=1,
            where=NO_FILTER,
        )
        table = self.memories.index(scope).tables[Granularity.TURN]
        for hit in self.search(scope, event):
            said_at = hit.memory.said_at
            start, end = table.about(table.row_of[hit.memory.id]) or (said_at, said_at)
            return (anchor.window(start, end, moment),)
        return ()

    def _rank_by_similarity(self, scope: Scope, query: Query) -> Ranking:
        """Rank memories that belong to no session, such as facts and topics, by cosine."""
        index, vector = self.memories.index(scope), query.embed(query.text)
        table, store = index.tables[query.granularity], self.memories.store
        mask = VisibilityMask(table, query.as_of, query.include_archived)
        if query.where:
            mask = replace(mask, allowed=index.matching(query.granularity, query.where))
            near = nearest_stored(store, scope, query.granularity, vector, mask)
        else:
            n = max(query.k, self.settings.candidates)
            [neighbors] = store.nearest(scope, query.granularity, vector[None], n)
            near = visible_candidates(neighbors, table, mask)
        return Ranking(near.rows, near.similarities, {"similar": near.similarities})

    def _follow_links(
        self, ranking: TurnRanking, turns: Ranking, hops: int
    ) -> tuple[Ranking, Paths]:
        return follow_links(
            ranking.index.tables[Granularity.TURN],
            ranking.index.edges if self.settings.associated else {},
            turns,
            ranking.lexical.coverage([turns.rows]),
            frozenset(ranking.question.terms),
            ranking.masks[Granularity.TURN],
            hops,
        )

    def _hits(
        self,
        table: Table,
        scope: Scope,
        query: Query,
        ranking: Ranking,
        paths: Paths,
        duplicates: Paths,
    ) -> tuple[RecalledMemory, ...]:
        moment, rows = query.as_of or query.now, ranking.rows[: query.k].tolist()
        ids = [table.ids[row] for row in rows]
        memories = self.memories.store.get_memories(scope, query.granularity, ids)
        retentions = self.curve.retentions(memories, moment)
        place_of = dict(zip(ids, range(len(ids)), strict=True))
        hits = []
        for memory, retention in zip(memories, retentions, strict=True):
            place, parts = place_of[memory.id], {}
            for name, values in ranking.parts.items():
                parts[name] = float(values[place])
            path = paths.get(rows[place], ())
            hits.append(
                RecalledMemory(
                    memory=memory,
                    score=float(ranking.scores[place]),
                    retention=retention,
                    contributions=parts if query.explain else {},
                    learned=parts.get("learned", 0.0),
                    path=tuple([table.ids[row] for row in path]) if path else (),
                    load_context=partial(self._context, scope, memory),
                    duplicates=tuple([table.ids[row] for row in duplicates.get(rows[place], ())]),
                    query=query.text,
                )
            )
        return tuple(hits)

    def _context(self, scope: Scope, memory: Memory) -> tuple[Memory, ...]:
        ids = self.memories.index(scope).members(memory.session_id, Granularity.TURN)
        return tuple(self.memories.store.get_memories(scope, Granularity.TURN, ids))

    def _route(self, scope: Scope, query: Query) -> Routing:
        with self.memories.lock:
            return self.ranking(scope, query).sources.routing()


def _allowed(index: ScopeIndex, granularity: Granularity, query: Query) -> NDArray[np.bool_]:
    """Return which rows of a table the filter of a query allows.

    It is about what is returned: where that are sessions, it allows the turns of those sessions.
    """
    if query.granularity is Granularity.TURN or granularity is not Granularity.TURN:
        return index.matching(granularity, query.where)
    derived = index.tables[query.granularity].column("session")
    sessions = derived[index.matching(query.granularity, query.where)]
    return np.isin(index.tables[granularity].column("session"), sessions)
