"""How much of the evidence `recall` includes within a budget, beside simpler ways to spend it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.embedding.embedder import Embedder, estimate_tokens
from agentmem.evaluation.tasks import FixedClock, MemoryUnderTest, end_of, evidence, turn_names
from agentmem.prompting.quoting import quote
from agentmem.prompting.rendering import MemoryLine
from agentmem_retrievers import SearchSettings, tokenize
from agentmem_retrievers.features.lexical import TermStats, bm25
from agentmem_stores import Granularity, Memory

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.evaluation.cache import IngestCache, Ingested
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion
    from agentmem.progress import Progress

__all__ = ["BUDGETS", "METHODS", "BudgetScore", "is_included", "measure_recall", "recall_json"]

BUDGETS = (200, 400, 800, 1200, 1600, 2400, 3200)
METHODS = ("recall", "fixed mix", "turns", "dense", "bm25")

# No budget measured here holds more turns.
_MAX_TURNS = 100
# The usual parameters of BM25.
_K1, _B = 1.2, 0.75
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
# A shorter sentence, such as "Yes.", is found in other turns by chance.
_MIN_CHARS = 12

Search = Callable[[str], Sequence[Memory]]


@dataclass(frozen=True)
class BudgetScore:
    """The means of one method at one budget.

    Attributes:
        tokens: tokens of the context, at most the budget.
        evidence: share of questions whose evidence is wholly in the context.
        turns: share of the evidence turns in the context.
        answer: share of the answer's words in the context.
        n_questions: how many questions.
    """

    method: str
    budget: int
    tokens: float
    evidence: float
    turns: float
    answer: float
    n_questions: int


def is_included(turn: str, context: str) -> bool:
    """Return whether a sentence of a turn stands in a context.

    >>> is_included("I moved. My new flat is in Porto.", '[m1] user: "My new flat is in Porto."')
    True
    >>> is_included("I moved. My new flat is in Porto.", '[m1] user: "I moved."')
    False
    """
    words = " ".join(turn.split())
    sentences = [s for s in _SENTENCE_END.split(turn) if len(s) >= _MIN_CHARS] or [words]
    # Lines of a context are JSON strings.
    return any(quote(s, len(s) + 1)[1:-1] in context for s in sentences)


def measure_recall(
    dialogues: Iterable[Dialogue],
    cache: IngestCache,
    *,
    budgets: Sequence[int] = BUDGETS,
    limit: int | None = None,
    progress: Progress,
) -> list[BudgetScore]:
    """Ask the questions of conversations with every method and budget.

    Every line of the other methods is rendered like a turn of a recall, best turns first, until
    the next one does not fit.

    Args:
        limit: ask only the first questions; None for all.
    """
    rows: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    left = limit
    for dialogue in dialogues:
        if left == 0:
            break
        with cache.consolidated(dialogue, progress) as conversation:
            questions = [q for q in dialogue.questions if _turns_of(dialogue, q)][:left]
            left = None if left is None else left - len(questions)
            progress.expect("asking", len(questions))
            for method, budget, row in _ask(conversation, questions, budgets, progress):
                rows.setdefault((method, budget), []).append(row)
    scores = []
    for (method, budget), values in rows.items():
        tokens, share, every, answer = np.nanmean(np.array(values), axis=0).tolist()
        scores.append(BudgetScore(method, budget, tokens, every, share, answer, len(values)))
    return sorted(scores, key=lambda s: (METHODS.index(s.method), s.budget))


def recall_json(scores: Sequence[BudgetScore]) -> dict[str, Any]:
    """Return the scores as JSON, shares in percent."""
    rows = []
    for score in scores:
        row = asdict(score)
        for name in ("evidence", "turns", "answer"):
            row[name] = round(100 * row[name], 2)
        row["tokens"] = round(row["tokens"], 1)
        rows.append(row)
    return {"scores": json.loads(json.dumps(rows))}


def _turns_of(dialogue: Dialogue, question: DialogueQuestion) -> frozenset[str]:
    relevant = evidence(dialogue, question)
    return relevant.turns if relevant else frozenset()


def _ask(
    conversation: Ingested,
    questions: Sequence[DialogueQuestion],
    budgets: Sequence[int],
    progress: Progress,
) -> Iterator[tuple[str, int, tuple[float, ...]]]:
    dialogue, clock = conversation.dialogue, FixedClock()
    names = turn_names(dialogue)
    texts = {
        names[session.id, i]: turn.text
        for session in dialogue.sessions
        for i, turn in enumerate(session.turns)
    }
    memory = _controller(conversation, clock)
    unrouted = _controller(conversation, clock, SearchSettings(off=frozenset({"router"})))
    under_test = MemoryUnderTest(memory, clock, conversation.scope, end_of(dialogue), _MAX_TURNS)
    searches = _searches(under_test)
    for question in questions:
        clock.now = under_test.time_of(question.asked_at)
        evidence_texts = [texts[name] for name in _turns_of(dialogue, question)]
        ranked = {name: search(question.text) for name, search in searches.items()}
        for budget in budgets:
            contexts = {name: _lines(turns, budget) for name, turns in ranked.items()}
            for name, controller in (("recall", memory), ("fixed mix", unrouted)):
                contexts[name] = controller.recall(
                    question.text, max_tokens=budget, scope=conversation.scope, reinforce=False
                ).text
            for name, text in contexts.items():
                yield name, budget, _score(text, evidence_texts, question.answer)
        progress.advance("asking", 1)


def _controller(
    conversation: Ingested, clock: FixedClock, settings: SearchSettings | None = None
) -> MemoryController:
    from agentmem.controller.controller import MemoryController

    return MemoryController(
        conversation.store,
        embeddings=conversation.embeddings,
        clock=clock,
        linger=None,
        settings=settings,
    )


def _searches(under_test: MemoryUnderTest) -> Mapping[str, Search]:
    """Return the searches that rank turns: that of the memory, by cosine, and BM25."""
    memory, scope = under_test.memory, under_test.scope
    services = memory.services
    embedder: Embedder = services.embedder

    def own(query: str) -> Sequence[Memory]:
        return [hit.memory for hit in under_test.search(query, under_test.clock.now)[0]]

    def dense(query: str) -> Sequence[Memory]:
        vector = embedder.query(query)[np.newaxis]
        [near] = services.store.nearest(scope, Granularity.TURN, vector, _MAX_TURNS)
        return services.store.get_memories(scope, Granularity.TURN, [n.id for n in near])

    def by_words(query: str) -> Sequence[Memory]:
        table = services.memories.index(scope).tables[Granularity.TURN]
        stats = TermStats(table.words, list(dict.fromkeys(tokenize(query))))
        rows = np.arange(len(table.ids))
        frequencies, lengths = stats.frequencies(rows), table.words.lengths()
        scores = bm25(frequencies, lengths, table.words.mean_length(), stats.idf, _K1, _B)
        best = np.argsort(-scores, kind="stable")[:_MAX_TURNS]
        ids = [table.ids[row] for row in best if table.ids[row]]
        return services.store.get_memories(scope, Granularity.TURN, ids)

    return {"turns": own, "dense": dense, "bm25": by_words}


def _lines(turns: Sequence[Memory], budget: int) -> str:
    """Render the first turns that fit; a turn that does not fit is left out."""
    lines: list[str] = []
    left = budget
    for memory in turns:
        text = quote(memory.text, len(memory.text) + 1)
        line = MemoryLine(memory, text).render(f"m{len(lines) + 1}")
        cost = estimate_tokens(line)
        if cost > left:
            break
        lines.append(line)
        left -= cost
    return "\n".join(lines)


def _score(text: str, evidence_texts: Sequence[str], answer: str | None) -> tuple[float, ...]:
    included = [is_included(turn, text) for turn in evidence_texts]
    wanted = set(tokenize(answer or ""))
    words = len(wanted & set(tokenize(text))) / len(wanted) if wanted else float("nan")
    return float(estimate_tokens(text)), sum(included) / len(included), float(all(included)), words
