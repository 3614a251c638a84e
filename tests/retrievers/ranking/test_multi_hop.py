"""Multi-hop search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import Edge, InMemoryStore, InvalidInputError, MemoryController, Scope, SearchSettings
from agentmem_stores import Batch

ADA = Scope("ada")
CHAIN = [
    "The red envelope lay in the cabinet of Dr Okonkwo.",
    "Dr Okonkwo moved her practice to Thistle Lane.",
    "Thistle Lane was renamed after the engineer Brunhilde Vasquez.",
    "Brunhilde Vasquez built the bridge at Kestrel Point.",
]
NOISE = [f"On day {i} we talked about the weather and had soup number {i}." for i in range(30)]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(InMemoryStore(), scope=Scope("ada"), embeddings=embeddings) as controller:
        for i, text in enumerate(CHAIN):
            controller.add([NOISE[i * 3], text, NOISE[i * 3 + 1]], session_id=f"s{i}")
        controller.add(NOISE[15:], session_id="rest")
        yield controller


def test_each_hop_finds_what_the_last_one_added(memory: MemoryController) -> None:
    hits = memory.search("Where was the red envelope?", k=4, hops=4)
    assert [hit.memory.text for hit in hits] == CHAIN
    assert [memory.get(i).text for i in hits[3].path] == CHAIN


def test_without_hops_nothing_is_followed(memory: MemoryController) -> None:
    hits = memory.search("Where was the red envelope?", k=1)
    assert hits[0].memory.text == CHAIN[0]
    assert hits[0].path == ()


@pytest.mark.parametrize("associated", [True, False])
def test_associations_are_followed_if_set(embeddings: Embeddings, associated: bool) -> None:
    settings = SearchSettings(associated=associated)
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, settings=settings
    ) as memory:
        first, other = memory.add([CHAIN[0], "Elephants sleep on their feet."], session_id="s")
        linked = replace(first, edges=(Edge(other.id, 0.9),))
        memory.services.memories.write(Batch(ADA, patch=[linked]))
        paths = {h.memory.id: h.path for h in memory.search("Where was the red envelope?", hops=2)}
    assert paths[other.id] == ((first.id, other.id) if associated else ())


def test_rejects_less_than_one_hop(memory: MemoryController) -> None:
    with pytest.raises(InvalidInputError, match="hops=0"):
        memory.search("x", hops=0)
