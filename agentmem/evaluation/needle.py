"""Needles and threads in a haystack of keys and values.

After Roberts, Han and Albanie, Needle Threading (arXiv 2411.05000): every turn tells the value of
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
from agentmem.evaluation.tasks import Asker, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion

__all__ = ["Haystack", "NeedleTask", "Thread", "haystack"]

Thread = tuple[tuple[str, str], ...]

_BEGUN = datetime(2024, 1, 1, 9, tzinfo=UTC)
_TURNS_PER_SESSION = 50
_LONGEST = 10
# Questions never take up more of the haystack, so that there is hay around the needles.
_SHARE = 0.8


@dataclass(frozen=True)
class NeedleQuestion:
    """A question, and the (key, value) pairs that it takes to answer it.

    Attributes:
        hops: how many turns of a thread are to be followed; None where nothing is.
    """

    kind: str
    text: str
    needles: tuple[tuple[str, str], ...]
    hops: int | None = None


@dataclass(frozen=True)
class Haystack:
    """The pairs in the order in which they are told, and what is asked of them."""

    pairs: tuple[tuple[str, str], ...]
    questions: tuple[NeedleQuestion, ...]

    def dialogue(self) -> Dialogue:
        """Return the haystack as one user's conversation, in sessions of 50 turns a day."""
        from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

        sessions = []
        for day, first in enumerate(range(0, len(self.pairs), _TURNS_PER_SESSION)):
            begun = _BEGUN + timedelta(days=day)
            turns = tuple(
                DialogueTurn(
                    role="user",
                    speaker=None,
                    text=turn_text(pair),
                    said_at=begun + timedelta(minutes=minute),
                    metadata={},
                )
                for minute, pair in enumerate(self.pairs[first : first + _TURNS_PER_SESSION])
            )
            sessions.append(DialogueSession(id=f"day-{day + 1}", started_at=begun, turns=turns))
        return Dialogue(owner="haystack", sessions=tuple(sessions), questions=self._plain())

    def _plain(self) -> tuple[DialogueQuestion, ...]:
        """The questions that no thread needs to be followed for, with the names of their turns."""
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
    """Return what a turn says of a key and its value."""
    return f"{pair[0]}: {pair[1]}"


def haystack(
    *, turns: int = 2000, needles: int = 5, threads: int = 3, hops: int = 10,
    questions: int = 20, seed: int = 0,
) -> Haystack:  # fmt: skip
    """Make a haystack and its questions; the same arguments make the same.

    Every thread belongs to one question only and ends where the question ends; the turns of all
    threads are shuffled among the others.

    Args:
        turns: the size of the haystack.
        needles: how many values the questions for several ask for.
        threads: how many threads are followed at once; each is of half the longest length.
        hops: threads of every length from 2 up to this are followed, at most 10.
        questions: of each kind and length, fewer where the haystack is too small.

    Raises:
        InvalidInputError: a number is out of range, or the haystack holds not one question of
            each kind.
    """
    _check(turns, needles, threads, hops, questions)
    several = max(2, hops // 2)
    lengths = [*range(2, hops + 1), *[several] * threads]
    each = min(questions, int(_SHARE * turns) // sum(lengths))
    if each < 1 or turns - each * sum(lengths) < needles:
        raise InvalidInputError(
            f"{turns} turns are too few for threads of up to {hops} hops and {threads} at once; "
            f"take at least {int(sum(lengths) / _SHARE) + needles} turns, or fewer hops or threads"
        )
    rng = random.Random(seed)
    made = [[_thread(rng, length) for length in lengths] for _ in range(each)]
    hay = [(_uuid(rng), _uuid(rng)) for _ in range(turns - each * sum(lengths))]
    pairs = hay + [pair for row in made for thread in row for pair in thread]
    asked = [
        *(_for_values("single needle", rng.sample(hay, 1)) for _ in range(questions)),
        *(_for_values(f"{needles} needles", rng.sample(hay, needles)) for _ in range(questions)),
        *(_for_ends("thread of", [row[n]]) for n in range(hops - 1) for row in made),
        *(_for_ends(f"{threads} threads of", row[hops - 1 :]) for row in made),
    ]
    rng.shuffle(pairs)
    return Haystack(tuple(pairs), tuple(asked))


def _check(turns: int, needles: int, threads: int, hops: int, questions: int) -> None:
    if not 2 <= hops <= _LONGEST:
        raise InvalidInputError(f"hops={hops} must be from 2 to {_LONGEST}")
    for name, value, least in [
        ("turns", turns, 1), ("needles", needles, 2), ("threads", threads, 2),
        ("questions", questions, 1),
    ]:  # fmt: skip
        if value < least:
            raise InvalidInputError(f"{name}={value} must be at least {least}")


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
    """Are all the turns that it takes among the first k, with k just as many as it takes?"""

    haystack: Haystack
    limit: int | None = None
    name: str = "needle"
    crossed: bool = False
    headline: tuple[str, ...] = ("turn all_found",)

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the haystack."""
        yield self.haystack.dialogue()

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(self._asked), 0

    @cached_property
    def _asked(self) -> tuple[NeedleQuestion, ...]:
        return self.haystack.questions[: self.limit]

    def ask(self, asker: Asker, dialogue: Dialogue, *, answer: bool) -> Iterator[Outcome]:
        """Ask for as many turns as the answer takes; threads are followed by `hops=`."""
        for question in self._asked:
            wanted = [turn_text(pair) for pair in question.needles]
            options = {} if question.hops is None else {"hops": question.hops}
            found, seconds = asker.search(
                question.text, asker.moment(None), k=len(wanted), **options
            )
            texts = [hit.memory.text for hit in found]
            share = len(set(wanted).intersection(texts)) / len(wanted)
            yield Outcome(
                categories=(question.kind,),
                turn={"all_found": recall_all(texts, wanted, len(wanted)), "share_found": share},
                confidence=found.confidence,
                seconds=seconds,
                text=question.text,
            )
