"""Spend a token budget on the memories that answer a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np

from agentmem import arguments
from agentmem.attributes.questions import asked_attributes
from agentmem.digest.sentences import split
from agentmem.documents.documents import DOCUMENT
from agentmem.facts.views import holds_at
from agentmem.prompting.quoting import quote
from agentmem.prompting.rendering import MemoryLine, means_little_alone, speaker_of
from agentmem.provenance import Trust, trust_of
from agentmem.recall.context import Context, ContextItem, Form, RecallRouting
from agentmem.recall.excerpt import Excerpts
from agentmem.recall.router import COARSE, SHORTLIST, route_recall, score_distribution
from agentmem.recall.smoothing import likeliest_turns
from agentmem.writing.sessions import TURNS_PER_PASSAGE
from agentmem_retrievers import RecalledMemory, SearchResult, SearchSettings
from agentmem_retrievers.index.fact_index import FactIndex, FactRecord
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE
from agentmem_retrievers.ranking.latest_value import matching_keys
from agentmem_stores import Granularity, Memory, Scope, State
from agentmem_stores.filters import MemoryFilter

__all__ = ["Recaller", "candidates", "shown_granularity"]

# A line has at least about so many tokens, its id and date among them.
_MIN_LINE_TOKENS = 25
# A prompt with more turns than this is not better for it, whatever its budget.
_MAX_CANDIDATES = 400
# Longer turns are shown as their best sentences, so that a few do not use up the budget: by the
# first rank from which it counts, how many tokens of a turn are shown. What ranks lower is less
# likely to answer, and a sentence of it leaves room for the evidence further below. In LoCoMo, 60
# tokens from the third and 40 from the tenth on include all evidence of 2 % more questions than
# 120 throughout, and no fewer words of the answer.
MAX_TURN_TOKENS = {0: 120, 3: 60, 10: 40}
# Chunks of documents are as long as the embedder's window, and were cut at ends of paragraphs.
MAX_CHUNK_TOKENS = 400
# Of three consecutive turns, in answer to a broad question.
MAX_PASSAGE_TOKENS = 90
MAX_SUMMARY_TOKENS = 120
# A line with fewer tokens for its text says nothing.
MIN_TEXT_TOKENS = 8
# Shorter texts are contained in others by chance.
MIN_REPEATED_CHARS = 12
# The turn before one that means little alone, as in (after Ada: "Where do you live?").
MAX_PRECEDING_TOKENS = 40
# Turns of a topic that are looked up to find out which of them its summary quotes.
MAX_SOURCES = 200
# Three digits, so that the ids that lines get at the end are never longer.
_WIDEST_ID = "m999"

# Why a passage is shown.
_AROUND_HIT = "around a turn that fits the question"
_OF_SUBJECT = "of a session or topic that much of the evidence is in"

_Allowed = Callable[[str], bool]

_FORMS = {
    Granularity.SUMMARY: Form.SUMMARY,
    Granularity.DAY: Form.DAY,
    Granularity.TOPIC: Form.TOPIC,
}


# The granularities that a context can show.
_GRANULARITIES = (Granularity.TURN, Granularity.SESSION, *COARSE, Granularity.FACT)


def candidates(max_tokens: int) -> int:
    """Return how many turns to search for: as many as fit, but enough for the entropy."""
    return min(max(max_tokens // _MIN_LINE_TOKENS, SHORTLIST), _MAX_CANDIDATES)


def shown_granularity(value: Any) -> Granularity:
    """Return the only granularity that a context is to show.

    Raises:
        InvalidInputError: it is none, or one that no context shows.
    """
    granularity = arguments.choice("granularity", value, Granularity)
    if granularity not in _GRANULARITIES:
        accepted = ", ".join(one.value for one in _GRANULARITIES)
        raise arguments.refusal("granularity", granularity.value, f"one of {accepted}")
    return granularity


@dataclass(frozen=True)
class _Draft:
    """A line that has not got its id yet."""

    line: MemoryLine
    form: Form
    turn_ids: tuple[str, ...]
    score: float = 0.0
    reason: str = ""

    @property
    def memory(self) -> Memory:
        return self.line.memory


@dataclass
class _Page:
    """The lines chosen so far, the tokens that they leave, and what may be shown."""

    count: Callable[[str], int]
    left: int
    admits: Callable[[Memory], bool]
    drafts: list[_Draft] = field(default_factory=list)
    turn_ids: set[str] = field(default_factory=set)

    def cost(self, line: MemoryLine) -> int:
        return self.count(line.render(_WIDEST_ID) + "\n")

    def room(self, memory: Memory) -> int:
        """How many tokens a line about a memory has for its text."""
        return self.left - self.cost(MemoryLine(memory, '""'))

    def shows(self, line: MemoryLine) -> bool:
        """Whether the words of a line are on the page already."""
        words = line.text[1:-1]
        trust = trust_of(line.memory).level
        # A page that repeats the user's words must not take their place.
        texts = [d.line.text for d in self.drafts if trust_of(d.memory).level >= trust]
        if len(words) < MIN_REPEATED_CHARS:
            return line.text in texts
        return any(words in text for text in texts)

    def add(self, draft: _Draft) -> bool:
        """Add a line if it fits; return whether it did."""
        cost = self.cost(draft.line)
        if cost > self.left:
            return False
        self.left -= cost
        self.drafts.append(draft)
        # A fact is short for what its turn says, and does not take its place.
        if draft.form is not Form.FACT:
            self.turn_ids.update(draft.turn_ids)
        return True


@dataclass(frozen=True)
class _Turns:
    """Reads turns, each once: summaries and passages come from the same ones."""

    memories: IndexedStore
    scope: Scope
    known: dict[str, Memory]

    def get(self, ids: Iterable[str]) -> dict[str, Memory]:
        """Return the turns that exist, by id, in the order of the ids."""
        wanted = dict.fromkeys(ids)
        if unread := [i for i in wanted if i not in self.known]:
            turns = self.memories.turns(self.scope, unread)
            self.known.update({turn.id: turn for turn in turns})
        return {i: self.known[i] for i in wanted if i in self.known}


@dataclass(frozen=True)
class Recaller:
    """Chooses what a context shows; it reads the store and its index, and writes nothing."""

    memories: IndexedStore
    settings: SearchSettings

    def recall(
        self,
        scope: Scope,
        result: SearchResult,
        *,
        max_tokens: int,
        count: Callable[[str], int],
        exclude: frozenset[str] = frozenset(),
        pinned: Sequence[Memory] = (),
        as_of: datetime | None = None,
        explain: bool = False,
        min_trust: Trust = Trust.EXTERNAL,
        where: MemoryFilter | None = None,
        granularity: Granularity | None = None,
    ) -> Context:
        """Return the context of a search for turns; see `MemoryController.recall`.

        Args:
            granularity: show only this one, instead of the mix that the router decides.
            min_trust: the least trust of what is shown.
            where: what the search was filtered by. A summary, and a passage, is shown as far as it
                comes from turns that the filter allows.
        """

        def admits(memory: Memory) -> bool:
            return memory.id not in exclude and trust_of(memory).level >= min_trust.level

        def wanted(one: Granularity) -> bool:
            return granularity is None or one is granularity

        hits = [hit for hit in result.hits if admits(hit.memory)]
        shares = score_distribution([hit.score for hit in hits])
        with self.memories.reading(scope) as index:
            allowed = _allowed_turns(index, where)
            readable = _readable_turns(index, allowed, as_of)
            groups = _Groups.of(index, hits[:SHORTLIST], as_of, allowed, granularity)
            routing = route_recall(
                result.query,
                shares,
                groups.names,
                max_tokens,
                is_fixed="router" in self.settings.off,
            )
            routing = _restricted(routing, granularity)
            words = index.tables[Granularity.TURN].words
            excerpts = Excerpts(result.query, words, count)
            page = _Page(count, max_tokens, admits)
            turns = _Turns(self.memories, scope, {h.memory.id: h.memory for h in hits})
            _add_pinned(page, [m for m in pinned if wanted(m.granularity)], where)
            if wanted(Granularity.FACT):
                _add_facts(page, _certain_facts(index.facts, result.query, as_of), allowed)
            self._add_overview(page, turns, groups, shares, routing, excerpts, max_tokens)
            if Granularity.SESSION in routing.shares:
                n_turns = TURNS_PER_PASSAGE * routing.turns
                likely = likeliest_turns(
                    index,
                    hits,
                    shares,
                    as_of=as_of,
                    at_most=n_turns,
                    with_topics="topics" not in self.settings.off,
                )
                self._add_passages(page, turns, index, likely, hits, routing, excerpts, readable)
            if Granularity.TURN in routing.shares:
                self._add_turns(page, turns, index, hits, routing, excerpts, allowed)
        routing = replace(routing, archive=any(hit.archived for hit in hits))
        return _context(result, routing, page, max_tokens, explain=explain)

    def _add_overview(
        self,
        page: _Page,
        turns: _Turns,
        groups: _Groups,
        shares: Sequence[float] | np.ndarray,
        routing: RecallRouting,
        excerpts: Excerpts,
        max_tokens: int,
    ) -> None:
        """Add the summaries of the days and sessions, or topics, that most evidence is in."""
        for granularity in COARSE:
            allowance = int(routing.shares.get(granularity, 0.0) * max_tokens)
            if allowance < MIN_TEXT_TOKENS:
                continue
            for memory, share in self._surest(turns.scope, groups, granularity, shares):
                if not page.admits(memory):
                    continue
                room = min(page.room(memory), allowance, MAX_SUMMARY_TOKENS)
                before = page.left
                if room >= MIN_TEXT_TOKENS and (text := excerpts.best(memory.text, room)):
                    reason = f"{share:.0%} of the evidence is in this {granularity.value}"
                    quoted = _quoted_turns(turns, memory, text)
                    draft = _Draft(_line(memory, text), _FORMS[granularity], quoted, share, reason)
                    page.add(draft)
                allowance -= max(before - page.left, 1)
                if allowance < 3 * MIN_TEXT_TOKENS:
                    break

    def _surest(
        self,
        scope: Scope,
        groups: _Groups,
        granularity: Granularity,
        shares: Sequence[float] | np.ndarray,
    ) -> Iterator[tuple[Memory, float]]:
        """Yield the memories of a granularity that most of the evidence is in, and its share."""
        mass: dict[str, float] = {}
        for memory_id, share in zip(groups.memories[granularity], shares, strict=False):
            if memory_id is not None:
                mass[memory_id] = mass.get(memory_id, 0.0) + float(share)
        order = sorted(mass, key=lambda i: (-mass[i], i))[:12]
        by_id = {m.id: m for m in self.memories.store.get_memories(scope, granularity, order)}
        for memory_id in order:
            if memory_id in by_id:
                yield by_id[memory_id], mass[memory_id]

    def _add_passages(
        self,
        page: _Page,
        turns: _Turns,
        index: ScopeIndex,
        likely: Sequence[str],
        hits: Sequence[RecalledMemory],
        routing: RecallRouting,
        excerpts: Excerpts,
        readable: _Allowed,
    ) -> None:
        """Add the passages of the likeliest turns."""
        scores = {hit.memory.id: hit.score for hit in hits}
        order = _passages_of(index, likely)[: routing.turns]
        by_id = {
            m.id: m
            for m in self.memories.store.get_memories(turns.scope, Granularity.SESSION, order)
        }
        sources = (i for m in by_id.values() for i in m.sources)
        turn_of = turns.get(i for i in sources if readable(i))
        for passage_id in order:
            passage = by_id.get(passage_id)
            if passage is None:
                continue
            unseen = [
                turn_of[i] for i in passage.sources if i in turn_of and i not in page.turn_ids
            ]
            members = [turn for turn in unseen if page.admits(turn)]
            room = min(page.room(passage), MAX_PASSAGE_TOKENS)
            if not members or room < MIN_TEXT_TOKENS:
                continue
            text, turn_ids = _best_sentences(members, room, excerpts)
            if text:
                fitting = [scores[i] for i in passage.sources if i in scores]
                reason = _AROUND_HIT if fitting else _OF_SUBJECT
                score = max(fitting, default=0.0)
                if any(i not in turn_of for i in passage.sources):
                    # Not at the time of a turn that may not be shown.
                    latest = max(turn_of[i].said_at for i in turn_ids)
                    passage = replace(passage, said_at=latest)
                page.add(_Draft(_line(passage, text), Form.PASSAGE, turn_ids, score, reason))

    def _add_turns(
        self,
        page: _Page,
        turns: _Turns,
        index: ScopeIndex,
        hits: Sequence[RecalledMemory],
        routing: RecallRouting,
        excerpts: Excerpts,
        allowed: _Allowed,
    ) -> None:
        """Add the best turns, each in full or as its best sentences."""
        best = hits[: routing.turns]
        before = _preceding(turns, index, [hit.memory for hit in best], page)
        for rank, hit in enumerate(best):
            memory = hit.memory
            if memory.id in page.turn_ids:
                continue
            longest = MAX_CHUNK_TOKENS if memory.role == DOCUMENT else _max_turn_tokens(rank)
            room = min(page.room(memory), longest)
            if room < MIN_TEXT_TOKENS:
                continue
            is_whole = excerpts.count(memory.text) <= room
            text = memory.text if is_whole else excerpts.best(memory.text, room)
            line = _line(memory, text)
            if not text or page.shows(line):
                continue
            form, reason = Form.TURN if is_whole else Form.EXCERPT, f"rank {rank + 1} of the search"
            earlier = before.get(memory.id)
            is_covered = earlier is None or earlier.id in page.turn_ids or not allowed(earlier.id)
            if earlier is not None and not is_covered:
                quotation = quote(
                    excerpts.best(earlier.text, MAX_PRECEDING_TOKENS), len(earlier.text)
                )
                longer = replace(line, preceding=f"{speaker_of(earlier)}: {quotation}")
                if page.add(_Draft(longer, form, (memory.id, earlier.id), hit.score, reason)):
                    continue
            page.add(_Draft(line, form, _own(memory), hit.score, reason))


def _quoted_turns(turns: _Turns, memory: Memory, text: str) -> tuple[str, ...]:
    """Return the sources of a summary of which a sentence stands in its text."""
    sources = turns.get(memory.sources[:MAX_SOURCES]).values()
    return tuple(
        turn.id for turn in sources if any(len(s) > 12 and s in text for s in split(turn.text))
    )


def _preceding(
    turns: _Turns, index: ScopeIndex, shown: Sequence[Memory], page: _Page
) -> dict[str, Memory]:
    """Return the turn before each turn that means little without it."""
    table = index.tables[Granularity.TURN]
    # No more turns than fit, so that none is read in vain.
    fitting = shown[: page.left // _MIN_LINE_TOKENS]
    dependent = [m.id for m in fitting if means_little_alone(m.text) and m.id in table.row_of]
    rows = np.array([table.row_of[i] for i in dependent], dtype=np.intp)
    earlier = table.neighbors(rows, -1).tolist()
    ids = {i: table.ids[row] for i, row in zip(dependent, earlier, strict=True) if row != NONE}
    by_id = turns.get(ids.values())
    return {i: by_id[e] for i, e in ids.items() if e in by_id and page.admits(by_id[e])}


def _passages_of(index: ScopeIndex, turn_ids: Sequence[str]) -> list[str]:
    """Return the ids of the passages of turns, in the order of the turns."""
    passages = index.tables[Granularity.SESSION].row_of
    derived = (i for turn_id in turn_ids for i in sorted(index.derived_from(turn_id)))
    return list(dict.fromkeys(i for i in derived if i in passages))


@dataclass(frozen=True)
class _Groups:
    """For each granularity, the group of each hit and the memory that sums it up."""

    names: Mapping[Granularity, Sequence[str | None]]
    memories: Mapping[Granularity, Sequence[str | None]]

    @classmethod
    def of(
        cls,
        index: ScopeIndex,
        hits: Sequence[RecalledMemory],
        as_of: datetime | None,
        allowed: _Allowed,
        only: Granularity | None = None,
    ) -> _Groups:
        """Group hits.

        Args:
            only: what is shown; None for a mix.
        """

        @cache  # Many hits share a summary, and a topic has many sources.
        def is_allowed(derived_id: str) -> bool:
            return all(map(allowed, index.sources_of(derived_id)))

        summed_up: dict[Granularity, list[str | None]] = {}
        derived = [index.derived_from(hit.memory.id) for hit in hits]
        for granularity in COARSE:
            table = index.tables[granularity]
            visible = table.visible(as_of)
            ids: list[str | None] = []
            for candidates in derived:
                known = sorted(i for i in candidates if i in table.row_of and is_allowed(i))
                ids.append(next((i for i in known if visible[table.row_of[i]]), None))
            summed_up[granularity] = ids
        if only is None:
            summed_up[Granularity.DAY] = _without_single_sessions(index, summed_up)
        names: dict[Granularity, Sequence[str | None]] = {
            g: ids for g, ids in summed_up.items() if any(ids)
        }
        names[Granularity.SUMMARY] = [hit.memory.session_id for hit in hits]
        return cls(names, summed_up)


def _without_single_sessions(
    index: ScopeIndex, summed_up: Mapping[Granularity, Sequence[str | None]]
) -> list[str | None]:
    """Return the days of hits; None for a day of one session, whose summary says the same."""

    @cache
    def is_session(day: str, summary: str) -> bool:
        return index.sources_of(day) == index.sources_of(summary)

    pairs = zip(summed_up[Granularity.DAY], summed_up[Granularity.SUMMARY], strict=True)
    return [None if day and summary and is_session(day, summary) else day for day, summary in pairs]


def _certain_facts(facts: FactIndex, question: str, as_of: datetime | None) -> list[Memory]:
    """Return the facts that a question asks for, unless they contradict each other.

    A question for an attribute of several people, such as "Where do my sisters live?", or for
    several attributes may mean another one, so it gets turns alone.
    """
    keys = matching_keys(asked_attributes(question), facts)
    if len(keys) != 1:
        return []
    by_value: dict[str, Memory] = {}
    is_single = False
    for memory in facts.by_key[keys[0]].values():
        record = FactRecord.of(memory)
        if record is None or record.ends or not holds_at(memory, as_of):
            continue
        is_single = is_single or record.single
        known = by_value.get(record.value.casefold())
        if known is None or known.said_at < memory.said_at:
            by_value[record.value.casefold()] = memory
    return [] if is_single and len(by_value) > 1 else list(by_value.values())


def _add_pinned(page: _Page, memories: Sequence[Memory], where: MemoryFilter | None) -> None:
    for memory in memories:
        if page.admits(memory) and (where is None or where.matches(memory)):
            page.add(_Draft(_line(memory, memory.text), Form.PINNED, _own(memory), reason="pinned"))


def _add_facts(page: _Page, facts: Sequence[Memory], allowed: _Allowed) -> None:
    """Add the facts whose turns a filter allows."""
    for fact in facts:
        if page.admits(fact) and all(map(allowed, fact.sources)):
            line, reason = _line(fact, _stated(fact)), "the present value of what is asked for"
            page.add(_Draft(line, Form.FACT, fact.sources, reason=reason))


def _stated(fact: Memory) -> str:
    """Return what a fact states, in a form that nobody takes for a quotation."""
    record = FactRecord.of(fact)
    if record is None or fact.version > 1:
        return fact.text
    return f"{record.attribute} of {record.subject}: {record.value}"


def _restricted(routing: RecallRouting, granularity: Granularity | None) -> RecallRouting:
    return routing if granularity is None else replace(routing, shares={granularity: 1.0})


def _allowed_turns(index: ScopeIndex, where: MemoryFilter | None) -> _Allowed:
    """Return a function that says whether a filter allows a turn, given by its id."""
    if where is None:
        return lambda turn_id: True
    table, mask = index.tables[Granularity.TURN], index.matching(Granularity.TURN, where)
    return lambda turn_id: turn_id in table.row_of and bool(mask[table.row_of[turn_id]])


def _readable_turns(index: ScopeIndex, allowed: _Allowed, as_of: datetime | None) -> _Allowed:
    """Return a function that says whether a passage may show a turn: not what was said later."""
    if as_of is None:
        return allowed
    table, latest = index.tables[Granularity.TURN], as_of.timestamp()
    said_at, row_of = table.column("said_at"), table.row_of
    return lambda i: i in row_of and said_at[row_of[i]] <= latest and allowed(i)


def _max_turn_tokens(rank: int) -> int:
    return next(n for first, n in reversed(MAX_TURN_TOKENS.items()) if rank >= first)


def _own(memory: Memory) -> tuple[str, ...]:
    return (memory.id,) if memory.granularity is Granularity.TURN else ()


def _best_sentences(
    turns: Sequence[Memory], room: int, excerpts: Excerpts
) -> tuple[str, tuple[str, ...]]:
    """Return the sentences of turns that fit the question best, and the turns that they are of.

    Args:
        room: tokens for all of them, with the names of the speakers.
    """
    room -= sum(excerpts.count(f"{speaker_of(turn)}: ") for turn in turns)
    chosen = excerpts.choose([turn.text for turn in turns], room)
    quoted = {
        turn.id: f"{speaker_of(turn)}: {' '.join(sentences)}"
        for turn, sentences in zip(turns, chosen, strict=True)
        if sentences
    }
    return " ".join(quoted.values()), tuple(quoted)


def _line(memory: Memory, text: str) -> MemoryLine:
    return MemoryLine(memory, quote(text, len(text) + 1))


def _context(
    result: SearchResult, routing: RecallRouting, page: _Page, max_tokens: int, *, explain: bool
) -> Context:
    """Put the lines in order, number them, and make sure that they fit."""
    drafts = list(page.drafts)
    while True:
        ordered = sorted(drafts, key=lambda d: (d.memory.said_at, d.memory.position, d.memory.id))
        lines = [draft.line.render(f"m{n}") for n, draft in enumerate(ordered, start=1)]
        text = "\n".join(lines)
        tokens = page.count(text) if lines else 0
        if tokens <= max_tokens:
            break
        # A tokenizer may need more tokens for the whole than for its lines.
        drafts.pop()
    items = tuple(
        ContextItem(
            id=f"m{n}",
            memory=draft.memory,
            form=draft.form,
            text=line,
            tokens=page.count(line),
            turn_ids=draft.turn_ids,
            score=draft.score,
            archived=draft.memory.state is State.ARCHIVED,
            reason=draft.reason if explain else "",
        )
        for n, (draft, line) in enumerate(zip(ordered, lines, strict=True), start=1)
    )
    return Context(result.query, text, items, tokens, routing, result.confidence, result)
