"""How much of the evidence `recall` includes within a budget, beside simpler ways to spend it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.embedder import Embedder, estimate_tokens
from agentmem.evaluation.tasks import (
    AnswerScorer,
    FixedClock,
    MemoryUnderTest,
    end_of,
    evidence,
    turn_names,
)
from agentmem.prompting.quoting import quote
from agentmem.prompting.rendering import MemoryLine
from agentmem_retrievers import SearchSettings, tokenize
from agentmem_retrievers.features.lexical import TermStats, bm25
from agentmem_stores import Granularity, Memory

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.evaluation.cache import IngestCache, IngestedConversation
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion
    from agentmem.progress import Progress

__all__ = [
    "BUDGETS", "METHODS", "ROUTED", "AskedQuestion", "BudgetScore", "ask_questions",
    "is_included", "measure_recall", "recall_json", "score_budgets",
]  # fmt: skip

BUDGETS = (200, 400, 800, 1200, 1600, 2400, 3200)
# Settings of the methods that recall: by the router, and with the same mix for every question.
ROUTED: Mapping[str, SearchSettings] = {
    "recall": SearchSettings(),
    "fixed mix": SearchSettings(off=frozenset({"router"})),
}
# `turns`, `dense` and `bm25` show a fixed number of turns, the same for every question.
FIXED_K = ("turns", "dense", "bm25")
METHODS = (*ROUTED, *FIXED_K, "full history", "no memory")

# The most turns that a fixed number of them may be.
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
        budget: None for the full history and no memory, which have none.
        k: how many turns a method shows that shows the same number for every question; else None.
        tokens: tokens of the context, at most the budget.
        evidence: share of questions whose evidence is wholly in the context.
        turns: share of the evidence turns in the context.
        answer: share of the answer's words in the context.
        answers: scores of a model's answers from the context, as `Answerer` gives them.
        n_questions: how many questions.
    """

    method: str
    budget: int | None
    tokens: float
    evidence: float
    turns: float
    answer: float
    n_questions: int
    k: float | None = None
    answers: Mapping[str, float] = field(default_factory=dict)


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
    answers: AnswerScorer | None = None,
    progress: Progress,
) -> list[BudgetScore]:
    """Ask the questions of conversations with every method and budget.

    A method that shows a fixed number of turns shows as many as take the tokens that `recall`
    takes on average at that budget, so that both spend the same.

    Args:
        limit: ask only the first questions; None for all.
        answers: answers from the contexts, and from the full history and no memory beside them.
    """
    questions = ask_questions(dialogues, cache, budgets=budgets, limit=limit, progress=progress)
    return score_budgets(list(questions), budgets, answers)


def ask_questions(
    dialogues: Iterable[Dialogue],
    cache: IngestCache,
    *,
    budgets: Sequence[int] = BUDGETS,
    limit: int | None = None,
    routed: Mapping[str, SearchSettings] = ROUTED,
    progress: Progress,
) -> Iterator[AskedQuestion]:
    """Yield the questions of conversations that turns answer, with what each method shows.

    Args:
        routed: the methods that recall, and their settings.
    """
    n_asked = 0
    for dialogue in dialogues:
        left = None if limit is None else limit - n_asked
        if left == 0:
            break
        with cache.consolidated(dialogue, progress) as conversation:
            for question in _ask(conversation, left, budgets, routed, progress):
                n_asked += 1
                yield question


def score_budgets(
    questions: Sequence[AskedQuestion],
    budgets: Sequence[int],
    answers: AnswerScorer | None = None,
) -> list[BudgetScore]:
    """Return the means of each method at each budget.

    The first method that recalls says how many tokens a fixed number of turns may take.
    """
    if not questions:
        return []
    by_k = {method: _means_by_k(method, questions) for method in FIXED_K}
    routed = list(dict.fromkeys(method for method, budget in questions[0].contexts if budget))
    scores = []
    for budget in budgets:
        of_budget = [_contexts_score(method, budget, questions, answers) for method in routed]
        scores += of_budget
        scores += [
            _fixed_k_score(method, budget, of_budget[0].tokens, by_k[method], questions, answers)
            for method in FIXED_K
        ]
    if answers is not None:
        scores += [_contexts_score(m, None, questions, answers) for m in METHODS[-2:]]
    order = [*routed, *METHODS]
    return sorted(scores, key=lambda s: order.index(s.method))


def recall_json(scores: Sequence[BudgetScore]) -> dict[str, Any]:
    """Return the scores as JSON, shares in percent."""
    rows = []
    for score in scores:
        row = asdict(score)
        for name in ("evidence", "turns", "answer"):
            row[name] = None if math.isnan(row[name]) else round(100 * row[name], 2)
        row["answers"] = {name: round(100 * value, 2) for name, value in score.answers.items()}
        row["tokens"] = round(row["tokens"], 1)
        rows.append(row)
    return {"scores": rows}


