"""The doubles that programs using agentmem test themselves with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from agentmem import InvalidInputError, NaiveDatetimeError
from agentmem.testing import ManualClock, ScriptedChatModel


class TestScriptedChatModel:
    def test_says_what_is_written_in_order_and_remembers_what_it_was_asked(self) -> None:
        model = ScriptedChatModel(["One.", AIMessage("Two."), lambda asked: f"{asked[0].text}!"])
        assert [model.invoke(word).text for word in ("a", "b", "c")] == ["One.", "Two.", "c!"]
        assert [call[0].text for call in model.calls] == ["a", "b", "c"]

    def test_streams_word_by_word(self) -> None:
        chunks = list(ScriptedChatModel(["Two  short\nwords."]).stream("x"))
        assert [c.text for c in chunks if c.text] == ["Two", "  short", "\nwords."]

    def test_streams_word_by_word_async(self) -> None:
        async def words() -> list[str]:
            return [str(c.text) async for c in ScriptedChatModel(["Two words."]).astream("x")]

        assert asyncio.run(words()) == ["Two", " words.", ""]

    def test_raises_what_the_script_says(self) -> None:
        model = ScriptedChatModel([TimeoutError("slow"), "Better."])
        with pytest.raises(TimeoutError, match="slow"):
            model.invoke("x")
        assert model.invoke("x").text == "Better."

    def test_says_when_the_script_is_at_its_end(self) -> None:
        model = ScriptedChatModel(["Only this."])
        model.invoke("x")
        with pytest.raises(InvalidInputError, match="1 responses, and this is call 2"):
            model.invoke("x")

    def test_repeats_when_told_to(self) -> None:
        model = ScriptedChatModel(["a", "b"], repeat=True)
        assert [model.invoke("x").text for _ in range(5)] == ["a", "b", "a", "b", "a"]

    def test_calls_tools_streamed_or_not(self) -> None:
        call = {"name": "add", "args": {"a": 1}, "id": "1", "type": "tool_call"}
        model = ScriptedChatModel([AIMessage("", tool_calls=[call])], repeat=True)
        bound = model.bind_tools([add])
        [streamed] = list(bound.stream([HumanMessage("x")]))
        assert bound.invoke("x").tool_calls == streamed.tool_calls == [call]

    def test_can_be_a_model_without_tools(self) -> None:
        with pytest.raises(NotImplementedError, match="tools_supported"):
            ScriptedChatModel(["x"], tools_supported=False).bind_tools([add])


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


class TestManualClock:
    def test_stands_still_until_moved(self) -> None:
        clock = ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        assert clock() == clock()
        assert clock.advance(days=1, hours=2) == clock() == datetime(2026, 3, 2, 14, tzinfo=UTC)

    def test_needs_a_time_zone(self) -> None:
        with pytest.raises(NaiveDatetimeError):
            ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
