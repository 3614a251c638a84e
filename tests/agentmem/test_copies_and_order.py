"""Results travel to other processes, and the order of writing survives the clock."""

from __future__ import annotations

import asyncio
import copy
import pickle
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

import agentmem
from agentmem import InMemoryStore, MemoryController, Scope, StoreUnavailableError
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def memory(embeddings: Embeddings, clock: ManualClock) -> MemoryController:
    return MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, clock=clock, linger=None
    )


COPIES: list[Callable[[Any], Any]] = [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
def test_results_can_be_copied(memory: MemoryController, copied: Callable[[Any], Any]) -> None:
    memory.add(["I like tea.", "I live in Porto."], session_id="s")
    memory.end_session("s")
    hits = memory.search("Where do I live?", explain=True)
    again = copied(hits)
    assert again == hits
    assert hash(again[0]) == hash(hits[0])
    assert again[0].context == hits[0].context
    assert again.routing == hits.routing
    for value in (memory.facts(), memory.timeline(), memory.stats(), memory.profile(), hits[0]):
        assert copied(value) == value
    memory.feedback(again, cited=[again[0].memory.id])


@pytest.mark.parametrize("copied", COPIES)
def test_errors_can_be_copied(copied: Callable[[Any], Any]) -> None:
    errors = [getattr(agentmem, n) for n in agentmem.__all__ if n.endswith("Error")]
    for kind in errors:
        again = copied(kind("it failed"))
        assert (type(again), str(again)) == (kind, "it failed")


def test_notebooks_show_a_table_with_escaped_texts(memory: MemoryController) -> None:
    memory.add("<script>alert('tea')</script>")
    for result in (memory.search("tea"), memory.get_all(), memory.recall("tea")):
        table = result._repr_html_()
        assert "<script>" not in table
        assert "script" in table
        assert table.count("<tr>") == 2


def test_order_of_writing_survives_a_clock_set_back(
    memory: MemoryController, clock: ManualClock
) -> None:
    memory.add("I live in Lisbon.", session_id="a")
    clock.advance(hours=-1)
    memory.add("I live in Porto.", session_id="b")
    memory.end_session("b")
    assert [m.text for m in memory.get_all(granularity=agentmem.Granularity.TURN)] == [
        "I live in Lisbon.",
        "I live in Porto.",
    ]
    assert [fact.value for fact in memory.facts(attribute="home")] == ["Porto"]


def test_order_of_writing_breaks_ties_of_time(memory: MemoryController) -> None:
    for n, session in enumerate("zyxw"):
        memory.add(f"Statement {n}.", session_id=session, timestamp=START)
    turns = memory.get_all(granularity=agentmem.Granularity.TURN)
    assert [turn.text for turn in turns] == [f"Statement {n}." for n in range(4)]


def test_the_last_of_gathered_puts_stays(memory: MemoryController) -> None:
    store = AgentMemoryStore(memory)

    async def put_all() -> None:
        await asyncio.gather(*(store.aput(("a",), "key", {"n": n}) for n in range(20)))

    for _ in range(2):
        asyncio.run(put_all())
        item = store.get(("a",), "key")
        assert item is not None
        assert item.value == {"n": 19}


def test_a_folder_removed_under_an_open_store_can_be_used_again(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    path = tmp_path / "store"
    memory = MemoryController.open(path, scope=Scope("ada"), embeddings=embeddings)
    memory.add("I like tea.", session_id="s")
    shutil.rmtree(path)
    with pytest.raises(StoreUnavailableError, match="removed or replaced"):
        memory.add("I like milk.", session_id="s")
    with pytest.raises(StoreUnavailableError):
        memory.search("tea")
    with pytest.raises(StoreUnavailableError):
        memory.close()
    assert not path.exists()
    with MemoryController.open(path, scope=Scope("ada"), embeddings=embeddings) as again:
        assert len(again.add("I like figs.", session_id="s")) == 1
