"""Messages in the forms of all common chat APIs give their words, and never refuse a batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
    messages_to_dict,
)

from agentmem import EmptyTextError, InMemoryStore, InvalidInputError, MemoryController, Scope
from agentmem.testing import ManualClock
from agentmem.writing.messages import MAX_TEXT
from tests.agentmem.langchain.conftest import new_memory

URL = "https://example.org/cat.png"
PICTURE = {"type": "image_url", "image_url": {"url": URL}}
CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(InMemoryStore(), scope=Scope("ada"), embeddings=embeddings) as controller:
        yield controller


def statements(memory: MemoryController, *messages: Any) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in memory.add([*messages], session_id="s")]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"role": "user", "content": [{"type": "text", "text": "Tea."}, PICTURE]},
            ("user", "Tea."),
        ),
        ({"role": "user", "content": [PICTURE]}, ("user", "[image]")),
        ({"role": "user", "content": ["Green", "tea."]}, ("user", "Green\ntea.")),
        ({"role": "developer", "content": "Be kind."}, ("system", "Be kind.")),
        ({"role": "assistant", "content": None, "refusal": "No."}, ("assistant", "No.")),
        (
            {"role": "assistant", "content": None, "audio": {"transcript": "Hi."}},
            ("assistant", "Hi."),
        ),
        ({"role": "tool", "tool_call_id": "c", "content": "42"}, ("tool", "42")),
        ({"role": "function", "name": "f", "content": "42"}, ("tool", "42")),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Tea."}],
            },
            ("user", "Tea."),
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "Te", "annotations": []},
                    {"type": "output_text", "text": "a."},
                ],
            },
            ("assistant", "Tea."),
        ),
        ({"type": "function_call_output", "call_id": "c", "output": "42"}, ("tool", "42")),
        (
            {
                "role": "user",
                "content": [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}],
            },
            ("tool", "42"),
        ),
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "text", "text": "Hi."},
                ],
            },
            ("assistant", "Hi."),
        ),
        ({"role": "model", "parts": [{"text": "Hi."}]}, ("assistant", "Hi.")),
        (("human", "Hi."), ("user", "Hi.")),
        (HumanMessage([{"type": "text", "text": "Hi."}]), ("user", "Hi.")),
        (HumanMessage([{"type": "image", "url": URL}]), ("user", "[image]")),
        (ToolMessage("42", tool_call_id="c"), ("tool", "42")),
        (["assistant", "Hi."], ("assistant", "Hi.")),
        (messages_to_dict([HumanMessage("Hi.", id="3")])[0], ("user", "Hi.")),
        (messages_to_dict([ChatMessage(role="assistant", content="Hi.")])[0], ("assistant", "Hi.")),
        (ChatMessage(role="assistant", content="Hi.").model_dump(), ("assistant", "Hi.")),
        (dumpd(AIMessage("Hi.", id="3")), ("assistant", "Hi.")),
        (
            {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Hi."}]},
            ("assistant", "Hi."),
        ),
        (
            {"role": "user", "parts": [{"function_response": {"response": {"sum": 42}}}]},
            ("tool", '{"sum": 42}'),
        ),
        ({"role": "user", "content": [{"image": {"format": "png"}}]}, ("user", "[image]")),
        (
            {
                "role": "user",
                "content": [{"toolResult": {"content": [{"text": "4"}, {"json": 2}]}}],
            },
            ("tool", "4\n2"),
        ),
        ({"type": "local_shell_call_output", "id": "c", "output": "42"}, ("tool", "42")),
        (
            {"type": "computer_call_output", "output": {"type": "computer_screenshot"}},
            ("tool", "[image]"),
        ),
        ({"type": "image_generation_call", "result": "AAAA"}, ("assistant", "[image]")),
        ({"choices": [{"delta": {"role": "assistant", "content": "Hi."}}]}, ("assistant", "Hi.")),
        (
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "cv.pdf", "file_data": "data:x"}}
                ],
            },
            ("user", "[file: cv.pdf]"),
        ),
    ],
)
def test_forms_of_chat_apis(
    memory: MemoryController, message: Any, expected: tuple[str, str]
) -> None:
    assert statements(memory, message) == [expected]


@pytest.mark.parametrize(
    "empty",
    [
        None,
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c"}]),
        AIMessage(""),
        HumanMessage([]),
        HumanMessage([{"type": "unheard-of", "text": 7}]),
        {"object": "chat.completion", "choices": [None]},
        {"object": "chat.completion", "choices": []},
    ],
)
def test_messages_without_words_do_not_refuse_the_others(
    memory: MemoryController, empty: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "agentmem")
    assert statements(memory, "Before.", empty, "After.") == [
        ("user", "Before."),
        ("user", "After."),
    ]
    if empty is not None:
        assert "1 messages have no text" in caplog.text
    with pytest.raises(EmptyTextError):
        memory.add([empty])


def test_documents_and_search_results_are_read(memory: MemoryController) -> None:
    inner = [{"type": "text", "text": "inner"}]
    parts = [
        {"type": "document", "source": {"type": "content", "content": inner}},
        {"type": "search_result", "source": "s", "title": "t", "content": inner},
    ]
    assert statements(memory, {"role": "user", "content": parts}) == [("user", "inner\ninner")]
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": "42"}
    assert statements(memory, output) == [("tool", "42")]


def test_a_state_with_messages_and_a_chat_message_are_read(memory: MemoryController) -> None:
    state = {"messages": [ChatMessage(role="User", content="Hi."), RemoveMessage(id="x")]}
    assert statements(memory, state) == [("user", "Hi.")]


def test_ending_a_session_of_huge_replies_takes_bounded_time() -> None:
    text = " ".join(f"The order {n} of {n % 977} apples went to town." for n in range(26_000))
    with new_memory(ManualClock(), scope=Scope("ada")) as controller:
        controller.add([text, {"role": "assistant", "content": text}], session_id="s")
        before = time.process_time()
        controller.end_session("s")
        # It was 150 s; it is 2 s.
        assert time.process_time() - before < 20


def test_attachments_are_noted_without_their_data(memory: MemoryController) -> None:
    data = "data:image/png;base64," + "A" * 5000
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    parts = [{"type": "text", "text": "My cat."}, PICTURE, sound]
    inline = {"type": "image_url", "image_url": {"url": data}}
    [turn] = memory.add({"role": "user", "content": [*parts, inline]})
    assert turn.metadata["attachments"] == [
        {"type": "image", "url": URL},
        {"type": "audio", "mime_type": "wav"},
        {"type": "image"},
    ]


def test_responses_of_the_openai_client(memory: MemoryController) -> None:
    chat = pytest.importorskip("openai.types.chat")
    message = chat.ChatCompletionMessage(role="assistant", content="Hello.")
    assert statements(memory, message) == [("assistant", "Hello.")]
    completion = {
        "id": "c1", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "Bye."}}],
    }  # fmt: skip
    assert statements(memory, chat.ChatCompletion.model_validate(completion)) == [
        ("assistant", "Bye.")
    ]


def test_messages_of_the_anthropic_client(memory: MemoryController) -> None:
    types = pytest.importorskip("anthropic.types")
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "Hello."}], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    assert statements(memory, types.Message.model_validate(message)) == [("assistant", "Hello.")]
    assert memory.get("msg_1").text == "Hello."


def test_one_pair_is_one_message(memory: MemoryController) -> None:
    assert [(m.role, m.text) for m in memory.add(("assistant", "Hello."))] == [
        ("assistant", "Hello.")
    ]
    assert len(memory.add(("I like tea.", "I like milk."))) == 2


def test_a_name_that_cannot_be_stored_is_replaced(memory: MemoryController) -> None:
    [turn] = memory.add(HumanMessage("Hi.", name="Kim \ud83d"))
    assert turn.speaker == "Kim \ufffd"


def test_what_cannot_be_stored_is_replaced_with_a_note(memory: MemoryController) -> None:
    [turn] = memory.add("tea \ud83c\udf75 and \ud83d")
    assert (turn.text, turn.metadata) == ("tea \U0001f375 and \ufffd", {"replaced_characters": 1})


def test_a_text_that_is_too_long_becomes_several_turns(memory: MemoryController) -> None:
    text = "Nice " * (MAX_TEXT // 4)
    turns = memory.add(["Before.", text], session_id="s")
    assert "".join(turn.text for turn in turns[1:]) == text
    assert [turn.metadata for turn in turns[1:]] == [{"part": n, "parts": 2} for n in (1, 2)]


@pytest.mark.parametrize("wrong", [{"role": "user", "contnet": "x"}, 42, b"x", {}, object()])
def test_an_object_that_is_no_message_raises_an_error(memory: MemoryController, wrong: Any) -> None:
    with pytest.raises(InvalidInputError):
        memory.add(["fine", wrong])
    assert memory.get_all() == []


@pytest.mark.parametrize("kind", [["text"], {"a": 1}, 5, True])
def test_a_type_that_is_no_string_loses_no_words(memory: MemoryController, kind: Any) -> None:
    part = {"role": "user", "content": [{"type": kind, "text": "I like tea."}]}
    whole = {"type": kind, "content": "I like coffee."}
    assert statements(memory, part, whole) == [("user", "I like tea."), ("user", "I like coffee.")]


def test_a_message_that_contains_itself_raises_an_error(memory: MemoryController) -> None:
    state: dict[str, Any] = {}
    state["messages"] = [state]
    part: dict[str, Any] = {"type": "content"}
    part["content"] = [part]
    for wrong in (state, {"role": "user", "content": [part]}):
        with pytest.raises(InvalidInputError, match="contains itself"):
            memory.add(["fine", wrong])


def test_the_answer_of_a_tool_may_be_no_json(memory: MemoryController) -> None:
    answer: dict[Any, Any] = {("a", 1): "Rain"}
    answer["self"] = answer
    part = {"functionResponse": {"name": "weather", "response": answer}}
    [(role, text)] = statements(memory, {"role": "user", "parts": [part]})
    assert role == "tool"
    assert "Rain" in text
