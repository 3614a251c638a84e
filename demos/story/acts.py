"""The three acts of the story."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from agentmem import Client, Granularity, Memory, MemoryController, Scope
from agentmem.cli.chat.conversation import Conversation
from agentmem.cli.chat.slash_commands import run_command
from agentmem.plots import plot_forgetting_curve, plot_graph
from agentmem.testing import ManualClock

__all__ = ["ACTS", "Act", "play"]

_console = Console(highlight=False)


@dataclass(frozen=True)
class Act:
    """A conversation in its own process, at its own time."""

    title: str
    starts: datetime
    play: Callable[[Stage], None]


@dataclass(frozen=True)
class Stage:
    """What an act uses."""

    conversation: Conversation
    clock: ManualClock
    out: Path

    @property
    def memory(self) -> MemoryController | Client:
        """The memory of Ada."""
        return self.conversation.memory

    def narrate(self, text: str) -> None:
        """Print what happens next."""
        _console.print()
        _console.print(Padding(Text(text, style="italic magenta"), (0, 2, 0, 2)))
        _console.print()

    def type(self, *lines: str) -> None:
        """Type lines as a user does; each takes a minute."""
        for line in lines:
            _console.print(Text("you> ", style="bold cyan"), line, sep="", markup=False)
            if line.startswith("/"):
                run_command(self.conversation, line)
            else:
                self.conversation.send(line)
            self.clock.advance(minutes=1)


def play(act: Act, out: Path, model: BaseChatModel) -> None:
    """Play an act; the memories are in the folder `store` of `out`."""
    _console.print()
    _console.rule(Text(f"{act.title}: {act.starts:%A, %d %B %Y}", style="bold"))
    clock = ManualClock(act.starts)
    with MemoryController.open(
        out / "store", scope=Scope("ada"), clock=clock, rng=random.Random(act.starts.isoformat())
    ) as memory:
        session = f"{act.starts:%Y-%m-%d}"
        conversation = Conversation(model, memory, _console, session)
        act.play(Stage(conversation, clock, out))


def _act_one(stage: Stage) -> None:
    stage.narrate("Ada chats with the assistant for the first time. It knows nothing about her.")
    stage.type(
        "My beagle is called Biscuit.",
        "I live in Lisbon.",
        "I play the cello in an orchestra.",
        "I had pancakes for breakfast.",
        "It rained when I went for lunch today.",
        "The parking ticket is valid until noon.",
        "/stats",
    )


def _act_two(stage: Stage) -> None:
    stage.narrate("A week later, in a new process. The assistant remembers.")
    stage.type("What is my dog called?", "/why", "Where do I live?")
    stage.narrate(
        "Ada has moved, and her program updates the memory: "
        'memory.update(id, text="I live in Porto.")'
    )
    home = _find(stage, "I live in Lisbon.")
    stage.memory.update(home.id, text="I live in Porto.")
    stage.type("Where do I live now?")
    stage.narrate("The former version is in the history.")
    for version in stage.memory.history(home.id):
        since = f"since {version.said_at:%Y-%m-%d}"
        _console.print(f"  version {version.version}, {since}: {version.text}", markup=False)


def _act_three(stage: Stage) -> None:
    stage.narrate("Five months later. A sweep archives faded memories, which nobody asked about.")
    stage.type("/sweep")
    stage.narrate("Memories that were recalled are still active.")
    stage.type("What is my dog called?", "/graph")
    stage.narrate("Archived is not deleted: a search finds a memory, and makes it active again.")
    stage.type("/search What was the weather like at lunch?", "/stats")
    _draw(stage)


def _find(stage: Stage, text: str) -> Memory:
    turns = stage.memory.get_all(granularity=Granularity.TURN)
    return next(turn for turn in turns if turn.text == text)


def _draw(stage: Stage) -> None:
    stage.narrate("Two plots: the association graph, and how the dog's name faded.")
    graph = plot_graph(stage.memory.graph(), stage.out / "graph.png", title="What Ada said")
    days = [(act.starts - ACTS[0].starts).days for act in ACTS[1:]]
    # The dog was the first memory, so its surprise is 1.
    curve = plot_forgetting_curve(
        stage.memory.curve, days, None, stage.out / "forgetting-curve.png", surprise=1.0
    )
    memories = stage.out / "memories.jsonl"
    stage.memory.export(memories)
    for path in (graph, curve, memories):
        _console.print(f"  {path}", markup=False)


ACTS = (
    Act("First session", datetime(2026, 1, 5, 9, 0, tzinfo=UTC), _act_one),
    Act("Second session", datetime(2026, 1, 12, 18, 30, tzinfo=UTC), _act_two),
    Act("Third session", datetime(2026, 6, 8, 8, 15, tzinfo=UTC), _act_three),
)
