"""Needles and threads in a haystack of keys and values.

After Roberts, Han and Albanie, Needle Threading (arXiv 2411.05000): every turn states the value of
one key, both random UUIDs. A question asks for one value, for several, or to follow a thread, in
which each value is the next key; several threads may be followed at once.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from agentmem.evaluation.metrics import recall_all
from agentmem.evaluation.tasks import MemoryUnderTest, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion

__all__ = ["Haystack", "NeedleTask", "Thread", "haystack"]

Thread = tuple[tuple[str, str], ...]

_START = datetime(2024, 1, 1, 9, tzinfo=UTC)
# Turns of one day, a minute apart.
_TURNS_PER_SESSION = 50
# Every hop costs a search, so threads are limited to this length.
_MAX_HOPS = 10
# Needles are at most this share of the haystack, so that there is hay around them.
_MAX_SHARE = 0.8


@dataclass(frozen=True)
class NeedleQuestion:
    """A question, and the (key, value) pairs that answer it.

    Attributes:
        hops: length of its threads in turns; None without threads.
    """

    kind: str
    text: str
    needles: tuple[tuple[str, str], ...]
    hops: int | None = None


@dataclass(frozen=True)
class Haystack:
    """The pairs in the order of their turns, and the questions."""

    pairs: tuple[tuple[str, str], ...]
    questions: tuple[NeedleQuestion, ...]

    def dialogue(self) -> Dialogue:
        """Return the haystack as one user's conversation, in sessions of 50 turns a day."""
        from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

        sessions = []
        for day, first in enumerate(range(0, len(self.pairs), _TURNS_PER_SESSION)):
            start = _START + timedelta(days=day)
            turns = tuple(
                DialogueTurn(
                    role="user",
                    speaker=None,
                    text=turn_text(pair),
                    said_at=start + timedelta(minutes=minute),
                    metadata={},
                )
                for minute, pair in enumerate(self.pairs[first : first + _TURNS_PER_SESSION])
            )
            sessions.append(DialogueSession(id=f"day-{day + 1}", started_at=start, turns=turns))
        return Dialogue(owner="haystack", sessions=tuple(sessions), questions=self._plain())

    def _plain(self) -> tuple[DialogueQuestion, ...]:
        """The questions without threads, with the names of their turns as evidence."""
        from agentmem.formats.dialogue import DialogueQuestion

        place = {
            pair: f"day-{i // _TURNS_PER_SESSION + 1}:{i % _TURNS_PER_SESSION}"
            for i, pair in enumerate(self.pairs)
        }
        return tuple(
            DialogueQuestion(
                id=f"needle-{n}",
                text=question.text,
                answer=", ".join(value for _, value in question.needles),
                category=question.kind,
                evidence_turns=tuple(place[pair] for pair in question.needles),
            )
            for n, question in enumerate(self.questions)
            if question.hops is None
        )


def turn_text(pair: tuple[str, str]) -> str:
    """Return the text of the turn that states a pair."""
    return f"{pair[0]}: {pair[1]}"


