"""A message with an id is written once, however often it is added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from agentmem import Granularity, InMemoryStore, InvalidInputError, MemoryController, Scope
from agentmem.testing import ManualClock
from agentmem.writing.messages import MAX_TEXT
from tests.agentmem.langchain.conftest import new_memory

ADA, BEN = Scope("ada"), Scope("ben")


def human(text: str) -> HumanMessage:
    return HumanMessage(text, id="1")


def texts(memory: MemoryController) -> list[str]:
    return sorted(m.text for m in memory.get_all(granularity=Granularity.TURN))


def in_order(memory: MemoryController) -> list[str]:
    turns = memory.get_all(granularity=Granularity.TURN)
    return [m.text for m in sorted(turns, key=lambda m: m.position)]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as controller:
        yield controller


def test_a_message_id_becomes_the_memory_id(memory: MemoryController) -> None:
    [written] = memory.add({"content": "I like tea.", "id": "m-1"}, session_id="s")
    assert memory.get("m-1") == written


def test_messages_with_known_ids_are_skipped(memory: MemoryController) -> None:
    first = {"content": "One.", "id": "1"}
    memory.add([first, first], session_id="s")
    added = memory.add([first, {"content": "Two.", "id": "2"}, {"content": "Three."}])
    assert [(m.text, m.position) for m in added] == [("Two.", 1), ("Three.", 2)]
    assert memory.add(first, session_id="another") == []
    assert [m.text for m in memory.get_all()] == ["One.", "Two.", "Three."]


def test_two_scopes_can_have_the_same_id(memory: MemoryController) -> None:
    for owner in (ADA, BEN):
        assert memory.add({"content": f"I am {owner}.", "id": "1"}, session_id="s", scope=owner)
    assert memory.get("1", scope=BEN).text == "I am ben."


def test_concurrent_writes_of_one_id_write_it_once(memory: MemoryController) -> None:
    def write(_: int) -> int:
        return len(memory.add({"content": "I like tea.", "id": "1"}, session_id="s"))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(16))) == 1


@pytest.mark.parametrize("name", ["", "a@1", 7.5, "x" * 513])
def test_invalid_ids_are_rejected(memory: MemoryController, name: object) -> None:
    with pytest.raises(InvalidInputError, match="id"):
        memory.add({"content": "I like tea.", "id": name})


def test_numeric_ids_become_strings(memory: MemoryController) -> None:
    memory.add({"content": "I like tea.", "id": 7}, session_id=1)  # type: ignore[arg-type]
    assert memory.get("7").session_id == "1"


@pytest.mark.parametrize("as_message", [lambda t: {"content": t, "id": "1"}, human])
def test_another_text_of_a_known_id_is_a_new_version(
    memory: MemoryController, as_message: Callable[[str], Any]
) -> None:
    memory.add(as_message("I live in Lisbon."), session_id="s")
    [edited] = memory.add(as_message("I live in Porto."), session_id="s")
    assert (edited.text, edited.version, edited.position) == ("I live in Porto.", 2, 0)
    assert [m.text for m in memory.history("1")] == ["I live in Lisbon.", "I live in Porto."]
    assert memory.add(as_message("I live in Porto."), session_id="s") == []


def test_an_edit_changes_what_was_derived(memory: MemoryController) -> None:
    memory.add(human("I live in Lisbon."), session_id="s")
    memory.end_session("s")
    memory.add(human("I live in Porto."), session_id="s")
    memory.end_session("s")
    assert [fact.value for fact in memory.facts(attribute="home")] == ["Porto"]


def test_resending_a_message_does_not_undo_an_update(memory: MemoryController) -> None:
    message = human("My card is 4242.")
    memory.add(message, session_id="s")
    memory.update("1", text="My card is secret.")
    assert memory.add(message, session_id="s") == []
    assert memory.get("1").text == "My card is secret."
    [edited] = memory.add(human("I have no card."), session_id="s")
    assert edited.text == "I have no card."


def test_an_edit_that_is_shorter_or_longer_leaves_nothing_of_the_former_text() -> None:
    long = "Nice. " * (MAX_TEXT // 5)
    with new_memory(ManualClock(), scope=ADA) as memory:
        for text in (long, "Short.", long, long[:-3], long[: MAX_TEXT - 9]):
            memory.add(human(text), session_id="s")
            assert "".join(in_order(memory)) == text
        assert memory.get("1").metadata == {}


def test_an_update_is_at_most_as_long_as_a_memory(memory: MemoryController) -> None:
    memory.add(human("Short."), session_id="s")
    with pytest.raises(InvalidInputError, match="at most"):
        memory.update("1", text="x" * (MAX_TEXT + 1))


def test_an_edit_takes_the_note_of_an_attachment_with_it(memory: MemoryController) -> None:
    picture = {"type": "image", "url": "https://example.org/cat.png"}
    memory.add(HumanMessage([picture], id="1"), session_id="s")
    [edited] = memory.add(human("My cat is called Tom."), session_id="s")
    assert edited.metadata == {}


@pytest.mark.parametrize("message_id", [None, "1"])
def test_another_picture_is_another_message(
    memory: MemoryController, message_id: str | None
) -> None:
    for picture in ("cat", "cat", "dog"):
        part = {"type": "image", "url": f"https://example.org/{picture}.png"}
        memory.add([HumanMessage([part], id=message_id)], session_id="s")
    turns = memory.get_all(granularity=Granularity.TURN)
    pictures = [turn.metadata["attachments"][0]["url"][-7:-4] for turn in turns]
    assert pictures == (["dog"] if message_id else ["cat", "dog"])


def test_a_history_may_come_again_without_its_pictures(memory: MemoryController) -> None:
    def asked(picture: str | None, question: str) -> HumanMessage:
        part = {"type": "image", "url": f"https://example.org/{picture}.png"}
        return HumanMessage([{"type": "text", "text": question}, *([part] if picture else [])])

    reply = AIMessage("A cat.")
    memory.add([asked("cat", "What is this?"), reply], session_id="s")
    memory.add([asked(None, "What is this?"), reply, asked("dog", "And this?")], session_id="s")
    memory.add([asked(None, "What is this?"), reply, asked(None, "And this?")], session_id="s")
    assert in_order(memory) == ["What is this?", "A cat.", "And this?"]


def test_numbers_that_each_session_counts_anew_are_different_messages(
    memory: MemoryController,
) -> None:
    first, second = human("I like tea."), human("I like coffee.")
    for _ in range(2):
        memory.add(first, session_id="a")
        memory.add(second, session_id="b")
    memory.add_many({"a": [first], "b": [second], "c": [human("I like water.")]})
    assert texts(memory) == ["I like coffee.", "I like tea.", "I like water."]


class TestHistories:
    """Clients of chat APIs send the conversation again with every request, without ids."""

    HISTORY = tuple(
        {"role": ("user", "assistant")[n % 2], "content": text}
        for n, text in enumerate(["Hi.", "Hello!", "I like tea.", "Noted.", "Hi.", "Hello!"])
    )

    def test_a_growing_history_is_stored_once(self, memory: MemoryController) -> None:
        for length in range(1, len(self.HISTORY) + 1):
            for _ in range(2):
                memory.add(self.HISTORY[:length], session_id="s")
        assert in_order(memory) == [message["content"] for message in self.HISTORY]

    def test_a_window_of_the_history_is_recognized(self, memory: MemoryController) -> None:
        for length in range(1, len(self.HISTORY) + 1):
            memory.add(self.HISTORY[max(0, length - 3) : length], session_id="s")
        assert in_order(memory) == [message["content"] for message in self.HISTORY]

    def test_a_system_prompt_that_changes_hides_no_history(self, memory: MemoryController) -> None:
        for day in ("Monday", "Tuesday"):
            prompt = {"role": "system", "content": f"Today is {day}."}
            memory.add([prompt, *self.HISTORY], session_id="s")
        assert [m.text for m in memory.get_all() if m.role != "system"] == [
            message["content"] for message in self.HISTORY
        ]

    def test_another_branch_adds_only_what_is_new(self, memory: MemoryController) -> None:
        memory.add(self.HISTORY[:4], session_id="s")
        branch = [*self.HISTORY[:2], {"role": "user", "content": "I like milk."}]
        memory.add(branch, session_id="s")
        memory.add([*branch, {"role": "assistant", "content": "Milk."}], session_id="s")
        memory.add(self.HISTORY[:4], session_id="s")
        assert in_order(memory) == [
            *("Hi.", "Hello!", "I like tea.", "Noted.", "I like milk.", "Milk.")
        ]

    @pytest.mark.parametrize("start", ["Summary: they said hello.", "Hi, he cut th"])
    def test_a_changed_beginning_hides_no_history(
        self, memory: MemoryController, start: str
    ) -> None:
        memory.add(self.HISTORY[:4], session_id="s")
        more = {"role": "user", "content": "And milk."}
        memory.add([{"role": "user", "content": start}, *self.HISTORY[1:4], more], session_id="s")
        assert in_order(memory) == ["Hi.", "Hello!", "I like tea.", "Noted.", start, "And milk."]

    def test_calls_of_tools_that_a_client_leaves_out_hide_no_history(
        self, memory: MemoryController
    ) -> None:
        tool = {"role": "tool", "content": "42"}
        look = {"role": "assistant", "content": "Let me look."}
        memory.add([self.HISTORY[0], look, tool, self.HISTORY[1]], session_id="s")
        memory.add(self.HISTORY[:3], session_id="s")
        assert in_order(memory) == ["Hi.", "Let me look.", "42", "Hello!", "I like tea."]

    def test_white_space_at_the_ends_makes_no_other_message(self, memory: MemoryController) -> None:
        memory.add(self.HISTORY[:2], session_id="s")
        spaced = [{**message, "content": f" {message['content']}\r\n"} for message in self.HISTORY]
        memory.add(spaced[:3], session_id="s")
        assert len(in_order(memory)) == 3

    def test_a_repeated_statement_is_stored_twice(self, memory: MemoryController) -> None:
        yes, fine = {"role": "user", "content": "Yes."}, {"role": "assistant", "content": "Fine."}
        memory.add([yes, fine], session_id="s")
        memory.add([yes], session_id="s")
        memory.add([{"role": "assistant", "content": "Good."}], session_id="s")
        memory.add([yes, fine], session_id="s")
        memory.add("Yes.", session_id="s")
        memory.add("Yes.", session_id="s")
        assert in_order(memory).count("Yes.") == 5

    def test_messages_of_another_time_are_not_the_same(self, memory: MemoryController) -> None:
        for day in (1, 2):
            message = {"role": "user", "content": "Yes.", "timestamp": f"2026-01-0{day}"}
            memory.add([message], session_id="s")
            memory.add([message], session_id="s")
        assert in_order(memory) == ["Yes.", "Yes."]

    def test_a_history_that_has_ids_only_the_second_time_is_recognized(
        self, memory: MemoryController
    ) -> None:
        with_ids = [{**message, "id": f"m{n}"} for n, message in enumerate(self.HISTORY)]
        memory.add(self.HISTORY[:1], session_id="s")
        for length in range(2, len(self.HISTORY) + 1):
            memory.add(with_ids[:length], session_id="s")
        memory.add(self.HISTORY, session_id="s")
        assert in_order(memory) == [message["content"] for message in self.HISTORY]

    def test_a_message_with_another_id_is_another_message(self, memory: MemoryController) -> None:
        for n in range(3):
            texts = (("user", "Yes."), ("assistant", "Fine."), ("user", "Bye."))
            exchange = [
                {"role": role, "content": text, "id": f"{n} {text}"} for role, text in texts
            ]
            memory.add(exchange, session_id="s")
        memory.add("Yes.", session_id="s")
        memory.add([{"role": "user", "content": "Yes.", "id": "new"}], session_id="s")
        assert in_order(memory) == [*["Yes.", "Fine.", "Bye."] * 3, "Yes.", "Yes."]

    def test_sessions_have_histories_of_their_own(self, memory: MemoryController) -> None:
        memory.add_many({"a": self.HISTORY[:2], "b": self.HISTORY[:2]})
        assert memory.add_many({"a": self.HISTORY[:2], "b": self.HISTORY[:3]})[0].session_id == "b"
        assert len(memory.get_all(granularity=Granularity.TURN)) == 5
