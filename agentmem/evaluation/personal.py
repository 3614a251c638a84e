"""Personal meanings and routines, after MEMENTO (personalized assistance): what does one person
mean by "my lucky cup", and what is to be done "when I say movie night"?

Generated: users describe their objects and where these stand, and what their routines
are; some change later, and others talk about theirs. A command needs one memory, or one of each
kind together.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agentmem.evaluation.tasks import MemoryUnderTest, Outcome

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["PersonalTask", "households"]

_START = datetime(2024, 1, 1, 18, tzinfo=UTC)
# Hits among which all memories of a command must be.
_TOP = 10

_OBJECTS = (
    "lucky cup", "reading chair", "winter boots", "travel bag", "favorite blanket", "good scissors",
    "lunch box", "camping lamp", "old radio", "writing desk", "baking tin", "rain jacket",
)  # fmt: skip
_LOOKS = ("red", "striped", "dark green", "wooden", "patched", "silver", "yellow", "checkered")
_PLACES = ("shelf by the door", "cellar", "hall closet", "kitchen drawer", "attic", "balcony box")
_ROUTINES = (
    "movie night", "early start", "quiet hour", "laundry day", "guest mode", "rainy Sunday",
    "game evening", "spring clean", "bread time", "power nap",
)  # fmt: skip
_STEPS = (
    "dim the lights", "bring popcorn", "close the curtains", "start the kettle", "feed the cat",
    "turn on the radio", "set the table", "open the windows", "water the ferns", "mute the phone",
)  # fmt: skip
_TELLS_OBJECT = (
    "My {name} is the {look} one in the {place}.",
    "By {name} I mean the {look} one, it's kept in the {place}.",
    "The {look} one in the {place}, that's my {name}.",
)
_TELLS_ROUTINE = (
    "When I say {name}, {one} and {two}.",
    "{name} means: {one}, then {two}.",
    "For {name} please {one} and {two}.",
)
_CHANGES_OBJECT = "I moved things around: my {name} is now the {look} one in the {place}."
_CHANGES_ROUTINE = "From now on, when I say {name}, {one} and {two} instead."
_OTHERS = (
    "My colleague keeps her {name} in the {place}.",
    "I saw a {look} one like a {name} at the market.",
    "My brother's {name} is {look} too.",
)
_SMALL_TALK = (
    "It rained all afternoon.", "The neighbors are painting their fence.", "I slept badly.",
    "The tram was full again.", "We had soup for lunch.", "I should call my aunt.",
)  # fmt: skip


@dataclass(frozen=True)
class _Command:
    """What a user says, and the texts of the memories that it needs."""

    text: str
    needed: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class _Household:
    dialogue: Dialogue
    commands: tuple[_Command, ...]


def households(*, users: int = 4, sessions: int = 20, seed: int = 0) -> Iterator[_Household]:
    """Generate users one by one; the result depends on the arguments only."""
    for number in range(users):
        yield _household(random.Random(f"{seed}/{number}"), f"user-{number + 1}", sessions)


def _household(rng: random.Random, owner: str, sessions: int) -> _Household:
    statements: dict[str, str] = {}
    lines: list[str] = []
    for name in _OBJECTS:
        statements[name] = rng.choice(_TELLS_OBJECT).format(name=name, **_look(rng))
    for name in _ROUTINES:
        text = rng.choice(_TELLS_ROUTINE).format(name=name, **_steps(rng))
        statements[name] = text[0].upper() + text[1:]
    lines += statements.values()
    rng.shuffle(lines)
    for name in rng.sample(_OBJECTS, 3):
        statements[name] = _CHANGES_OBJECT.format(name=name, **_look(rng))
        lines.append(statements[name])
    for name in rng.sample(_ROUTINES, 3):
        statements[name] = _CHANGES_ROUTINE.format(name=name, **_steps(rng))
        lines.append(statements[name])
    commands = [
        _Command(f"Bring me my {name}.", (statements[name],), "object") for name in _OBJECTS
    ]
    commands += [_Command(f"{name}, please!", (statements[name],), "routine") for name in _ROUTINES]
    for routine, thing in zip(_ROUTINES, rng.sample(_OBJECTS, len(_ROUTINES)), strict=True):
        text = f"It's {routine}, and I need my {thing}."
        commands.append(_Command(text, (statements[routine], statements[thing]), "joint"))
    return _Household(_dialogue(rng, owner, lines, sessions), tuple(commands))


def _look(rng: random.Random) -> dict[str, str]:
    return {"look": rng.choice(_LOOKS), "place": rng.choice(_PLACES)}


def _steps(rng: random.Random) -> dict[str, str]:
    one, two = rng.sample(_STEPS, 2)
    return {"one": one, "two": two}


def _dialogue(rng: random.Random, owner: str, lines: list[str], sessions: int) -> Dialogue:
    """Spread statements over sessions in order, between small talk and talk about others."""
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

    per_session = -(-len(lines) // sessions)
    days = []
    for n in range(sessions):
        texts = lines[n * per_session : (n + 1) * per_session]
        texts += [
            rng.choice(_OTHERS).format(name=rng.choice(_OBJECTS), **_look(rng)) for _ in range(3)
        ]
        texts += rng.sample(_SMALL_TALK, 3)
        start = _START + timedelta(days=7 * n)
        turns = tuple(
            DialogueTurn(role, None, text, start + timedelta(minutes=2 * m + (role != "user")), {})
            for m, statement in enumerate(texts)
            for role, text in (("user", statement), ("assistant", "All right."))
        )
        days.append(DialogueSession(f"day-{n + 1}", start, turns))
    return Dialogue(owner=owner, sessions=tuple(days), questions=())


@dataclass(frozen=True)
class PersonalTask:
    """Give every command, and check whether all memories that it needs are found.

    `all_needed@10`: all of them are among the first ten hits. `all_recalled`: the words of all of
    them are in the context that `recall` returns.
    """

    users: int = 4
    sessions: int = 20
    seed: int = 0
    name: str = "personal"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = ("turn all_needed@10", "turn all_recalled")

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user."""
        for household in self._all():
            yield household.dialogue

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of commands; none is left out."""
        return len(self._of(dialogue)), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Give each command."""
        for command in self._of(dialogue):
            result, seconds = memory.search(command.text, memory.time_of(None))
            texts = {hit.memory.text for hit in result.hits[:_TOP]}
            context = memory.memory.recall(command.text, scope=memory.scope, reinforce=False)
            yield Outcome(
                categories=(command.kind,),
                turn={
                    "all_needed@10": float(texts.issuperset(command.needed)),
                    "all_recalled": float(all(text in context.text for text in command.needed)),
                },
                confidence=result.confidence,
                seconds=seconds,
                text=command.text,
            )

    def _all(self) -> Iterator[_Household]:
        return households(users=self.users, sessions=self.sessions, seed=self.seed)

    def _of(self, dialogue: Dialogue) -> tuple[_Command, ...]:
        return next(h.commands for h in self._all() if h.dialogue.owner == dialogue.owner)
