"""Owners do not wait for each other, and searches at the same time find what single ones find."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import AgentMemError, MemoryController, Scope
from tests.torture._embedding import WordEmbeddings

OWNERS = [Scope(f"owner{n}") for n in range(8)]
QUESTIONS = [
    "What is the dog of the baker called?",
    "Where did they go in June?",
    "Which instrument do I play?",
    "What has the baker bought?",
]
SECONDS = 0.3


class SlowEmbeddings(WordEmbeddings):
    """Embeddings that take as long as those of a distant server."""

    slow = False

    def embed_query(self, text: str) -> list[float]:
        if self.slow:
            time.sleep(SECONDS)
        return super().embed_query(text)


@pytest.fixture
def memory(tmp_path: Path, embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController.open(tmp_path, embeddings=embeddings, linger=None) as opened:
        for n, owner in enumerate(OWNERS):
            opened.add(
                [
                    f"The dog of the baker number {n} is called Biscuit{n}.",
                    f"We went to Porto for {n + 2} days in June.",
                    f"I play the cello in orchestra {n}.",
                    f"The baker bought {n + 3} bags of flour.",
                ],
                session_id="s",
                scope=owner,
            )
        yield opened


def seconds(*calls: Callable[[], object]) -> float:
    """Return how long calls in as many threads take that start together."""
    barrier = Barrier(len(calls) + 1)

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(run, call) for call in calls]
        barrier.wait()
        start = time.perf_counter()
        for each in running:
            each.result()
        return time.perf_counter() - start


def test_searches_of_many_threads_find_what_single_ones_find(memory: MemoryController) -> None:
    jobs = [(owner, question) for owner in OWNERS for question in QUESTIONS]

    def search(job: tuple[Scope, str]) -> list[tuple[str, float]]:
        owner, question = job
        hits = memory.search(question, k=3, scope=owner, reinforce=False)
        assert all(hit.memory.scope == owner for hit in hits)
        return [(hit.memory.text, hit.score) for hit in hits]

    serial = [search(job) for job in jobs]
    memory.services.embedder.clear_cache()
    with ThreadPoolExecutor(16) as pool:
        parallel = list(pool.map(search, jobs))
    for actual, expected in zip(parallel, serial, strict=True):
        assert [text for text, _ in actual] == [text for text, _ in expected]
        # Texts of one pass are padded to the same length, which changes the last bits.
        scores = [score for _, score in expected]
        assert [score for _, score in actual] == pytest.approx(scores, abs=1e-3)


def test_two_owners_who_search_wait_for_a_slow_embedder_at_the_same_time(tmp_path: Path) -> None:
    embeddings = SlowEmbeddings()
    with MemoryController.open(tmp_path, embeddings=embeddings) as memory:
        for owner in OWNERS[:2]:
            memory.add("the boat is red", scope=owner)
            memory.search("boat", scope=owner)
        embeddings.slow = True
        took = seconds(
            lambda: memory.search("the red boat", scope=OWNERS[0]),
            lambda: memory.search("a red boat", scope=OWNERS[1]),
        )
    assert SECONDS <= took < 1.7 * SECONDS


def test_an_owner_adds_while_another_changes_memories(memory: MemoryController) -> None:
    locks = memory.services.locks
    with locks.hold(OWNERS[0]), ThreadPoolExecutor(1) as pool:
        done = pool.submit(memory.add, "I moved to Faro.", session_id="s", scope=OWNERS[1])
        assert done.result(timeout=30)


def test_a_search_waits_for_no_change_that_embeds(memory: MemoryController) -> None:
    """Who ends a session holds the owner's lock for long; that of the index only to write."""
    with memory.services.locks.hold(OWNERS[0]), ThreadPoolExecutor(1) as pool:
        memory.services.swept_scopes.add(OWNERS[0])
        search = pool.submit(memory.search, QUESTIONS[2], k=1, scope=OWNERS[0], reinforce=False)
        assert "cello" in search.result(timeout=30)[0].memory.text


@pytest.mark.parametrize("method", ["update", "history", "unmerge", "get_all", "delete"])
def test_no_method_takes_the_lock_of_another_owner(memory: MemoryController, method: str) -> None:
    """Two owners that each wait for the other's lock, holding their own, would wait for ever."""
    ours, other = OWNERS[:2]
    [turn] = memory.get_all(limit=1, scope=ours)
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: memory.update(turn.id, text="The dog is called Rex.", scope=ours),
        "history": lambda: memory.history(turn.id, scope=ours),
        "unmerge": lambda: memory.unmerge(turn.id, scope=ours),
        "get_all": lambda: memory.get_all(scope=ours),
        "delete": lambda: memory.delete(turn.id, scope=ours),
    }
    for owner in (ours, other):
        # Its recalls are written with the next write, or the next reading of them.
        assert memory.search(QUESTIONS[0], scope=owner)
    assert memory.services.reinforcement.pending_scopes()
    with ThreadPoolExecutor(1) as pool, memory.services.locks.hold(other):
        error = pool.submit(calls[method]).exception(timeout=20)
    assert error is None or isinstance(error, AgentMemError)
