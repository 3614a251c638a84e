"""A conversation in the terminal: one memory, one agent, one session."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agentmem.cli.chat.streaming import SafeStream, Wrapper
from agentmem.models.local_model import LocalChatModel
from agentmem_retrievers import SearchResult

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.agent.agent import Agent
    from agentmem.controller.controller import MemoryController

__all__ = ["Conversation"]

_WHO = "agentmem> "


class Conversation:
    """What the commands and the loop work with.

    Attributes:
        session_id: this conversation.
        shown: ids of the memories that were put before the model for the last reply.
    """

    def __init__(
        self, model: BaseChatModel, memory: MemoryController, console: Console, session_id: str
    ) -> None:
        self.model = model
        self.memory = memory
        self.console = console
        self.session_id = session_id
        self.shown: frozenset[str] = frozenset()
        self._agent: Agent | None = None

    @property
    def last_recall(self) -> SearchResult | None:
        """What was recalled for the last reply; None before the first."""
        return self._agent.recall_for(self.session_id) if self._agent else None

    def load(self) -> Agent:
        """Make everything ready to answer, with a bar that shows how far that is."""
        if self._agent is None:
            from agentmem.agent.agent import Agent

            if isinstance(self.model, LocalChatModel):
                with _bar() as bar:
                    task = bar.add_task("loading", total=1.0)
                    self.model.load(
                        lambda doing, share: bar.update(
                            task, description=doing, completed=share, refresh=True
                        )
                    )
            self._agent = Agent(self.model, self.memory)
        return self._agent

    def say(self, text: str) -> None:
        """Say something and show the reply as it comes; Ctrl-C ends the reply, not the talk.

        Raises:
            Exception: whatever the model raised; what was said is stored nevertheless.
        """
        safe = SafeStream()
        width = self.console.width - 1 if self.console.is_terminal else 0
        wrapper = Wrapper(width, indent=len(_WHO))
        reply = _Reply(self.load(), text, self.session_id)
        try:
            with reply.ended_by_ctrl_c():
                for piece in self._awaited(reply):
                    self._write(wrapper.feed(safe.feed(piece)))
        finally:
            self._write(wrapper.feed(safe.end()) + wrapper.end())
            self.console.print()
            self.shown = reply.shown
        if reply.interrupted:
            self.console.print("interrupted; what was said until here is kept", style="dim")

    def _awaited(self, reply: _Reply) -> Iterator[str]:
        """The pieces of a reply, with a sign of life before the first."""
        pieces = iter(reply)
        with self.console.status("thinking", spinner="dots"):
            first = next(pieces, "")
        self.console.print(_WHO, style="bold green", end="")
        yield first
        yield from pieces

    def _write(self, text: str) -> None:
        self.console.out(text, end="", highlight=False)


class _Reply:
    """An agent's reply, made on a thread of its own.

    Ctrl-C reaches only the main thread. So it ends the reply between two pieces, but never
    strikes in the middle of a write, and nothing that was said is lost.

    Attributes:
        interrupted: whether Ctrl-C has ended it; what was said until then is stored.
        shown: ids of the memories that were put before the model.
    """

    def __init__(self, agent: Agent, text: str, session_id: str) -> None:
        self.interrupted = False
        self.shown: frozenset[str] = frozenset()
        self._pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        self._work = (agent, text, session_id)
        threading.Thread(target=self._run, name="agentmem-reply", daemon=True).start()

    def _run(self) -> None:
        agent, text, session_id = self._work
        stream = agent.stream(text, {"configurable": {"session_id": session_id}})
        try:
            for piece in stream:
                if self.interrupted:
                    # Closing it stores what the model has said so far.
                    stream.close()  # type: ignore[attr-defined]
                    break
                self._pieces.put(str(piece.text))
                told = piece.response_metadata.get("agentmem", {}).get("shown", {})
                self.shown = frozenset(told.values()) or self.shown
        except BaseException as error:
            self._pieces.put(error)
        else:
            self._pieces.put(None)

    def __iter__(self) -> Iterator[str]:
        """Yield pieces; after Ctrl-C wait until what was said is stored."""
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            if not self.interrupted:
                yield piece

    @contextmanager
    def ended_by_ctrl_c(self) -> Iterator[None]:
        """Let Ctrl-C end the reply, wherever it finds this thread: waiting, or showing a piece.

        Raises:
            KeyboardInterrupt: Ctrl-C a second time; the reply is left to itself.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True


@contextmanager
def _bar() -> Iterator[Progress]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", style="dim"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield bar
