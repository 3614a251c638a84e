"""What an evaluation is made of: conversations, and what is asked of the memory of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from agentmem.progress import NullProgress, Progress
from agentmem_retrievers import SearchResult
from agentmem_stores import Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue

__all__ = ["Asker", "Moment", "NullProgress", "Outcome", "Progress", "Task", "end_of"]

# For conversations that tell no time at all.
_SOMETIME = datetime(2024, 1, 1, tzinfo=UTC)
_REST = timedelta(days=1)


def end_of(dialogue: Dialogue) -> datetime:
    """Return when the last turn of a conversation was said, UTC."""
    said = (turn.said_at for session in dialogue.sessions for turn in session.turns)
    begun = (session.started_at for session in dialogue.sessions)
    return max((m for m in (*said, *begun) if m is not None), default=_SOMETIME)


@dataclass
class Moment:
    """A clock that stands still until it is set."""

    now: datetime = _SOMETIME

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Asker:
    """Asks the memory of one conversation, at a time that the question gives.

    Searches strengthen nothing, so that no answer depends on which question came before.
    """

    memory: MemoryController
    clock: Moment
    scope: Scope
    end: datetime
    k: int

    def moment(self, asked_at: datetime | None) -> datetime:
        """When a question is asked: as it says, else a day after the last turn."""
        return asked_at or self.end + _REST

    def search(self, text: str, moment: datetime, **wanted: Any) -> tuple[SearchResult, float]:
        """Return what is found, and the seconds that took."""
        self.clock.now = moment
        options: dict[str, Any] = {"k": self.k, "scope": self.scope, "reinforce": False} | wanted
        start = time.perf_counter()
        found = self.memory.search(text, **options)
        return found, time.perf_counter() - start


@dataclass(frozen=True)
class Outcome:
    """How one question went.

    Attributes:
        categories: what the question counts under.
        turn, session, answer: metrics by name, in [0, 1].
        confidence: the search's own.
        seconds: what the search for turns took, its question's embedding included.
        text: the question.
        rest: from the last turn of the conversation to the question.
    """

    categories: tuple[str, ...]
    turn: Mapping[str, float]
    session: Mapping[str, float] = field(default_factory=dict)
    answer: Mapping[str, float] = field(default_factory=dict)
    confidence: float = 0.0
    seconds: float = 0.0
    text: str = ""
    rest: timedelta = _REST


class Task(Protocol):
    """Something that memory can be tested on.

    Attributes:
        name: what the report calls it.
        crossed: whether its questions also make sense, but have no answer, in the next
            conversation; then they tell how well the confidence knows.
        headline: the metrics, such as `turn recall_all@10`, that a summary shows.
    """

    @property
    def name(self) -> str: ...
    @property
    def crossed(self) -> bool: ...
    @property
    def headline(self) -> tuple[str, ...]: ...

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the conversations, one at a time, so that they need not fit into memory."""

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return how many questions are asked of a conversation, and how many are left out."""

    def ask(self, asker: Asker, dialogue: Dialogue, *, answer: bool) -> Iterator[Outcome]:
        """Ask the questions of a conversation of its memory.

        Args:
            answer: whether the answering model, if there is one, is to be asked too.
        """
