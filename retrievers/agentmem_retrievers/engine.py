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
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.inverted_index import SimilarTerm
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Table, VisibilityMask
from agentmem_retrievers.ranking.documents import smooth_documents
from agentmem_retrievers.ranking.duplicates import collapse_duplicates
from agentmem_retrievers.ranking.latest_value import (
    AttributeClassifier,
    AttributeModel,
    LatestValue,
    NoAttributes,
)
from agentmem_retrievers.ranking.multi_hop import follow_links
from agentmem_retrievers.ranking.pipeline import (
    SHORTLIST,
    CandidateSources,
    TurnRanking,
    nearest_stored,
    visible_candidates,
)
from agentmem_retrievers.ranking.scoring import Ranking, Weights
from agentmem_retrievers.ranking.sessions import rank_sessions
from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_retrievers.routing import Routing
from agentmem_retrievers.settings import SearchSettings
from agentmem_retrievers.text.dates import TIME_WORDS, TimeSpan, find_anchor, find_windows
from agentmem_retrievers.text.question import Question
from agentmem_stores import Granularity, Memory, Scope, Vectors
from agentmem_stores.filters import MemoryFilter

__all__ = ["Query", "SearchEngine"]

Paths = Mapping[int, tuple[int, ...]]
# What ranked the turns, the turns, and the confidence that they answer.
RankedTurns = tuple[TurnRanking, Ranking, float]


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
        embed_words: returns the embeddings of words, float32 of shape (words, dimension), and may
            embed the query text given with them in the same pass of the model; by default words
            are embedded by `IndexedStore.embed`.
        where: which memories may be returned; None for all.
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
    embed_words: Callable[[str, Sequence[str]], Vectors] | None = None
    where: MemoryFilter | None = None


