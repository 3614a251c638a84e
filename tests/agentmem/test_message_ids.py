"""A message with an id is written once, however often it is added."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, InvalidInputError, MemoryController, Scope

ADA, BEN = Scope("ada"), Scope("ben")


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


@pytest.mark.parametrize("name", ["", "a@1", 7])
def test_invalid_ids_are_rejected(memory: MemoryController, name: object) -> None:
    with pytest.raises(InvalidInputError, match="id"):
        memory.add({"content": "I like tea.", "id": name})


def test_lone_surrogates_are_rejected(memory: MemoryController) -> None:
    with pytest.raises(InvalidInputError, match="surrogates"):
        memory.add("\ud800")