def haystack(
    *, turns: int = 2000, needles: int = 5, threads: int = 3, hops: int = 10,
    questions: int = 20, seed: int = 0,
) -> Haystack:  # fmt: skip
    """Generate a haystack and its questions; the result depends on the arguments only.

    Every thread belongs to one question and ends where the question ends. The turns of all
    threads are shuffled among the others.

    Args:
        turns: the size of the haystack.
        needles: values per question for several values.
        threads: threads per question for several threads, each half as long as the longest.
        hops: length of the longest thread, from 2 to 10; there are threads of every length.
        questions: per kind and length; fewer if the haystack is too small.
        seed: random seed.

    Raises:
        InvalidInputError: a number is out of range, or the haystack has no room for one question
            of each kind.
    """
    _check(turns, needles, threads, hops, questions)
    several = max(2, hops // 2)
    lengths = [*range(2, hops + 1), *[several] * threads]
    each = min(questions, int(_MAX_SHARE * turns) // sum(lengths))
    if each < 1 or turns - each * sum(lengths) < needles:
        raise InvalidInputError(
            f"turns={turns} is too few for threads of up to {hops} hops and {threads} at once; "
            f"use at least {int(sum(lengths) / _MAX_SHARE) + needles}, fewer hops or fewer threads"
        )
    rng = random.Random(seed)
    threads_of = [[_thread(rng, length) for length in lengths] for _ in range(each)]
    hay = [(_uuid(rng), _uuid(rng)) for _ in range(turns - each * sum(lengths))]
    pairs = hay + [pair for row in threads_of for thread in row for pair in thread]
    asks = [
        *(_for_values("single needle", rng.sample(hay, 1)) for _ in range(questions)),
        *(_for_values(f"{needles} needles", rng.sample(hay, needles)) for _ in range(questions)),
        *(_for_ends("thread of", [row[n]]) for n in range(hops - 1) for row in threads_of),
        *(_for_ends(f"{threads} threads of", row[hops - 1 :]) for row in threads_of),
    ]
    rng.shuffle(pairs)
    return Haystack(tuple(pairs), tuple(asks))


def _check(turns: int, needles: int, threads: int, hops: int, questions: int) -> None:
    if not 2 <= hops <= _MAX_HOPS:
        raise InvalidInputError(f"hops={hops} must be between 2 and {_MAX_HOPS}")
    for name, value, least in [
        ("turns", turns, 1), ("needles", needles, 2), ("threads", threads, 2),
        ("questions", questions, 1),
    ]:  # fmt: skip
        if value < least:
            raise InvalidInputError(f"{name}={value} must be >= {least}")


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _thread(rng: random.Random, length: int) -> Thread:
    names = [_uuid(rng) for _ in range(length + 1)]
    return tuple(pairwise(names))


def _for_values(kind: str, pairs: Sequence[tuple[str, str]]) -> NeedleQuestion:
    keys = ", ".join(key for key, _ in pairs)
    text = f"What is the value of {keys}?" if len(pairs) == 1 else f"What are the values of {keys}?"
    return NeedleQuestion(kind, text, tuple(pairs))


def _for_ends(kind: str, threads: Sequence[Thread]) -> NeedleQuestion:
    hops = len(threads[0])
    starts = ", ".join(thread[0][0] for thread in threads)
    each = "" if len(threads) == 1 else "each of "
    text = f"Start at {each}{starts} and take every value as the next key. What comes at the end?"
    pairs = tuple(pair for thread in threads for pair in thread)
    return NeedleQuestion(f"{kind} {hops} hops", text, pairs, hops)


@dataclass(frozen=True)
class NeedleTask:
    """Search for as many turns as answer a question, and check whether they are the right ones.

    `all_found`: all of them are. `share_found`: the share that is.
    """

    haystack: Haystack
    limit: int | None = None
    name: str = "needle"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = ("turn all_found",)

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the haystack."""
        yield self.haystack.dialogue()

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(self._questions), 0

    @cached_property
    def _questions(self) -> tuple[NeedleQuestion, ...]:
        return self.haystack.questions[: self.limit]

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask for as many turns as the answer needs; `hops=` follows threads."""
        for question in self._questions:
            relevant = [turn_text(pair) for pair in question.needles]
            options = {} if question.hops is None else {"hops": question.hops}
            result, seconds = memory.search(
                question.text, memory.time_of(None), k=len(relevant), **options
            )
            texts = [hit.memory.text for hit in result]
            share = len(set(relevant).intersection(texts)) / len(relevant)
            yield Outcome(
                categories=(question.kind,),
                turn={
                    "all_found": recall_all(texts, relevant, len(relevant)),
                    "share_found": share,
                },
                confidence=result.confidence,
                seconds=seconds,
                text=question.text,
            )
