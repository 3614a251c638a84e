"""The three acts: what happens on which day."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from agentmem import Granularity, MemoryController, Scope
from agentmem._local_model import LocalChatModel
from agentmem.chat import Talk, obey
from agentmem.plots import plot_forgetting_curve, plot_graph
from agentmem.testing import ManualClock

__all__ = ["ACTS", "Act", "play"]

_console = Console(highlight=False)


@dataclass(frozen=True)
class Act:
    """A conversation of its own process, at its own time."""

    title: str
    begins: datetime
    happens: Callable[[Stage], None]


@dataclass(frozen=True)
class Stage:
    """What an act plays with."""

    talk: Talk
    clock: ManualClock
    out: Path

    @property
    def memory(self) -> MemoryController:
        """Ada's memory."""
        return self.talk.memory

    def tell(self, text: str) -> None:
        """Say what is about to happen."""
        _console.print()
        _console.print(Padding(Text(text, style="italic magenta"), (0, 2, 0, 2)))
        _console.print()

    def type(self, *lines: str) -> None:
        """Type lines as a user would; a minute passes with each."""
        for line in lines:
            _console.print(Text("you> ", style="bold cyan"), line, sep="", markup=False)
            if line.startswith("/"):
                obey(self.talk, line)
            else:
                self.talk.say(line)
            self.clock.advance(minutes=1)


def play(act: Act, out: Path, store: Path) -> None:
    """Play one act."""
    _console.print()
    _console.rule(Text(f"{act.title}: {act.begins:%A, %d %B %Y}", style="bold"))
    clock = ManualClock(act.begins)
    with MemoryController.open(
        store, scope=Scope("ada"), clock=clock, rng=random.Random(act.begins.isoformat())
    ) as memory:
        session = f"{act.begins:%Y-%m-%d}"
        talk = Talk(LocalChatModel(max_new_tokens=48), memory, _console, session)
        act.happens(Stage(talk, clock, out))


def _first(stage: Stage) -> None:
    stage.tell("Ada talks with the chatbot for the first time. It knows nothing of her.")
    stage.type(
        "My beagle is called Biscuit.",
        "I live in Lisbon.",
        "I play the cello in an orchestra.",
        "My sister Clara is a dentist in Porto.",
        "I am allergic to peanuts.",
        "It rained when I went for lunch today.",
        "/stats",
    )


def _second(stage: Stage) -> None:
    stage.tell("A week later, in a new process. What was said is still there.")
    stage.type("What is my dog called?", "/why", "Where do I live?")
    stage.tell(
        "Ada has moved. Her program corrects the memory, and the former version stays known: "
        "memory.update(id, text=...)"
    )
    [home] = [m for m in stage.memory.get_all(granularity=Granularity.TURN) if "Lisbon" in m.text and m.role == "user"]
    stage.memory.update(home.id, text="I live in Porto.")
    stage.type("Where do I live now?")
    for version in stage.memory.history(home.id):
        _console.print(f"  version {version.version}, since {version.said_at:%Y-%m-%d}: {version.text}")


def _third(stage: Stage) -> None:
    stage.tell("Months later. What nobody asked about has faded, and a sweep archives it.")
    stage.type("/sweep")
    stage.type("What is my dog called?", "/graph")
    stage.tell("Archived is not deleted: a search finds it, and then it is back.")
    stage.type("/search What was the weather like at lunch?", "/timeline", "/stats")


ACTS = (
    Act("First session", datetime(2026, 1, 5, 9, 0, tzinfo=UTC), _first),
    Act("Second session", datetime(2026, 1, 12, 18, 30, tzinfo=UTC), _second),
    Act("Third session", datetime(2026, 5, 4, 8, 15, tzinfo=UTC), _third),
)
