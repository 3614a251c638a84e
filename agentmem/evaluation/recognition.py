"""Recognition beside recall: is a text known, is a paraphrase of it, is a text that was never said?

Half of the turns of each conversation are written. Seen are these turns, paraphrases are these
turns in other words, unseen are the turns of the other half. Retention: the same after simulated
months in which what faded was archived, beside recall, which looks for the turn with a question of
its rarest words.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.controller.controller import MemoryController
from agentmem.evaluation.metrics import auroc
from agentmem.evaluation.tasks import FixedClock, end_of
from agentmem.progress import NullProgress, Progress
from agentmem_retrievers.text.tokenize import text_key, tokenize
from agentmem_stores import InMemoryStore, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.formats.dialogue import Dialogue, DialogueTurn

__all__ = ["RecognitionScores", "measure_recognition", "paraphrase"]

DELAYS = (0, 90, 365)
# Shorter turns ("Wow, thanks!") are repeated by chance, so recognizing them proves nothing.
_MIN_WORDS = 5
_BINS = 10

# Rules of paraphrasing: another word or construction that keeps the meaning.
_RULES: tuple[tuple[str, str], ...] = (
    (r"\bI'm\b", "I am"), (r"\bI've\b", "I have"), (r"\bI'll\b", "I will"),
    (r"\bit's\b", "it is"), (r"\bdon't\b", "do not"), (r"\bcan't\b", "cannot"),
    (r"\bthat's\b", "that is"), (r"\blove\b", "really like"), (r"\benjoy\b", "like"),
    (r"\bgreat\b", "wonderful"), (r"\bamazing\b", "fantastic"), (r"\bawesome\b", "excellent"),
    (r"\bbig\b", "large"), (r"\bhappy\b", "glad"), (r"\bstarted\b", "began"),
    (r"\bbought\b", "purchased"), (r"\bgot\b", "received"), (r"\bkids\b", "children"),
    (r"\bmom\b", "mother"), (r"\bdad\b", "father"), (r"\bjob\b", "position"),
    (r"\bfun\b", "enjoyable"), (r"\blast week\b", "a week ago"),
    (r"\byesterday\b", "the day before"),
    (r"\bhelp\b", "support"), (r"\bfriends\b", "pals"), (r"\bneed to\b", "have to"),
    (r"\bwant to\b", "would like to"), (r"\btrying to\b", "attempting to"),
    (r"\ba lot of\b", "plenty of"), (r"\breally\b", "truly"), (r"\bso much\b", "a great deal"),
    (r"\bthink\b", "believe"), (r"\bbecause\b", "since"), (r"\balso\b", "as well"),
)  # fmt: skip
_OPENING = re.compile(
    r"^(?:(?:hey|hi|wow|yeah|yes|oh|thanks?(?: you)?|cool|absolutely|totally)\b[^.!?,]*[.!?,]\s*)+",
    re.IGNORECASE,
)


def paraphrase(text: str, rng: random.Random) -> str:
    """Return a text in other words: synonyms, another opening, sentences in another order.

    >>> paraphrase("Hey Mel! I'm happy. I bought a big car.", random.Random(0))
    'I purchased a large car. I am glad.'
    """
    changed = _OPENING.sub("", text) or text
    for pattern, replacement in _RULES:
        changed = re.sub(pattern, replacement, changed, flags=re.IGNORECASE)
    sentences = re.split(r"(?<=[.!?])\s+", changed)
    if len(sentences) > 1:
        first = rng.randrange(1, len(sentences))
        sentences = sentences[first:] + sentences[:first]
    joined = " ".join(sentences)
    return joined if joined != text else f"As I said, {text[0].lower()}{text[1:]}"


@dataclass
class RecognitionScores:
    """Familiarities by what was shown, and how often recall found the turn, by delay in days."""

    familiarity: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    by_hand: dict[str, list[float]] = field(default_factory=dict)
    right_memory: dict[int, list[bool]] = field(default_factory=dict)
    recalled: dict[int, list[bool]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the measures by delay: AUROC, calibration error, and both retentions."""
        return {str(delay): self._at(delay) for delay in self.familiarity}

    def _at(self, delay: int) -> dict[str, float | None]:
        familiarities = self.familiarity[delay]
        positive = [*familiarities["seen"], *familiarities["paraphrase"]]
        return {
            "auroc_seen": auroc(familiarities["seen"], familiarities["unseen"]),
            "auroc_paraphrase": auroc(familiarities["paraphrase"], familiarities["unseen"]),
            "calibration_error": calibration_error(positive, familiarities["unseen"]),
            "auroc_by_hand": auroc(self.by_hand["paraphrase"], self.by_hand["unseen"]),
            "right_memory": float(np.mean(self.right_memory[delay])),
            "recalled": float(np.mean(self.recalled[delay])),
        }