@dataclass(frozen=True, eq=False)
class EmbeddedQuestion:
    """A parsed question, and all that the model computes for a search.

    Attributes:
        question: the parsed query.
        vector: embedding of `question.addressed`, shape (dimension,).
        text_vector: embedding of the query as it is, the same where nobody is named.
        tokens: the question's tokens; none if they are not compared.
        words: embeddings of the words that the index has not embedded yet, by word.
    """

    question: Question
    vector: Vectors
    text_vector: Vectors
    tokens: Sequence[QueryToken]
    words: Mapping[str, Vectors]


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
        self._latest_value = LatestValue(classifier or NoAttributes(), attribute_model)

    def search(self, scope: Scope, query: Query) -> SearchResult:
        """Return the memories of a scope that answer a query, best first.

        Turns are ranked first, whatever the granularity; sessions by their turns. Archived turns
        are ranked with the active ones, and left out unless the search is unsure without them.
        """
        embedded = self.embed(scope, query)
        with self.memories.reading(scope) as index:
            ranked = None
            if self._has_archive(index, query):
                ranked = self._rank_with_archive(index, scope, query, embedded)
            ranking, turns, confidence = ranked or self._rank(index, scope, query, embedded)
            found = ranking.masks[Granularity.TURN].include_archived
            query = replace(query, include_archived=found)
            return self._result(ranking, turns, confidence, scope, query, embedded)

    def _rank(
        self, index: ScopeIndex, scope: Scope, query: Query, embedded: EmbeddedQuestion
    ) -> RankedTurns:
        ranking = self._ranking(index, scope, query, embedded)
        rows, features = ranking.first_stage()
        turns = ranking.rank(rows, features)
        return ranking, turns, ranking.confidence(turns, rows, features)

    def _rank_with_archive(
        self, index: ScopeIndex, scope: Scope, query: Query, embedded: EmbeddedQuestion
    ) -> RankedTurns | None:
        """Rank all turns and decide whether archived ones may be found.

        The index has the features of archived turns too, so nothing is read from the store.

        Returns:
            None if they may not, and fewer active turns were ranked than hits are wanted.
        """
        wider = replace(query, include_archived=True, k=2 * query.k)
        ranking = self._ranking(index, scope, wider, embedded)
        rows, features = ranking.first_stage()
        turns = ranking.rank(rows, features)
        is_active = index.tables[Granularity.TURN].visible(query.as_of, rows=turns.rows)
        active = turns.keep(is_active)
        confidence = ranking.confidence(active, rows, features)
        if self._is_unsure(confidence, turns, is_active):
            return ranking, turns, ranking.confidence(turns, rows, features)
        if len(active.rows) < query.k:
            return None
        masks = {g: replace(mask, include_archived=False) for g, mask in ranking.masks.items()}
        return replace(ranking, masks=masks), active, confidence

    def _result(
        self,
        ranking: TurnRanking,
        turns: Ranking,
        confidence: float,
        scope: Scope,
        query: Query,
        embedded: EmbeddedQuestion,
    ) -> SearchResult:
        """Return the hits of the granularity that is asked for."""
        granularity = query.granularity
        paths: Paths = {}
        duplicates: Paths = {}
        if not granularity.of_session:
            result = self._rank_by_similarity(ranking.index, scope, query, embedded.text_vector)
        elif granularity is not Granularity.TURN:
            result = rank_sessions(ranking, turns, granularity)
        else:
            table, result = ranking.index.tables[Granularity.TURN], turns
            if query.hops > 1:
                result, paths = self._follow_links(ranking, turns, query.hops)
            if self._may_ask_for_latest_value(ranking.index, embedded.question, query):
                result = self._latest_value.reorder(ranking, result)
            if query.hops <= 1:
                if table.columns["is_document"][result.rows].any():
                    result = smooth_documents(ranking, result)
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

    def _may_ask_for_latest_value(
        self, index: ScopeIndex, question: Question, query: Query
    ) -> bool:
        """Whether a question may ask for an attribute whose latest statement comes first."""
        if "currency" in self.settings.off or not (index.facts.by_key or question.asks_of_user):
            return False
        return question.asks_for_present(as_of=query.as_of is not None)

    def _is_unsure(self, confidence: float, turns: Ranking, is_active: NDArray[np.bool_]) -> bool:
        """Whether the active turns hardly answer, or the answer is probably an archived one.

        Args:
            confidence: of the active turns.
            is_active: which of the ranked turns are active.
        """
        best = turns.scores[:SHORTLIST]
        shares = np.exp(best - best.max(initial=-np.inf))
        archived = float(shares[~is_active[:SHORTLIST]].sum())
        settings = self.settings
        is_there = archived > settings.archive_share * float(shares.sum())
        return is_there or confidence < settings.archive_below

    def _has_archive(self, index: ScopeIndex, query: Query) -> bool:
        if query.include_archived:
            return False
        table = index.tables[query.granularity]
        if not table.has_archived():
            return False
        everything = table.visible(query.as_of, include_archived=True)
        archived = everything & ~table.visible(query.as_of)
        if query.where is not None and archived.any():
            archived &= index.matching(query.granularity, query.where)
        return bool(np.any(archived))

    def addressed(self, scope: Scope, texts: Sequence[str]) -> list[str]:
        """Return what a search embeds for each question: the question as put to its speakers."""
        with self.memories.reading(scope) as index:
            speakers = index.tables[Granularity.TURN].speaker_terms()
        return [Question(text, speakers).addressed for text in texts]

    def embed(self, scope: Scope, query: Query) -> EmbeddedQuestion:
        """Parse a query and embed what its search needs, in one pass of the model if it can.

        No lock is held while the model works, so that nobody waits for a slow one.
        """
        off = self.settings.off
        windows = () if "windows" in off else self._windows(scope, query)
        with self.memories.reading(scope) as index:
            table = index.tables[Granularity.TURN]
            question = Question(query.text, table.speaker_terms(), windows)
            expands = self._expands_terms(self._weights(table))
            missing = table.vocabulary.to_embed(question.content) if expands else []
            may_ask = self._may_ask_for_latest_value(index, question, query)
        words = dict(zip(missing, self._embed_words(query, question, missing), strict=True))
        vector = query.embed(question.addressed)
        if may_ask:
            self._latest_value.prepare()
        return EmbeddedQuestion(
            question=question,
            vector=vector,
            text_vector=vector if query.granularity.of_session else query.embed(query.text),
            tokens=() if "late" in off else query.query_tokens(question.addressed),
            words=words,
        )

    def _weights(self, table: Table, *, tokens: bool = True) -> Weights:
        """Return the weights for a scope.

        Args:
            table: of the turns.
            tokens: whether the question has token embeddings to compare.
        """
        speakers = table.has_speakers()
        weights = self.weights if speakers or not self.weights.assistant else self.weights.assistant
        has_tokens = tokens and not table.without_codes
        return weights if has_tokens or weights.without_words is None else weights.without_words

    def _expands_terms(self, weights: Weights) -> bool:
        """Whether terms similar to the question's are looked up, for which words are embedded."""
        is_off = self.memories.embed is None or "soft" in self.settings.off
        return weights.uses_similar_terms and not is_off

    def _embed_words(
        self, query: Query, question: Question, words: Sequence[str]
    ) -> Sequence[Vectors]:
        if not words or self.memories.embed is None:
            return ()
        if query.embed_words is None:
            return list(self.memories.embed(words))
        return list(query.embed_words(question.addressed, words))

    def ranking(self, scope: Scope, query: Query) -> TurnRanking:
        """Parse a query, and return what ranks candidates."""
        embedded = self.embed(scope, query)
        with self.memories.reading(scope) as index:
            return self._ranking(index, scope, query, embedded)

    def _ranking(
        self, index: ScopeIndex, scope: Scope, query: Query, embedded: EmbeddedQuestion
    ) -> TurnRanking:
        table, moment = index.tables[Granularity.TURN], query.as_of or query.now
        question, vector = embedded.question, embedded.vector
        masks = {}
        for granularity, each in index.tables.items():
            masks[granularity] = VisibilityMask(
                each,
                query.as_of,
                query.include_archived,
                moment,
                None if query.where is None else _allowed(index, granularity, query),
            )
        sources = CandidateSources(self.memories.store, scope, index, vector, masks, self.settings)
        tokens = () if table.without_codes else embedded.tokens
        weights = self._weights(table, tokens=bool(tokens))
        similar_terms: Mapping[str, Sequence[SimilarTerm]] = dict.fromkeys(question.rest, ())
        if self._expands_terms(weights):
            table.vocabulary.learn(embedded.words)
            similar_terms = table.vocabulary.similar_terms(
                question.content, embedded.words, table.words.document_frequencies
            )
        return TurnRanking(
            index=index,
            question=question,
            vector=vector,
            sources=sources,
            masks=masks,
            similar_terms=similar_terms,
            query_tokens=tokens,
            now=moment,
            settings=self.settings,
            weights=weights,
            citations=index.citations,
            at_least=query.k,
        )

    def _windows(self, scope: Scope, query: Query) -> tuple[TimeSpan, ...]:
        """Return the times that a query is about; events are looked up in memory."""
        if not TIME_WORDS.search(query.text):
            return ()
        moment = query.as_of or query.now
        anchor = find_anchor(query.text, moment)
        if anchor is None or "time" in self.settings.off:
            return find_windows(query.text, moment, day_first=scope.day_first)
        event = replace(
            query,
            text=anchor.clause,
            k=1,
            granularity=Granularity.TURN,
            hops=1,
            where=None,
        )
        for hit in self.search(scope, event):
            said_at = hit.memory.said_at
            with self.memories.reading(scope) as index:
                table = index.tables[Granularity.TURN]
                row = table.row_of.get(hit.memory.id)
                start, end = (row is not None and table.about(row)) or (said_at, said_at)
            return (anchor.window(start, end, moment),)
        return ()

    def _rank_by_similarity(
        self, index: ScopeIndex, scope: Scope, query: Query, vector: Vectors
    ) -> Ranking:
        """Rank memories that belong to no session, such as facts and topics, by cosine."""
        table, store = index.tables[query.granularity], self.memories.store
        mask = VisibilityMask(table, query.as_of, query.include_archived)
        if query.where is not None:
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
        if query.granularity is Granularity.TURN:
            memories = table.turns(scope, rows)
        else:
            memories = self.memories.store.get_memories(scope, query.granularity, ids)
        retentions = self.curve.retentions(memories, moment)
        place_of = dict(zip(ids, range(len(ids)), strict=True))
        hits = []
        learned = ranking.parts.get("learned")
        for memory, retention in zip(memories, retentions, strict=True):
            place = place_of[memory.id]
            parts = {n: float(v[place]) for n, v in ranking.parts.items()} if query.explain else {}
            path = paths.get(rows[place], ())
            hits.append(
                RecalledMemory(
                    memory=memory,
                    score=float(ranking.scores[place]),
                    retention=retention,
                    contributions=parts,
                    learned=0.0 if learned is None else float(learned[place]),
                    path=tuple([table.ids[row] for row in path]) if path else (),
                    load_context=partial(self._context, scope, memory),
                    duplicates=tuple([table.ids[row] for row in duplicates.get(rows[place], ())]),
                    query=query.text,
                )
            )
        return tuple(hits)

    def _context(self, scope: Scope, memory: Memory) -> tuple[Memory, ...]:
        ids = self.memories.index(scope).members(memory.session_id, Granularity.TURN)
        return tuple(self.memories.turns(scope, ids))

    def _route(self, scope: Scope, query: Query) -> Routing:
        embedded = self.embed(scope, query)
        with self.memories.reading(scope) as index:
            return self._ranking(index, scope, query, embedded).sources.routing()


def _allowed(index: ScopeIndex, granularity: Granularity, query: Query) -> NDArray[np.bool_]:
    """Return which rows of a table the filter of a query allows.

    It is about what is returned: where that are sessions, it allows the turns of those sessions.
    """
    if query.granularity is Granularity.TURN or granularity is not Granularity.TURN:
        return index.matching(granularity, query.where)
    derived = index.tables[query.granularity].column("session")
    sessions = derived[index.matching(query.granularity, query.where)]
    return np.isin(index.tables[granularity].column("session"), sessions)
