"""A Chroma server that is killed, stops answering, or loses a client in the middle of a write."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentmem import Granularity, MemoryController, Scope, StoreUnavailableError
from tests.guarantees._children import started
from tests.stores.conftest import ChromaServer
from tests.torture._embedding import WordEmbeddings

ADA = Scope("ada")
KILLS = 2

# Waits after it has announced its write, and dies when its data are on the server, before it has
# counted the write.
DYING = """
import os, sys
from agentmem import ChromaStore, MemoryController, Scope
from agentmem_stores.chroma.registry import Registry
from tests.torture._embedding import WordEmbeddings
store = ChromaStore.connect(host="127.0.0.1", port=int(sys.argv[1]))
memory = MemoryController(store, scope=Scope("ada"), embeddings=WordEmbeddings(), linger=None)
memory.add("the boat is red", session_id="a")
begin_write = Registry.begin_write
def begin_and_wait(registry, scope):
    revision = begin_write(registry, scope)
    print("about to write", flush=True)
    sys.stdin.readline()
    return revision
def die(registry, scope, batch):
    os._exit(0)
Registry.begin_write, Registry.end_write = begin_and_wait, die
memory.add("the car is blue", session_id="a")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaServer]:
    running = ChromaServer(tmp_path / "server")
    running.start()
    yield running
    running.stop()


def client(server: ChromaServer, **options: float) -> MemoryController:
    store = server.connect(embedder=WordEmbeddings.spec, **options)
    return MemoryController(store, scope=ADA, embeddings=WordEmbeddings(), linger=None)


class Talker:
    """Adds batches of ten turns until it is told to stop, whatever happens."""

    def __init__(self, memory: MemoryController) -> None:
        self.memory = memory
        self.acknowledged: dict[str, str] = {}
        self.refused: list[set[str]] = []
        self.errors: set[str] = set()
        self.stopped = False

    def talk(self) -> None:
        while not self.stopped:
            name = f"s{len(self.acknowledged)}-{len(self.refused)}"
            put = {f"{name}-{n}": f"word{n} of {name}" for n in range(10)}
            said = [{"role": "user", "content": text, "id": i} for i, text in put.items()]
            try:
                self.memory.add(said, session_id=name)
                self.acknowledged.update(put)
            except StoreUnavailableError as error:
                self.errors.add(str(error))
                self.refused.append(set(put))
                time.sleep(0.05)

    def wait_for_more(self) -> None:
        before, deadline = len(self.acknowledged), time.monotonic() + 30
        while len(self.acknowledged) < before + 30:
            assert time.monotonic() < deadline, self.errors
            time.sleep(0.01)


def test_a_server_killed_during_a_batch_recovers(server: ChromaServer) -> None:
    """Everything acknowledged is there, and the same client goes on."""
    rng = random.Random(1)
    with client(server) as memory:
        talker = Talker(memory)
        talking = threading.Thread(target=talker.talk)
        talking.start()
        for _ in range(KILLS):
            talker.wait_for_more()
            time.sleep(rng.uniform(0, 0.2))
            server.stop()
            server.start()
        talker.wait_for_more()
        talker.stopped = True
        talking.join()
        memory.add("the boat is red", session_id="z")
        assert memory.search("boat", k=1)[0].memory.text == "the boat is red"
        texts = {m.id: m.text for m in memory.get_all(limit=None, granularity=Granularity.TURN)}
        assert talker.acknowledged.items() <= texts.items()
        for batch in talker.refused:
            assert not batch & texts.keys() or batch <= texts.keys()
        assert not memory.check().problems
    print(f"{KILLS} kills, {len(talker.acknowledged)} turns kept, {len(talker.refused)} refused")
    assert len(talker.refused) >= KILLS
    assert all("check that the Chroma server runs" in said for said in talker.errors)


def test_an_unresponsive_server_times_out(server: ChromaServer) -> None:
    with client(server, timeout=0.5) as memory:
        memory.add("the boat is red", session_id="a")
        assert server._process is not None
        server._process.send_signal(signal.SIGSTOP)
        calls: list[Callable[[], object]] = [
            lambda: memory.search("boat"),
            lambda: memory.add("the car is blue", session_id="a"),
            memory.stats,
        ]
        for call in calls:
            began = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="check that the Chroma server runs"):
                call()
            assert time.monotonic() - began < 5
        with pytest.raises(StoreUnavailableError):
            client(server, timeout=0.5)
        server._process.send_signal(signal.SIGCONT)
        memory.add("and the house is green", session_id="a")
        assert memory.search("boat", k=1)[0].memory.text == "the boat is red"
        # What was asked for when time ran out may be done later; that is seen then, as it is.
        time.sleep(1.2)
        assert not memory.check().problems


def test_a_client_killed_during_a_write_is_noticed(server: ChromaServer) -> None:
    """Its data came after the others looked, and nothing says that they came."""
    with client(server, timeout=0.5) as memory:
        with started(DYING, server.port) as dying:
            assert dying.stdout is not None
            assert dying.stdout.readline() == "about to write\n"
            assert memory.search("blue", k=1)[0].memory.text == "the boat is red"
            before = memory.services.store.revision(ADA)
            dying.communicate("go on\n")
        time.sleep(1.2)
        assert memory.services.store.revision(ADA) != before
        assert memory.search("blue", k=1)[0].memory.text == "the car is blue"
        assert not memory.check().problems
        # Seen once, it is not looked at again and again.
        settled = [memory.services.store.revision(ADA) for _ in range(3)]
        assert len(set(settled)) == 1
