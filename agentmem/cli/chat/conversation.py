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

from agentmem.agent.grounding import supporting_memory
from agentmem.cli.chat.streaming import SafeStream, Wrapper
from agentmem.models.local_model import LocalChatModel
from agentmem.prompting.questions import is_question
from agentmem.prompting.quoting import quote

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.agent.agent import Agent
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController
    from agentmem.recall.context import Context

__all__ = ["Conversation"]

_SPEAKER = "agentmem> "
# The most characters of a memory that are shown below a reply.
_SOURCE_CHARS = 120


class Conversation:
    """Sends messages to an agent and prints its replies.

    Attributes:
        session_id: of this conversation.
        prompt_ids: ids of the memories in the prompt of the last reply.
    """

    def __init__(
        self,
        model: BaseChatModel,
        memory: MemoryController | Client,
        console: Console,
        session_id: str,
    ) -> None:
        self.model = model
        self.memory = memory
        self.console = console
        self.session_id = session_id
        self.prompt_ids: frozenset[str] = frozenset()
        self._agent: Agent | None = None

    @property
    def last_recall(self) -> Context | None:
        """What was recalled for the last reply; None before the first."""
        return self._agent.context_for(self.session_id) if self._agent else None

    def load(self) -> Agent:
        """Load the model with a progress bar, and return the agent."""
        if self._agent is None:
            from agentmem.agent.agent import Agent

            if isinstance(self.model, LocalChatModel):
                with _progress_bar() as bar:
                    task = bar.add_task("loading", total=1.0)
                    self.model.load(
                        lambda step, share: bar.update(
                            task, description=step, completed=share, refresh=True
                        )
                    )
            self._agent = Agent(self.model, self.memory)
        return self._agent

    def send(self, text: str) -> None:
        """Send a message and print the reply as it comes; Ctrl-C ends the reply, not the chat.

        Raises:
            Exception: whatever the model raises; the message is stored nevertheless.
        """
        safe = SafeStream()
        width = self.console.width - 1 if self.console.is_terminal else 0
        wrapper = Wrapper(width, indent=len(_SPEAKER))
        reply = _Reply(self.load(), text, self.session_id)
        try:
            with reply.interruptible():
                for piece in self._pieces(reply):
                    self._write(wrapper.feed(safe.feed(piece)))
        finally:
            self._write(wrapper.feed(safe.end()) + wrapper.end())
            self.console.print()
            self.prompt_ids = reply.prompt_ids
        if isinstance(self.model, LocalChatModel):
            self._print_source(text, reply.text)
        if reply.interrupted:
            self.console.print("interrupted; the reply so far is stored", style="dim")

    def _print_source(self, question: str, reply: str) -> None:
        """Print the memory that a reply rests on: a very small model invents what it lacks."""
        context = self.last_recall
        hits = context.hits if context is not None else ()
        memories = [hit.memory for hit in hits if hit.memory.id in self.prompt_ids]
        memory = supporting_memory(reply, question, memories)
        if memory is not None:
            source = f"{memory.said_at:%Y-%m-%d} {quote(memory.text, _SOURCE_CHARS)}"
            self.console.print(f"rests on: {source}", style="dim", markup=False)
        elif is_question(question):
            self.console.print("rests on no memory", style="dim")

    def _pieces(self, reply: _Reply) -> Iterator[str]:
        """Yield the pieces of a reply; a spinner runs until the first."""
        pieces = iter(reply)
        with self.console.status("thinking", spinner="dots"):
            first = next(pieces, "")
        self.console.print(_SPEAKER, style="bold green", end="")
        yield first
        yield from pieces

    def _write(self, text: str) -> None:
        self.console.out(text, end="", highlight=False)


class _Reply:
    """An agent's reply, generated on its own thread.

    Ctrl-C reaches only the main thread, so it ends the reply between two pieces and never in the
    middle of a write.

    Attributes:
        interrupted: whether Ctrl-C ended it; the reply so far is stored.
        prompt_ids: ids of the memories in the prompt.
        text: the reply, as far as it has arrived.
    """

    def __init__(self, agent: Agent, text: str, session_id: str) -> None:
        self.interrupted = False
        self.prompt_ids: frozenset[str] = frozenset()
        self.text = ""
        self._pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        self._work = (agent, text, session_id)
        threading.Thread(target=self._run, name="agentmem-reply", daemon=True).start()

    def _run(self) -> None:
        agent, text, session_id = self._work
        stream = agent.stream(text, {"configurable": {"session_id": session_id}})
        try:
            for piece in stream:
                if self.interrupted:
                    # Closing the stream stores what the model has generated.
                    stream.close()  # type: ignore[attr-defined]
                    break
                self._pieces.put(str(piece.text))
                self.text += str(piece.text)
                ids = piece.response_metadata.get("agentmem", {}).get("shown", {})
                self.prompt_ids = frozenset(ids.values()) or self.prompt_ids
        except BaseException as error:
            # `__iter__` raises it in the main thread.
            self._pieces.put(error)
        else:
            self._pieces.put(None)

    def __iter__(self) -> Iterator[str]:
        """Yield pieces; after Ctrl-C wait until the reply is stored."""
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            if not self.interrupted:
                yield piece

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C end the reply, whether this thread waits for a piece or prints one.

        Raises:
            KeyboardInterrupt: at the second Ctrl-C; the reply is abandoned.
        """
        # Only the main thread may set signal handlers.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True


@contextmanager
def _progress_bar() -> Iterator[Progress]:
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