def calibration_error(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the expected calibration error over tenths of the scale; both classes weigh the same.

    >>> round(calibration_error([1.0, 1.0], [0.0]), 3)
    0.0
    """
    scores = np.array([*positives, *negatives])
    truth = np.array([1.0] * len(positives) + [0.0] * len(negatives))
    weight = np.where(truth == 1, 0.5 / max(len(positives), 1), 0.5 / max(len(negatives), 1))
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for each in range(_BINS):
        here = bins == each
        error += abs(float(((scores - truth) * weight)[here].sum()))
    return error


def measure_recognition(
    dialogues: Iterable[Dialogue],
    embeddings: Embeddings,
    *,
    seed: int = 0,
    limit: int = 100,
    progress: Progress | None = None,
) -> RecognitionScores:
    """Measure recognition and recall on conversations.

    Args:
        limit: how many turns of each kind to show of each conversation.
    """
    scores, report = RecognitionScores(), progress or NullProgress()
    scores.by_hand = _show_by_hand(embeddings)
    for dialogue in dialogues:
        rng = random.Random(f"{seed}/{dialogue.owner}")
        report.expect(dialogue.owner, len(DELAYS))
        clock = FixedClock(end_of(dialogue))
        with MemoryController(
            InMemoryStore(_spec(embeddings)),
            scope=Scope("user"),
            embeddings=embeddings,
            clock=clock,
            linger=None,
        ) as memory:
            seen, unseen = _write_half(memory, dialogue, rng)
            sample = rng.sample(seen, min(limit, len(seen)))
            new = rng.sample(unseen, min(limit, len(unseen)))
            for delay in DELAYS:
                clock.now = end_of(dialogue) + timedelta(days=delay)
                memory.sweep()
                _show(memory, scores, delay, sample, new, random.Random(seed))
                report.advance(dialogue.owner, 1)
    return scores


def _show_by_hand(embeddings: Embeddings) -> dict[str, list[float]]:
    """Write statements; return how familiar their paraphrases are, and what was not written."""
    text = files(__package__).joinpath("paraphrases.toml").read_text(encoding="utf-8")
    pairs = tomllib.loads(text)["pairs"]
    familiarities: dict[str, list[float]] = {"paraphrase": [], "unseen": []}
    with MemoryController(
        InMemoryStore(_spec(embeddings)), scope=Scope("user"), embeddings=embeddings, linger=None
    ) as memory:
        memory.add([statement for statement, _, _ in pairs])
        for _, other_words, other in pairs:
            familiarities["paraphrase"].append(memory.recognize(other_words).familiarity)
            familiarities["unseen"].append(memory.recognize(other).familiarity)
    return familiarities


def _spec(embeddings: Embeddings) -> Any:
    from agentmem.embedding.embedder import Embedder

    return Embedder(embeddings).spec


def _write_half(
    memory: MemoryController, dialogue: Dialogue, rng: random.Random
) -> tuple[list[str], list[str]]:
    """Write a random half of the turns; return the long texts of both halves."""
    sessions: dict[str, list[Mapping[str, Any]]] = {}
    written: set[int] = set()
    seen, unseen = [], []
    for session_id, turn in _turns(dialogue):
        is_long = len(tokenize(turn.text)) >= _MIN_WORDS
        if rng.random() < 0.5:
            message = {"role": turn.role, "content": turn.text, "speaker": turn.speaker,
                       "timestamp": turn.said_at}  # fmt: skip
            sessions.setdefault(session_id, []).append(message)
            written.add(text_key(turn.text))
            seen += [turn.text] if is_long else []
        elif is_long:
            unseen.append(turn.text)
    memory.add_many(sessions)
    return seen, [text for text in unseen if text_key(text) not in written]


def _turns(dialogue: Dialogue) -> Iterator[tuple[str, DialogueTurn]]:
    for session in dialogue.sessions:
        for turn in session.turns:
            yield session.id, turn


def _show(
    memory: MemoryController,
    scores: RecognitionScores,
    delay: int,
    seen: Sequence[str],
    unseen: Sequence[str],
    rng: random.Random,
) -> None:
    kinds = scores.familiarity.setdefault(delay, {"seen": [], "paraphrase": [], "unseen": []})
    right = scores.right_memory.setdefault(delay, [])
    recalled = scores.recalled.setdefault(delay, [])
    for text in seen:
        kinds["seen"].append(memory.recognize(text).familiarity)
        result = memory.recognize(paraphrase(text, rng))
        kinds["paraphrase"].append(result.familiarity)
        right.append(result.memory is not None and result.memory.text == text)
        cue = " ".join(sorted(set(re.findall(r"\w+", text)), key=len)[-3:])
        hits = memory.search(cue, k=5, reinforce=False)
        recalled.append(any(hit.memory.text == text for hit in hits))
    for text in unseen:
        kinds["unseen"].append(memory.recognize(text).familiarity)
