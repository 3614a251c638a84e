"""A client does what the controller does with the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from agentmem import Agent, AgentMemError, Client, Granularity, MemoryController, Scope, connect
from agentmem.testing import ManualClock, ScriptedChatModel
from tests.agentmem.langchain.conftest import new_memory
from tests.serving import serving

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryController, Client]]:
    with (
        new_memory(ManualClock(START), scope=Scope("ada")) as memory,
        serving(memory, tmp_path_factory.mktemp("served")) as server,
        connect(server.url, token=server.token, scope=Scope("ada")) as client,
    ):
        yield memory, client


def says(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


CALLS: dict[str, Callable[[Any], Any]] = {
    "list": lambda m: m.add([says("Yes.")], session_id="s"),
    "dict": lambda m: m.add(says("Yes."), session_id="s"),
    "string": lambda m: m.add("Yes.", session_id="s"),
    "strings": lambda m: m.add(["Yes.", "No."], session_id="s"),
    "strings and dicts": lambda m: m.add(["Yes.", says("No.")], session_id="s"),
    "pair": lambda m: m.add(("user", "Yes."), session_id="s"),
    "message": lambda m: m.add(HumanMessage("Yes.", id="1"), session_id="s"),
    "conversations": lambda m: m.add_many({"s": [says("Yes."), says("No.")]}),
    "conversations of strings": lambda m: m.add_many({"s": ["Yes."], 7: "No."}),
    "ids": lambda m: m.add([says("Yes.", id=5)], session_id=UUID(int=5)),
    "half a character": lambda m: m.add("Tea \ud83d", metadata={"a": ["\ud83d"]}),
    "parts": lambda m: m.add(says([{"type": "image", "url": "https://example.org/x.png"}])),
    "numbers": lambda m: m.add("Tea.", importance=np.float32(0.5), metadata={"n": np.int64(1)}),
    "days": lambda m: m.add([says("Tea.", timestamp="2026-01-01")], timestamp=date(2026, 1, 2)),
    "expiry": lambda m: m.add([says("Tea.", expires_at="2030-01-01"), says("Milk.")]),
    "unknown role": lambda m: m.add({"role": "robot", "content": "x"}),
    "no time": lambda m: m.add("Tea.", timestamp=1704067200),
    "metadata": lambda m: m.add("Tea.", metadata="x"),
    "time in metadata": lambda m: m.add("Tea.", metadata={"at": date(2026, 1, 1)}),
    "search": lambda m: m.search("Tea \ud83d", k=np.int64(2), session_id=17),
    "search for nothing": lambda m: m.search(None),
    "search for text": lambda m: m.search("Tea.", k="2"),
    "filter": lambda m: m.search("Tea.", filter={"n": np.int64(1)}),
    "listing": lambda m: list(m.get_all(limit="a")),
    "offset": lambda m: list(m.get_all(offset=-1)),
    "surrogate id": lambda m: m.get("\ud83d"),
    "dots": lambda m: m.get(".."),
    "dot": lambda m: m.delete("."),
    "session": lambda m: m.delete_session(17),
    "no session": lambda m: m.delete_session(None),
    "no path": lambda m: m.export(5),
    "no folder": lambda m: m.export("/nowhere/x.jsonl"),
    "steps": lambda m: m.add_plan("bake", "knead"),
    "outcome": lambda m: m.add_plan("bake", ["knead"], np.True_),
    "nobody": lambda m: m.search("tea", scope="ada"),
}


def outcome(memory: Any, call: Callable[[Any], Any]) -> Any:
    """Return what a call twice does: the class of its error, and what is stored."""
    memory.delete_all()
    error: Any = None
    for _ in range(2):
        try:
            call(memory)
        except AgentMemError as raised:
            error = type(raised)
    turns = memory.get_all(granularity=Granularity.TURN)
    return error, [
        (t.role, t.text, t.session_id, t.said_at, t.expires_at, t.metadata) for t in turns
    ]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_calls_do_the_same(
    served: tuple[MemoryController, Client], call: Callable[[Any], Any]
) -> None:
    memory, client = served
    assert outcome(client, call) == outcome(memory, call)


def test_an_agent_remembers_over_a_client(served: tuple[MemoryController, Client]) -> None:
    memory, client = served
    memory.delete_all()
    agent = Agent(ScriptedChatModel(["Lovely.", "Biscuit."]), client)
    for text in ("My dog is called Biscuit.", "What is my dog called?"):
        agent.invoke(text, {"configurable": {"session_id": "s"}})
    turns = memory.get_all(granularity=Granularity.TURN)
    assert [t.text for t in turns][1::2] == ["Lovely.", "Biscuit."]
    assert not [t for t in turns if t.metadata]


def test_a_file_to_import_that_is_not_there_is_not_sent(
    served: tuple[MemoryController, Client], tmp_path: Path
) -> None:
    memory, client = served
    for target in (memory, client):
        with pytest.raises(AgentMemError, match="cannot read"):
            target.import_(tmp_path / "nothing.jsonl")