@dataclass(frozen=True)
class AskedQuestion:
    """A question, its evidence, and what each method shows for it.

    Attributes:
        contexts: texts by method and budget; None for the full history and no memory.
        ranked: rendered lines of turns by method, best first.
    """

    question: DialogueQuestion
    asked_at: datetime
    evidence: Sequence[str]
    contexts: Mapping[tuple[str, int | None], str]
    ranked: Mapping[str, Sequence[str]]

    def first(self, method: str, k: int) -> str:
        """Return the first k lines of a method as a context."""
        return "\n".join(self.ranked[method][:k])

    def rows(self, lines: Sequence[str]) -> NDArray[np.float64]:
        """Return tokens, evidence, turns and answer of the first 1, 2, … lines."""
        wanted = set(tokenize(self.question.answer or ""))
        included, present, tokens = np.zeros(len(self.evidence), bool), set[str](), 0
        rows = []
        for line in lines:
            tokens += estimate_tokens(line + "\n")
            included |= [is_included(turn, line) for turn in self.evidence]
            present |= wanted.intersection(tokenize(line))
            words = len(present) / len(wanted) if wanted else math.nan
            rows.append((tokens, float(included.all()), included.mean(), words))
        return np.array(rows, dtype=np.float64)


def _contexts_score(
    method: str,
    budget: int | None,
    questions: Sequence[AskedQuestion],
    answers: AnswerScorer | None,
) -> BudgetScore:
    texts = [one.contexts[method, budget] for one in questions]
    rows = [one.rows([text])[0] for one, text in zip(questions, texts, strict=True)]
    tokens, evidence, turns, answer = _means(np.array(rows)).tolist()
    return BudgetScore(
        method, budget, tokens, evidence, turns, answer, len(questions),
        answers=_answers(questions, texts, answers),
    )  # fmt: skip


def _means_by_k(method: str, questions: Sequence[AskedQuestion]) -> NDArray[np.float64]:
    """Return the means of tokens, evidence, turns and answer for k = 0, 1, …; shape (k + 1, 4)."""
    rows = np.zeros((len(questions), _MAX_TURNS + 1, 4))
    for one, row in zip(questions, rows, strict=True):
        cumulative = one.rows(one.ranked[method])
        row[1 : len(cumulative) + 1] = cumulative
        row[len(cumulative) + 1 :] = row[len(cumulative)]
        row[0, 3] = row[1, 3] * 0
    return _means(rows)


def _means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means over questions; those without an answer do not count for its words."""
    known = ~np.isnan(rows).any(axis=tuple(range(1, rows.ndim)))
    answer = rows[known, ..., 3:].mean(axis=0) if known.any() else np.nan * rows[0, ..., 3:]
    return np.concatenate([rows[..., :3].mean(axis=0), answer], axis=-1)


def _fixed_k_score(
    method: str,
    budget: int,
    tokens: float,
    by_k: NDArray[np.float64],
    questions: Sequence[AskedQuestion],
    answers: AnswerScorer | None,
) -> BudgetScore:
    """Score the number of turns that takes `tokens` tokens on average, by interpolation."""
    k = float(np.interp(tokens, by_k[:, 0], np.arange(len(by_k))))
    used, evidence, turns, answer = (
        float(np.interp(k, np.arange(len(by_k)), column)) for column in by_k.T
    )
    nearest = [one.first(method, round(k)) for one in questions]
    return BudgetScore(
        method, budget, used, evidence, turns, answer, len(questions), k,
        answers=_answers(questions, nearest, answers),
    )  # fmt: skip


def _answers(
    questions: Sequence[AskedQuestion], texts: Sequence[str], answers: AnswerScorer | None
) -> dict[str, float]:
    if answers is None:
        return {}
    scores = [
        answers(one.question, t, one.asked_at) for one, t in zip(questions, texts, strict=True)
    ]
    scored = [score for score in scores if score]
    names = scored[0] if scored else ()
    return {name: float(np.mean([score[name] for score in scored])) for name in names}


def _turns_of(dialogue: Dialogue, question: DialogueQuestion) -> frozenset[str]:
    relevant = evidence(dialogue, question)
    return relevant.turns if relevant else frozenset()


def _ask(
    conversation: IngestedConversation,
    limit: int | None,
    budgets: Sequence[int],
    routed: Mapping[str, SearchSettings],
    progress: Progress,
) -> Iterator[AskedQuestion]:
    dialogue, clock = conversation.dialogue, FixedClock()
    names = turn_names(dialogue)
    texts = {
        names[session.id, i]: turn.text
        for session in dialogue.sessions
        for i, turn in enumerate(session.turns)
    }
    memory = _controller(conversation, clock)
    controllers = {name: _controller(conversation, clock, each) for name, each in routed.items()}
    under_test = MemoryUnderTest(memory, clock, conversation.scope, end_of(dialogue), _MAX_TURNS)
    searches = _searches(under_test)
    everything = _render(memory.get_all(limit=None, scope=conversation.scope))
    questions = [q for q in dialogue.questions if _turns_of(dialogue, q)][:limit]
    progress.expect("asking", len(questions))
    for question in questions:
        clock.now = under_test.time_of(question.asked_at)
        contexts: dict[tuple[str, int | None], str] = {
            (name, budget): controller.recall(
                question.text, max_tokens=budget, scope=conversation.scope, reinforce=False
            ).text
            for budget in budgets
            for name, controller in controllers.items()
        }
        contexts["full history", None], contexts["no memory", None] = "\n".join(everything), ""
        yield AskedQuestion(
            question,
            clock.now,
            [texts[name] for name in _turns_of(dialogue, question)],
            contexts,
            {name: _render(search(question.text)) for name, search in searches.items()},
        )
        progress.advance("asking", 1)


def _controller(
    conversation: IngestedConversation, clock: FixedClock, settings: SearchSettings | None = None
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


def _render(turns: Sequence[Memory]) -> list[str]:
    """Render turns as a recall does."""
    return [
        MemoryLine(memory, quote(memory.text, len(memory.text) + 1)).render(f"m{n}")
        for n, memory in enumerate(turns, start=1)
    ]
