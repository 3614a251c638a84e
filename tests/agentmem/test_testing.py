"""The test doubles of `agentmem.testing`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from agentmem import InvalidInputError, NaiveDatetimeError
from agentmem.testing import ManualClock, ScriptedChatModel


class TestScriptedChatModel:
    def test_returns_responses_in_order_and_records_calls(self) -> None:
        model = ScriptedChatModel(
            ["One.", AIMessage("Two."), lambda messages: f"{messages[0].text}!"]
        )
        assert [model.invoke(word).text for word in ("a", "b", "c")] == ["One.", "Two.", "c!"]
        assert [call[0].text for call in model.calls] == ["a", "b", "c"]

    def test_streams_word_by_word(self) -> None:
        chunks = list(ScriptedChatModel(["Two  short\nwords."]).stream("x"))
        assert [c.text for c in chunks if c.text] == ["Two", "  short", "\nwords."]

    def test_streams_word_by_word_async(self) -> None:
        async def words() -> list[str]:
            return [str(c.text) async for c in ScriptedChatModel(["Two words."]).astream("x")]

        assert asyncio.run(words()) == ["Two", " words.", ""]

    def test_raises_exceptions_of_the_script(self) -> None:
        model = ScriptedChatModel([TimeoutError("slow"), "Better."])
        with pytest.raises(TimeoutError, match="slow"):
            model.invoke("x")
        assert model.invoke("x").text == "Better."

    def test_raises_after_the_last_response(self) -> None:
        model = ScriptedChatModel(["Only this."])
        model.invoke("x")
        with pytest.raises(InvalidInputError, match="1 responses, and this is call 2"):
            model.invoke("x")

    def test_repeat_starts_again(self) -> None:
        model = ScriptedChatModel(["a", "b"], repeat=True)
        assert [model.invoke("x").text for _ in range(5)] == ["a", "b", "a", "b", "a"]

    def test_tool_calls_are_the_same_when_streamed(self) -> None:
        call = {"name": "add", "args": {"a": 1}, "id": "1", "type": "tool_call"}
        model = ScriptedChatModel([AIMessage("", tool_calls=[call])], repeat=True)
        bound = model.bind_tools([add])
        [streamed] = list(bound.stream([HumanMessage("x")]))
        assert bound.invoke("x").tool_calls == streamed.tool_calls == [call]

    def test_tools_can_be_unsupported(self) -> None:
        with pytest.raises(NotImplementedError, match="tools_supported"):
            ScriptedChatModel(["x"], tools_supported=False).bind_tools([add])


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


class TestManualClock:
    def test_moves_only_when_advanced(self) -> None:
        clock = ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        assert clock() == clock()
        assert clock.advance(days=1, hours=2) == clock() == datetime(2026, 3, 2, 14, tzinfo=UTC)

    def test_requires_a_time_zone(self) -> None:
        with pytest.raises(NaiveDatetimeError):
            ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
