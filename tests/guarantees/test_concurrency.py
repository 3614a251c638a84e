"""Threads and tasks on one controller, two processes on one path, and shutdown."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentmem import Granularity, MemoryController, Scope
from tests.guarantees._children import run
from tests.torture._embedding import WordEmbeddings

ADA = Scope("ada")

SECOND = """
import sys
from agentmem import MemoryController, Scope, StoreLockedError
from tests.torture._embedding import WordEmbeddings
try:
    MemoryController.open(sys.argv[1], scope=Scope("ada"), embeddings=WordEmbeddings())
except StoreLockedError as error:
    print(error)
"""

# Ends without closing anything, a recall still pending.
CARELESS = """
import sys
from agentmem import MemoryController, Scope
from tests.torture._embedding import WordEmbeddings
memory = MemoryController.open(
    sys.argv[1], scope=Scope("ada"), embeddings=WordEmbeddings(), linger=60,
    consolidate_after_session=3,
)
memory.add("the boat is red", session_id="a")
memory.end_session("a")
memory.search("boat")
"""


# Its child uses what it has inherited, then ends as any process does.
FORKING = """
import os, sys
from agentmem import ClosedError, MemoryController, Scope, StoreLockedError
from tests.torture._embedding import WordEmbeddings
def open_():
    return MemoryController.open(sys.argv[1], scope=Scope("ada"), embeddings=WordEmbeddings())
memory = open_()
memory.add("the boat is red", session_id="a")
memory.search("boat")
if os.fork() == 0:
    for use in (lambda: memory.add("in the child"), lambda: memory.search("boat"), memory.flush):
        try:
            use()
        except ClosedError as error:
            print(error, flush=True)
    try:
        open_()
    except StoreLockedError:
        print("locked", flush=True)
    del memory
    sys.exit()
assert os.wait()[1] == 0
try:
    open_()
except StoreLockedError:
    print("locked", flush=True)
memory.add("and the car is blue", session_id="a")
assert memory.check().ok
"""


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryController]:
    with MemoryController.open(tmp_path / "s", scope=ADA, embeddings=WordEmbeddings()) as opened:
        yield opened


def test_concurrent_threads_lose_no_writes(memory: MemoryController) -> None:
    def talk(n: int) -> None:
        for i in range(6):
            word = f"unheard{n}of{i}"
            [turn] = memory.add(f"{word} of course", session_id=f"s{n % 3}")
            assert memory.get(turn.id).text.startswith(word)
            # Found by its word alone, so through the lexical channel.
            assert memory.search(word, k=1)[0].memory.id == turn.id

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(8)))
    turns = memory.get_all(limit=None, granularity=Granularity.TURN)
    assert len(turns) == 48
    for session in ("s0", "s1", "s2"):
        positions = [m.position for m in turns if m.session_id == session]
        assert sorted(positions) == list(range(len(positions)))
    assert memory.check().ok


def test_every_concurrent_update_is_a_version(memory: MemoryController) -> None:
    [turn] = memory.add("the boat is red", session_id="a")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: memory.update(turn.id, text=f"the boat is hue{n}"), range(12)))
    assert memory.get(turn.id).version == 13
    assert [m.version for m in memory.history(turn.id)] == list(range(1, 14))
    assert memory.check().ok


def test_every_concurrent_recall_counts(memory: MemoryController) -> None:
    [turn] = memory.add("the boat is red", session_id="a")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: memory.search("boat"), range(30)))
    memory.flush()
    assert memory.get(turn.id).recall_count == 30


def test_concurrent_tasks_of_an_event_loop_lose_no_writes(memory: MemoryController) -> None:
    async def talk() -> None:
        await asyncio.gather(*(memory.aadd(f"word{n} said", session_id="a") for n in range(20)))
        results = await asyncio.gather(*(memory.asearch(f"word{n}", k=1) for n in range(20)))
        assert [hits[0].memory.text for hits in results] == [f"word{n} said" for n in range(20)]

    asyncio.run(talk())
    assert memory.check().ok


def test_a_second_process_is_locked_out_at_once(memory: MemoryController, tmp_path: Path) -> None:
    said = run(SECOND, tmp_path / "s")
    assert "is in use" in said
    assert f"by process {os.getpid()}" in said


def test_two_controllers_on_one_store_see_each_others_writes(memory: MemoryController) -> None:
    other = MemoryController(
        memory.services.store, scope=ADA, embeddings=WordEmbeddings(), linger=None
    )
    pair = (memory, other)

    def talk(n: int) -> None:
        pair[n % 2].add(f"unheard{n} of course", session_id=f"s{n}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, range(24)))
    for controller in pair:
        assert controller.check().ok
        for n in range(24):
            assert controller.search(f"unheard{n}", k=1)[0].memory.text == f"unheard{n} of course"


def test_a_process_that_does_not_close_loses_nothing(tmp_path: Path) -> None:
    run(CARELESS, tmp_path)
    with MemoryController.open(tmp_path, scope=ADA, embeddings=WordEmbeddings()) as memory:
        assert memory.check().ok
        [turn] = memory.get_all(granularity=Granularity.TURN)
        assert turn.text == "the boat is red"


def test_a_collected_controller_writes_pending_recalls(tmp_path: Path) -> None:
    memory = MemoryController.open(tmp_path, scope=ADA, embeddings=WordEmbeddings(), linger=None)
    [turn] = memory.add("the boat is red", session_id="a")
    memory.search("boat")
    del memory
    gc.collect()
    with MemoryController.open(tmp_path, scope=ADA, embeddings=WordEmbeddings()) as again:
        assert again.get(turn.id).recall_count == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_locked_out_and_does_no_harm(tmp_path: Path) -> None:
    said = run(FORKING, tmp_path)
    assert said.count("opened before this process was forked") == 3
    assert said.splitlines().count("locked") == 2
    with MemoryController.open(tmp_path, scope=ADA, embeddings=WordEmbeddings()) as memory:
        turns = memory.get_all(granularity=Granularity.TURN)
        assert [turn.text for turn in turns] == ["the boat is red", "and the car is blue"]
        assert turns[0].recall_count == 1
