"""What forgetting costs: a data set's questions, asked long after its conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from agentmem.evaluation.cache import IngestCache, IngestedConversation
from agentmem.evaluation.metrics import recall_all
from agentmem.evaluation.tasks import FixedClock, end_of, evidence, turn_names
from agentmem.progress import NullProgress, Progress
from agentmem_retrievers import SearchSettings
from agentmem_stores import Granularity, State

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue

__all__ = ["measure_decay"]

_TOP_K = 10
# A user who opens the store every month, so that faded turns are archived little by little.
_DAYS_BETWEEN_SWEEPS = 30
# No search is so unsure that it looks into the archive.
_WITHOUT_ARCHIVE = SearchSettings(archive_below=0.0, archive_share=1.0)


@dataclass
class _Counts:
    """What is counted over all conversations, each 0 or 1 for a question or a turn."""

    not_swept: list[float] = field(default_factory=list)
    swept: list[float] = field(default_factory=list)
    without_archive: list[float] = field(default_factory=list)
    archive_used: list[float] = field(default_factory=list)
    unneeded_archived: list[float] = field(default_factory=list)
    needed_archived: list[float] = field(default_factory=list)


def measure_decay(
    dialogues: Iterable[Dialogue],
    cache: IngestCache,
    *,
    days: int = 365,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Let time pass after each conversation, sweeping once a month, and ask its questions.

    Nothing is recalled in between: what is retained is so for what it says.

    Args:
        days: between the end of a conversation and the questions.

    Returns:
        Shares in [0, 1]: recall_all@10 of turns where nothing was swept (`not_swept`), after
        sweeping (`swept`), and if no search looks into the archive (`without_archive`); of the
        turns that questions need and of the others, those that are archived; and of the
        questions, those with an archived turn among the first ten (`archive_used`).
    """
    reporter, counts = progress or NullProgress(), _Counts()
    for dialogue in dialogues:
        with cache.copied(dialogue, reporter) as copy:
            _count(copy, days, counts, reporter)
    return {name: float(np.mean(values or 0.0)) for name, values in vars(counts).items()}


def _count(copy: IngestedConversation, days: int, counts: _Counts, progress: Progress) -> None:
    names, asked = turn_names(copy.dialogue), _questions(copy.dialogue)
    later = end_of(copy.dialogue) + timedelta(days=days)

    def ask(settings: SearchSettings | None = None) -> Iterator[tuple[float, float]]:
        """Yield whether all evidence is found, and whether an archived turn is."""
        memory = _controller(copy, later, settings)
        for text, needed in asked:
            hits = memory.search(text, k=_TOP_K, scope=copy.scope, reinforce=False)
            turns = [names[hit.memory.session_id, hit.memory.position] for hit in hits]
            progress.advance("asking", 1)
            yield recall_all(turns, needed, _TOP_K), float(any(hit.archived for hit in hits))

    progress.expect("asking", 3 * len(asked))
    counts.not_swept += [right for right, _ in ask()]
    for month in range(0, days, _DAYS_BETWEEN_SWEEPS):
        moment = later - timedelta(days=days - month)
        _controller(copy, moment).services.sweep_faded(copy.scope)
    for right, used in ask():
        counts.swept.append(right)
        counts.archive_used.append(used)
    counts.without_archive += [right for right, _ in ask(_WITHOUT_ARCHIVE)]
    needed = frozenset[str]().union(*(turns for _, turns in asked))
    for turn in copy.store.scan(copy.scope, Granularity.TURN):
        is_needed = names[turn.session_id, turn.position] in needed
        of_kind = counts.needed_archived if is_needed else counts.unneeded_archived
        of_kind.append(float(turn.state is State.ARCHIVED))


def _questions(dialogue: Dialogue) -> list[tuple[str, frozenset[str]]]:
    """The questions that turns answer, each with the names of these turns."""
    relevant = [(question.text, evidence(dialogue, question)) for question in dialogue.questions]
    return [(text, gold.turns) for text, gold in relevant if gold is not None and gold.turns]


def _controller(
    copy: IngestedConversation, now: datetime, settings: SearchSettings | None = None
) -> MemoryController:
    from agentmem.controller.controller import MemoryController

    return MemoryController(
        copy.store,
        embeddings=copy.embeddings,
        clock=FixedClock(now),
        settings=settings,
        linger=None,
    )
