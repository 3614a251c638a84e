"""Random sequences of calls, failures, cancellations, retries, forks and resumes lose no word.

Every sequence is one user's, and all users of a test share a memory, checkpoints and the agents of
two processes, as in a server. `make sequences` runs more of them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.errors import GraphRecursionError

from agentmem import Agent, ChromaStore, Granularity, Memory, MemoryController, Scope
from agentmem.langchain import MemoryMiddleware
from agentmem.testing import ManualClock, ScriptedChatModel
from tests.agentmem.langchain.conftest import WordEmbeddings, new_memory

# LangChain leaves callbacks behind when it is cancelled between two of them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:coroutine '.*CallbackManager.*' was never awaited:RuntimeWarning"
)

N_SEQUENCES = int(os.environ.get("AGENTMEM_SEQUENCES", "2000"))
# A run awaits about 60 times; later numbers let it end.
AWAITS = st.integers(0, 70)


class GoneError(Exception):
    """The model or a tool fails."""


@tool
def look() -> str:
    """Look something up."""
    return "42"


@tool("look")
def broken_look() -> str:
    """Look something up."""
    raise GoneError


def sequences(steps: st.SearchStrategy[Any], share: float = 1.0) -> Callable[[Any], Any]:
    """Call a function with lists of steps, as often as `N_SEQUENCES` times the share."""
    options: dict[str, Any] = {
        "max_examples": max(int(N_SEQUENCES * share), 1),
        "suppress_health_check": list(HealthCheck),
        "deadline": None,
        "database": None,
    }
    return lambda function: settings(**options)(
        given(st.lists(steps, min_size=1, max_size=4))(function)
    )


class Cancelled:
    """Runs a coroutine and all of its tasks, and cancels it at their n-th suspension."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.task: asyncio.Task[Any] | None = None

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> bool:
        """Return whether it was cancelled."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self.create_task)
        self.task = loop.create_task(coroutine)
        try:
            await self.task
        except asyncio.CancelledError:
            return True
        finally:
            loop.set_task_factory(None)
        return False

    def create_task(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Counted(coroutine, self), loop=loop, **options)

    def suspend(self) -> None:
        self.left -= 1
        if self.left < 0 and self.task is not None and not self.task.cancelling():
            self.task.cancel()


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose suspensions are counted."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], counter: Cancelled) -> None:
        self.coroutine = coroutine
        self.counter = counter

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError

    def send(self, value: Any) -> Any:
        future = self.coroutine.send(value)
        self.counter.suspend()
        return future

    def throw(self, *error: Any) -> Any:
        future = self.coroutine.throw(*error)
        self.counter.suspend()
        return future

    def close(self) -> None:
        self.coroutine.close()


@dataclass
class Server:
    """What all conversations share: memory, checkpoints, and the agents of two processes."""

    memory: MemoryController
    saver: Any
    respond: Callable[[list[BaseMessage]], Any] = lambda messages: "Hello."
    agents: dict[Any, Any] = field(default_factory=dict)
    users: Iterator[int] = field(default_factory=itertools.count)

    def model(self) -> ScriptedChatModel:
        return ScriptedChatModel([lambda messages: self.respond(messages)], repeat=True)

    def graph(self, process: int, *, broken: bool = False, asks: bool = False) -> Any:
        key = (process, broken, asks)
        if key not in self.agents:
            self.agents[key] = create_agent(
                self.model(),
                [broken_look if broken else look],
                middleware=[self.middleware(process)],
                checkpointer=self.saver,
                interrupt_before=["tools"] if asks else None,
            )
        return self.agents[key]

    def middleware(self, process: int) -> MemoryMiddleware:
        middleware: MemoryMiddleware = self.agents.setdefault(
            process, MemoryMiddleware(self.memory)
        )
        return middleware

    def agent(self, *, broken: bool = False) -> Agent:
        agent: Agent = self.agents.setdefault(
            broken, Agent(self.model(), self.memory, [broken_look if broken else look])
        )
        return agent


@dataclass
class Conversation:
    """What one user says, and what must become of it."""

    server: Server
    user: str = ""
    count: int = 0
    script: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.user = f"user {next(self.server.users)}"
        self.server.respond = self.respond

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.memory.delete_all(scope=Scope(self.user))
        if self.server.saver is not None:
            self.server.saver.delete_thread(self.user)

    @property
    def config(self) -> Any:
        return {
            "configurable": {"user_id": self.user, "thread_id": self.user, "session_id": self.user}
        }

    def turns(self) -> list[Memory]:
        return self.server.memory.get_all(
            scope=Scope(self.user), granularity=Granularity.TURN, limit=None
        )

    def next(self, kind: str) -> str:
        self.count += 1
        return f"{kind} {self.count}."

    def respond(self, messages: list[BaseMessage]) -> Any:
        """Respond as the script says, once the question is stored."""
        self.require_stored([m for m in messages if isinstance(m, HumanMessage)][-1])
        return self.script.pop(0) if self.script else "Too late."

    def require_stored(self, question: HumanMessage) -> None:
        raise NotImplementedError

    def set_script(self, outcome: str) -> None:
        calls = [
            AIMessage("Let me look.", tool_calls=[{"name": "look", "args": {}, "id": f"call {n}"}])
            for n in range(3)
        ]
        reply = AIMessage(self.next("Reply"), id=f"reply {self.user} {self.count}")
        for n, call in enumerate(calls):
            call.id = f"call {self.user} {self.count} {n}"
        scripts: dict[str, list[Any]] = {"model fails": [GoneError()], "limit": [*calls]}
        self.script = scripts.get(outcome, [calls[0], reply] if "tool" in outcome else [reply])

    def check(self) -> None:
        """Nothing is stored twice, and no reply without a question before it."""
        turns = sorted(self.turns(), key=lambda turn: turn.position)
        whole = [turn for turn in turns if "interrupted" not in turn.metadata]
        texts = Counter(turn.text for turn in whole if turn.text != "Let me look.")
        assert not [text for text, count in texts.items() if count > 1]
        for turn in turns:
            if turn.role == "assistant":
                assert any(t.role == "user" and t.position < turn.position for t in turns)


OUTCOMES = (
    *("reply", "tool", "model fails", "tool fails", "abandoned", "tool not approved"),
    *("limit", "cancelled", "tool cancelled", "async"),
)
PROCESSES = st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(OUTCOMES), AWAITS, PROCESSES),
    st.tuples(
        st.sampled_from(["edit", "again"]),
        st.sampled_from(["reply", "model fails", "cancelled"]),
        AWAITS,
        PROCESSES,
    ),
    st.tuples(st.sampled_from(["resume", "repeat"]), st.just("reply"), st.just(0), PROCESSES),
)
Step = tuple[str, str, int, int]


@dataclass
class Thread(Conversation):
    """A conversation whose messages a checkpointer keeps."""

    asked: set[str] = field(default_factory=set)
    said: str = ""

    def require_stored(self, question: HumanMessage) -> None:
        self.asked.add(str(question.id))
        assert any(turn.metadata["message_id"] == question.id for turn in self.turns())

    def run(self, outcome: str, value: Any, config: Any, n: int, process: int) -> None:
        self.set_script(outcome)
        graph = self.server.graph(
            process, broken=outcome == "tool fails", asks=outcome == "tool not approved"
        )
        if outcome == "limit":
            config = {**config, "recursion_limit": 6}
        with suppress(GoneError, GraphRecursionError):
            if outcome == "abandoned":
                for _ in zip(graph.stream(value, config), range(1), strict=False):
                    pass
            elif "cancelled" in outcome or outcome == "async":
                awaits = n if "cancelled" in outcome else 10_000
                asyncio.run(Cancelled(awaits).run(graph.ainvoke(value, config)))
            else:
                graph.invoke(value, config)

    def step(self, kind: str, outcome: str, n: int, process: int) -> None:
        graph = self.server.graph(process)
        if kind in {"say", "repeat"}:
            if kind == "say" or not self.said:
                self.said = self.next("Statement")
            message = HumanMessage(self.said, id=f"{self.user}: {self.said}")
            self.run(outcome, {"messages": [message]}, self.config, n, process)
        elif kind == "resume":
            if graph.get_state(self.config).values:
                self.run(outcome, None, self.config, n, process)
        else:
            points = [s for s in graph.get_state_history(self.config) if s.next == ("model",)]
            if points:
                self.fork(points[n % len(points)], kind, outcome, n, process)

    def fork(self, point: Any, kind: str, outcome: str, n: int, process: int) -> None:
        config = point.config
        if kind == "edit":
            last = [m for m in point.values["messages"] if isinstance(m, HumanMessage)][-1]
            edited = HumanMessage(self.next("Edit"), id=last.id)
            config = self.server.graph(process).update_state(config, {"messages": [edited]})
        config = {"configurable": {**self.config["configurable"], **config["configurable"]}}
        self.run(outcome, None, config, n, process)

    def check(self) -> None:
        super().check()
        ids = Counter(turn.metadata["message_id"] for turn in self.turns())
        assert not [i for i, count in ids.items() if count > 1]
        assert self.asked <= ids.keys()

    def check_complete(self, process: int) -> None:
        """After a run that ended well, what the thread shows is what the memory has."""
        state = self.server.graph(process).get_state(self.config).values["messages"]
        turns = {turn.metadata["message_id"]: turn for turn in self.turns()}
        for message in state:
            if isinstance(message, HumanMessage):
                assert turns[message.id].text == message.text
        assert "unanswered" not in turns[state[-2].id].metadata
        assert turns[state[-1].id].text == state[-1].text


def converse(thread: Thread, steps: Sequence[Step]) -> None:
    with thread:
        for step in steps:
            thread.step(*step)
            thread.check()
        thread.step("say", "reply", 0, 0)
        thread.check()
        thread.check_complete(0)


@pytest.fixture
def memory() -> Iterator[MemoryController]:
    with new_memory(ManualClock()) as controller:
        yield controller


def test_the_middleware_writes_each_message_once(memory: MemoryController) -> None:
    server = Server(memory, InMemorySaver())

    @sequences(STEPS, 0.7)
    def run(steps: list[Step]) -> None:
        converse(Thread(server), steps)

    run()


def test_with_checkpoints_in_sqlite_and_memories_in_chroma(tmp_path: Path) -> None:
    embeddings = WordEmbeddings()
    store = ChromaStore.open(tmp_path / "memories", embeddings.spec)
    with (
        closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection,
        MemoryController(store, embeddings=embeddings, clock=ManualClock()) as memory,
    ):
        server = Server(memory, SqliteSaver(connection))

        @sequences(STEPS, 0.02)
        def run(steps: list[Step]) -> None:
            # This saver has no async methods.
            sync = {"cancelled": "reply", "tool cancelled": "tool", "async": "reply"}
            converse(Thread(server), [(k, sync.get(o, o), n, p) for k, o, n, p in steps])

        run()


def test_a_fork_in_another_process_brings_back_the_former_text(memory: MemoryController) -> None:
    thread = Thread(Server(memory, InMemorySaver()))
    said = [("say", "reply", 0, 0), ("repeat", "reply", 0, 0)]
    converse(thread, [*said, ("edit", "reply", 0, 1), ("again", "reply", 1, 0)])


@pytest.mark.parametrize("checkpoints", ["in memory", "sqlite"])
def test_the_middleware_cancelled_at_every_await(
    memory: MemoryController, checkpoints: str, tmp_path: Path
) -> None:
    async def run(server: Server, thread: Thread, n: int) -> bool:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "db")) as saver:
            if checkpoints == "sqlite":
                server.saver = saver
            server.agents.clear()
            message = HumanMessage(f"Statement {n}.", id=f"{n}")
            thread.set_script("tool")
            graph = server.graph(0)
            again = {"messages": [message]}
            cancelled = await Cancelled(n).run(graph.ainvoke(again, thread.config))
            thread.set_script("reply")
            if cancelled:
                await graph.ainvoke(again, thread.config)
        return cancelled

    cancelled = []
    server = Server(memory, InMemorySaver())
    for n in itertools.count():
        thread = Thread(server)
        cancelled.append(asyncio.run(run(server, thread, n)))
        thread.check()
        assert [t.text for t in thread.turns() if t.role == "user"] == [f"Statement {n}."]
        assert "unanswered" not in thread.turns()[0].metadata
        if not cancelled[-1]:
            break
    assert len(cancelled) > 20


CLIENT_STEPS = st.tuples(
    st.sampled_from(["reply", "tool", "model fails", "abandoned", "cancelled", "limit"]),
    st.sampled_from(["new", "retry"]),
    AWAITS,
    st.integers(2, 9),
)


@dataclass
class Client(Conversation):
    """A client that keeps the conversation itself and sends it, or its end, without ids."""

    history: list[dict[str, str]] = field(default_factory=list)
    failed: str = ""

    def require_stored(self, question: HumanMessage) -> None:
        text = str(question.content).rpartition("\n")[2]
        assert any(turn.text == text for turn in self.turns())

    def step(self, outcome: str, kind: str, n: int, window: int, process: int = 0) -> None:
        is_retry = kind == "retry" and self.failed
        text = self.failed if is_retry else self.next("Statement")
        question = {"role": "user", "content": text}
        messages = [*self.history[-window:], question]
        self.set_script(outcome)
        self.failed = text
        graph = self.server.graph(process)
        config = {**self.config, "recursion_limit": 6 if outcome == "limit" else 25}
        with suppress(GoneError, GraphRecursionError):
            if outcome == "abandoned":
                stream = graph.stream({"messages": messages}, config, stream_mode="messages")
                for _ in zip(stream, range(1), strict=False):
                    pass
            elif outcome == "cancelled":
                asyncio.run(Cancelled(n).run(graph.ainvoke({"messages": messages}, config)))
            else:
                reply = graph.invoke({"messages": messages}, config)["messages"][-1].text
                self.history += [question, {"role": "assistant", "content": reply}]
                self.failed = ""
        if self.failed and any(
            "unanswered" not in t.metadata for t in self.turns() if t.text == text
        ):
            # The run ended all the same; to ask again would be to ask another time.
            self.failed = ""
        if outcome != "cancelled":
            assert [t.text for t in self.turns()].count(text) == 1

    def check_complete(self) -> None:
        stored = {turn.text: turn for turn in self.turns()}
        for message in self.history:
            assert stored[message["content"]].role == message["role"]
            assert "unanswered" not in stored[message["content"]].metadata


def test_a_resent_conversation_is_written_once(memory: MemoryController) -> None:
    server = Server(memory, None)

    @sequences(CLIENT_STEPS, 0.2)
    def run(steps: list[tuple[str, str, int, int]]) -> None:
        with Client(server) as client:
            for number, step in enumerate([*steps, ("reply", "new", 0, 9)]):
                client.step(*step, process=number % 2)
                client.check()
            client.check_complete()

    run()


AGENT_OUTCOMES = (
    *("reply", "tool", "tool fails", "model fails", "stream", "abandoned", "astream"),
    *("cancelled", "tool cancelled", "stream cancelled", "limit"),
)
AGENT_STEPS = st.tuples(
    st.sampled_from(AGENT_OUTCOMES), st.sampled_from(["new", "retry"]), st.booleans(), AWAITS
)


@dataclass
class AgentUser(Conversation):
    """A conversation with `Agent`; what failed may be asked again, with or without an id."""

    failed: HumanMessage | None = None

    def require_stored(self, question: HumanMessage) -> None:
        text = str(question.content).rpartition("\n")[2]
        assert any(turn.text == text for turn in self.turns())

    def step(self, outcome: str, kind: str, with_id: bool, n: int) -> None:
        question = self.failed if kind == "retry" else None
        if question is None:
            text = self.next("Statement")
            question = HumanMessage(text, id=f"{self.user}: {text}" if with_id else None)
        self.set_script(outcome)
        agent = self.server.agent(broken=outcome == "tool fails")
        if outcome == "limit":
            agent = Agent(self.server.model(), self.server.memory, [look], max_steps=2)
        self.failed = question
        with suppress(GoneError):
            if self.run(agent, outcome, question, n):
                self.failed = None
        if any("unanswered" not in t.metadata for t in self.turns() if t.text == question.text):
            self.failed = None  # The reply is stored; to ask again would be to ask another time.
        if "cancelled" not in outcome:
            assert [t.text for t in self.turns()].count(str(question.text)) == 1

    def run(self, agent: Agent, outcome: str, question: HumanMessage, n: int) -> bool:
        """Return whether the user got a reply."""

        async def collect() -> None:
            async for _ in agent.astream(question, self.config):
                pass

        if outcome in {"stream", "abandoned"}:
            chunks = agent.stream(question, self.config)
            next(chunks)
            return outcome == "stream" and bool(list(chunks))
        if "cancelled" in outcome:
            calls = collect() if "stream" in outcome else agent.ainvoke(question, self.config)
            return not asyncio.run(Cancelled(n).run(calls))
        if outcome == "astream":
            asyncio.run(collect())
            return True
        return bool(agent.invoke(question, self.config).response_metadata["agentmem"]["finished"])


def test_a_retry_that_is_cancelled_at_once_writes_nothing(memory: MemoryController) -> None:
    for n in range(4):
        user = AgentUser(Server(memory, None))
        user.step("model fails", "new", False, 0)
        user.step("cancelled", "retry", False, n)
        user.check()


def test_an_agent_writes_each_message_once(memory: MemoryController) -> None:
    server = Server(memory, None)

    @sequences(AGENT_STEPS, 0.25)
    def run(steps: list[tuple[str, str, bool, int]]) -> None:
        with AgentUser(server) as user:
            for step in [*steps, ("reply", "new", True, 0)]:
                user.step(*step)
                user.check()
            last = [turn for turn in user.turns() if turn.role == "user"][-1]
            assert "unanswered" not in last.metadata

    run()


@pytest.mark.parametrize("outcome", ["tool", "stream"])
def test_an_agent_cancelled_at_every_await(memory: MemoryController, outcome: str) -> None:
    server = Server(memory, None)
    for n in itertools.count():
        user = AgentUser(server)
        user.step(f"{outcome} cancelled", "new", False, n)
        is_over = user.failed is None
        user.step("reply", "retry", False, 0)
        user.check()
        questions = [turn for turn in user.turns() if turn.role == "user"]
        assert ["unanswered" in turn.metadata for turn in questions] == [False] * (1 + is_over)
        if is_over:
            break
    assert n > 5
