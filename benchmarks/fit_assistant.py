"""Fit the weights for conversations with an assistant, and judge them on data sets left out.

Few features and bounded weights: the cosine and BM25 keep a floor, so that the
ranking stays near a plain hybrid, and what the role of the speaker counts is limited, so that it
decides only between turns that match about as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agentmem.evaluation.metrics import mean_by_name, ndcg, recall_all
from agentmem.evaluation.tasks import FixedClock, end_of, evidence, turn_names
from agentmem_retrievers import Query
from agentmem_stores import Granularity, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.formats.dialogue import Dialogue

__all__ = [
    "Example",
    "examples",
    "fit",
    "judge",
    "leave_one_out",
    "with_assistant",
    "without_names",
]

Floats = NDArray[np.float64]

# Features, each with the bounds of its weight.
BOUNDS: Mapping[str, tuple[float, float | None]] = {
    "turn.dense": (0.2, None),
    "lexical.bm25": (0.2, None),
    "lexical.coverage": (0.0, None),
    "late.passage": (0.0, None),
    "late.passage_rare": (0.0, None),
    "context.dense": (0.0, None),
    "time.named": (0.0, None),
    "time.mentions_when_asked": (0.0, None),
    "role.user": (0.0, 2.0),
    "role.user_by_default": (0.0, 1.0),
    "role.asks_back": (-3.0, 0.0),
}
STANDARDIZED = (
    "turn.dense",
    "lexical.bm25",
    "lexical.coverage",
    "late.passage",
    "late.passage_rare",
    "context.dense",
)
# What an exact number or identifier counts is set, not learned: data sets seldom ask for one, and
# where somebody does, it decides.
LITERAL = 5.0
L2, GROWTH = 3e-3, 0.75


@dataclass(frozen=True)
class Example:
    """A question: features of its candidates, shape (candidates, features), and the relevant."""

    features: Floats
    relevant: NDArray[np.bool_]
    n_relevant: int


def without_names(dialogue: Dialogue) -> Dialogue:
    """Turn a conversation of two people into one of a user with an assistant.

    It teaches what happens where both speak alike, which no conversation with a model does.
    """
    names = sorted({turn.speaker or "" for session in dialogue.sessions for turn in session.turns})
    roles = dict(zip(names, ("user", "assistant"), strict=False))
    sessions = tuple(
        replace(
            session,
            turns=tuple(
                replace(turn, speaker=None, role=roles.get(turn.speaker or "", "user"))
                for turn in session.turns
            ),
        )
        for session in dialogue.sessions
    )
    questions = tuple(
        replace(question, text=_in_first_person(question.text, names))
        for question in dialogue.questions
    )
    return replace(dialogue, sessions=sessions, questions=questions)


def _in_first_person(text: str, names: Sequence[str]) -> str:
    for name, (subject, possessive) in zip(names, (("I", "my"), ("you", "your")), strict=False):
        text = text.replace(f"{name}'s", possessive).replace(name, subject)
    for old, new in (("does I", "do I"), ("does you", "do you"), ("is I", "am I")):
        text = text.replace(old, new)
    return text


def examples(dialogues: Iterable[Dialogue], embeddings: Embeddings) -> Iterator[Example]:
    """Store each conversation and yield an example for each of its questions with evidence."""
    from agentmem.controller.controller import MemoryController
    from agentmem.ingest import ingest
    from agentmem_stores import InMemoryStore

    for dialogue in dialogues:
        clock, scope = FixedClock(end_of(dialogue)), Scope(dialogue.owner or "user")
        memory = MemoryController(InMemoryStore(), scope=scope, embeddings=embeddings, clock=clock)
        try:
            ingest(memory, dialogue, scope=scope)
            services, names = memory.services, turn_names(dialogue)
            table = services.memories.index(scope).tables[Granularity.TURN]
            row_of = {
                names[turn.session_id, turn.position]: table.row_of[turn.id]
                for turn in services.store.scan(scope, Granularity.TURN)
            }
            for question in dialogue.questions:
                relevant = evidence(dialogue, question)
                if relevant is None or not relevant.turns:
                    continue
                query = Query(
                    question.text,
                    services.embedder.query,
                    question.asked_at or end_of(dialogue),
                    query_tokens=services.embedder.query_tokens,
                )
                rows, features = services.engine.ranking(scope, query).first_stage(complete=True)
                columns = [_column(name, features[name]) for name in BOUNDS]
                wanted = [row_of[name] for name in relevant.turns]
                yield Example(np.stack(columns, axis=1), np.isin(rows, wanted), len(wanted))
        finally:
            memory.close()


def _column(name: str, values: Floats) -> Floats:
    if name not in STANDARDIZED:
        return values
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))


def fit(sets: Sequence[Sequence[Example]], without: Sequence[str] = ()) -> dict[str, float]:
    """Return the bounded weights that rank relevant turns above the others; sets count alike.

    The loss is that of `agentmem.evaluation.cross_validation.fit_listwise`.

    Args:
        without: features that there are none of; their weights are 0.
    """
    used = [
        (example, 1 / len(known))
        for known in sets
        for example in known
        if example.relevant.any() and not example.relevant.all()
    ]
    features = np.concatenate([example.features for example, _ in used])
    relevant = np.concatenate([example.relevant for example, _ in used])
    sizes = np.array([len(example.relevant) for example, _ in used])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    question = np.repeat(np.arange(len(sizes)), sizes)
    share = np.array([weight for _, weight in used])
    share /= share.sum()
    spread = features.std(axis=0) + 1e-9
    scaled, of = features / spread, question[relevant]
    counts = np.add.reduceat(relevant.astype(float), starts)[of] ** (GROWTH - 1) * share[of]

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = scaled @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - top[question]) * ~relevant
        others = np.add.reduceat(raised, starts)
        ahead = np.log(others + 1e-300)[of] + top[of] - scores[relevant]
        pull = counts / (1 + np.exp(-ahead))
        push = raised * (np.bincount(of, pull, len(sizes)) / (others + 1e-300))[question]
        push[relevant] -= pull
        value = float(counts @ np.logaddexp(0, ahead)) + L2 * float(weights @ weights)
        return value, push @ scaled + 2 * L2 * weights

    bounds = [
        (0.0, 0.0) if name in without else (low * s, None if high is None else high * s)
        for (name, (low, high)), s in zip(BOUNDS.items(), spread, strict=True)
    ]
    optimum = minimize(loss, np.full(len(bounds), 0.1), jac=True, method="L-BFGS-B", bounds=bounds)
    return dict(zip(BOUNDS, (optimum.x / spread).tolist(), strict=True))


def judge(known: Sequence[Example], weights: Mapping[str, float]) -> dict[str, float]:
    """Return the mean turn recall_all@10 and NDCG@10 of weights."""
    rows = []
    for example in known:
        order = np.argsort(-example.features @ np.array(list(weights.values())), kind="stable")
        ranked = [str(place) for place in order[:10]]
        wanted = [str(place) for place in np.flatnonzero(example.relevant)]
        wanted += [f"missing {n}" for n in range(example.n_relevant - len(wanted))]
        rows.append({"recall": recall_all(ranked, wanted, 10), "ndcg": ndcg(ranked, wanted, 10)})
    return mean_by_name(rows)


def leave_one_out(sets: Mapping[str, Sequence[Example]]) -> dict[str, dict[str, float]]:
    """Judge each data set by weights learned from the others."""
    return {
        name: judge(known, fit([other for key, other in sets.items() if key != name]))
        for name, known in sets.items()
    }


def with_assistant(content: Mapping[str, Any], sets: Mapping[str, Sequence[Example]]) -> str:
    """Return the content of `weights.json` with newly fitted weights for assistants."""
    plain = [name for name in BOUNDS if name.startswith("late.")]
    known, assistant = list(sets.values()), dict(content["assistant"])
    assistant |= _section(fit(known), known=sets)
    assistant["without_words"] = {**assistant["without_words"], **_section(fit(known, plain))}
    return json.dumps({**content, "assistant": assistant}, indent=1, ensure_ascii=False) + "\n"


def _section(
    weights: Mapping[str, float], known: Mapping[str, Sequence[Example]] | None = None
) -> dict[str, Any]:
    used = {name: float(f"{weight:.4g}") for name, weight in weights.items() if weight}
    section: dict[str, Any] = {
        "first": {**used, "exact.literal": LITERAL},
        "standardized": [name for name in STANDARDIZED if name in used],
    }
    if known is not None:
        section["provenance"] = {
            "learned from": {name: len(examples) for name, examples in known.items()},
            "command": "python -m benchmarks fit-assistant FILE... --out weights.json",
            "leaving one data set out": leave_one_out(known) if len(known) > 1 else {},
        }
    return section


def read_sets(files: Sequence[Path], limit: int | None) -> Iterator[tuple[str, list[Dialogue]]]:
    """Yield the conversations of each file; those with names also without them."""
    from agentmem.formats.read import read

    for file in files:
        dialogues: list[Dialogue] = []
        for dialogue in read(file):
            if limit is not None and sum(len(d.questions) for d in dialogues) >= limit:
                break
            has_names = any(turn.speaker for s in dialogue.sessions for turn in s.turns)
            dialogues.append(without_names(dialogue) if has_names else dialogue)
        yield file.name, dialogues
