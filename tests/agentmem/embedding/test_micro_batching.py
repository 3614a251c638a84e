"""Threads share the passes of a model."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread, get_ident, main_thread

import pytest

from agentmem.embedding.micro_batching import MicroBatcher


class Model:
    """Doubles numbers, and keeps the first pass waiting until `go` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started, self.go = Event(), Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        if len(self.batches) == 1:
            self.started.set()
            assert self.go.wait(10)
        if -1 in items:
            raise ValueError("-1 is refused")
        return [2 * item for item in items]


def batcher_of(model: Model, limit: int = 64) -> MicroBatcher[int, int]:
    return MicroBatcher(model, lambda: limit)


def call_meanwhile(
    model: Model, batcher: MicroBatcher[int, int], *calls: list[int]
) -> Sequence[object]:
    """Let threads call while the model computes 0; return what each gets, or its error."""
    with ThreadPoolExecutor(1 + len(calls)) as pool:
        first = pool.submit(batcher, [0], [1])
        assert model.started.wait(10)
        running = []
        for items in calls:
            running.append(pool.submit(batcher, items, [4] * len(items)))
            while len(batcher._calls) < 1 + len(running):
                time.sleep(0.001)
        model.go.set()
        assert first.result(10) == [0]
        results = [each.exception(10) or each.result(10) for each in running]
    assert not batcher._calls
    return results


def test_a_single_caller_gets_results_in_order_longest_first() -> None:
    model = Model()
    model.go.set()
    assert batcher_of(model)([1, 2, 3], [10, 60, 20]) == [2, 4, 6]
    assert model.batches == [[2], [3, 1]]
    assert batcher_of(model)([], []) == []


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([15, 3, 3], [3]), ([15, 3, 3, 3, 3, 3, 3], [1, 6]), ([60, 55, 50, 48], [4])],
)
def test_texts_share_a_pass_where_padding_costs_less_than_another_one(
    lengths: list[int], sizes: list[int]
) -> None:
    model = Model()
    model.go.set()
    batcher_of(model, limit=512)(list(range(1, len(lengths) + 1)), lengths)
    assert [len(batch) for batch in model.batches] == sizes


def test_callers_who_wait_share_the_next_pass() -> None:
    model = Model()
    calls = [[n, n + 100] for n in range(1, 8)]
    results = call_meanwhile(model, batcher_of(model), *calls)
    assert results == [[2 * n, 2 * n + 200] for n in range(1, 8)]
    assert len(model.batches) == 2


def test_a_caller_with_many_texts_does_not_keep_out_one_with_few() -> None:
    model = Model()
    many, few = list(range(1, 201)), [1000]
    assert call_meanwhile(model, batcher_of(model), many, few)[1] == [2000]
    # 16 at a time: the many are first in one batch, the other caller in the next.
    assert next(n for n, batch in enumerate(model.batches) if 1000 in batch) <= 2
    assert len(model.batches) == 1 + -(-201 // 16)


def test_a_failing_caller_does_not_affect_others() -> None:
    model = Model()
    refused, accepted = call_meanwhile(model, batcher_of(model), [-1, 5], [7])
    assert isinstance(refused, ValueError)
    assert accepted == [14]


def test_the_others_go_on_when_the_caller_who_computes_is_interrupted() -> None:
    model = Model()
    batcher = batcher_of(model)

    def compute(items: list[int]) -> list[int]:
        model(items)
        if 0 in items:
            raise KeyboardInterrupt
        return [2 * item for item in items]

    batcher._compute = compute
    with ThreadPoolExecutor(2) as pool:
        interrupted = pool.submit(batcher, [0], [4])
        assert model.started.wait(10)
        waiting = pool.submit(batcher, [3], [4])
        while len(batcher._calls) < 2:
            time.sleep(0.001)
        model.go.set()
        with pytest.raises(KeyboardInterrupt):
            interrupted.result(10)
        assert waiting.result(10) == [6]


def test_the_batches_of_a_call_are_computed_at_once() -> None:
    barrier, threads = Barrier(2), set()

    def compute(items: list[int]) -> list[int]:
        barrier.wait(10)
        threads.add(get_ident())
        return [2 * item for item in items]

    started: list[int] = []
    batcher = MicroBatcher(compute, lambda: 16, lambda: 2, lambda _: started.append(get_ident()))
    # Four batches of four; a call of one batch is computed by the caller.
    assert batcher(list(range(16)), [4] * 16) == [2 * n for n in range(16)]
    assert threads == set(started)
    assert len(threads) == 2
    assert get_ident() not in threads
    assert not batcher._calls
    assert not batcher._running


def test_a_call_of_one_batch_needs_no_worker() -> None:
    threads: list[int] = []

    def compute(items: list[int]) -> list[int]:
        threads.append(get_ident())
        return items

    assert MicroBatcher(compute, lambda: 16, lambda: 2)([1, 2, 3], [4] * 3) == [1, 2, 3]
    assert threads == [get_ident()]


def test_workers_compute_for_callers_who_wait() -> None:
    model = Model()
    batcher = MicroBatcher(model, lambda: 16, lambda: 2)
    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(batcher, list(range(400)), [4] * 400)
        assert model.started.wait(10)
        few = pool.submit(batcher, [1000], [4])
        while len(batcher._calls) < 2 and not few.done():
            time.sleep(0.001)
        model.go.set()
        assert few.result(10) == [2000]
        assert many.result(10) == [2 * n for n in range(400)]
    assert sorted(item for batch in model.batches for item in batch) == [*range(400), 1000]


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    model = Model()
    model.go.set()
    batcher = MicroBatcher(model, lambda: 16, lambda: 2)
    with pytest.raises(ValueError, match="refused"):
        batcher([*range(40), -1], [4] * 41)
    assert batcher([1, 2], [4, 4]) == [2, 4]


def test_workers_stop_when_the_caller_is_interrupted() -> None:
    computed: list[int] = []
    interrupted = Event()
    main = main_thread().ident
    assert main == get_ident()

    def compute(items: list[int]) -> list[int]:
        computed.extend(items)
        if len(computed) >= 8 and not interrupted.is_set():
            interrupted.set()
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.01)
        return items

    batcher = MicroBatcher(compute, lambda: 4, lambda: 2)
    # A shell starts programs in the background with the signal ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            batcher(list(range(10_000)), [4] * 10_000)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert not batcher._calls
    assert batcher([7], [4]) == [7]
    deadline = time.monotonic() + 10
    while batcher._running and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(computed) < 1000


@pytest.mark.parametrize("n_failing", [1, 3])
def test_a_worker_that_cannot_start_is_not_needed(n_failing: int) -> None:
    started: list[int] = []

    def init_worker(n_workers: int) -> None:
        started.append(n_workers)
        if len(started) <= n_failing:
            raise RuntimeError("can't start new thread")

    batcher: MicroBatcher[int, int] = MicroBatcher(list, lambda: 4, lambda: 3, init_worker)
    for _ in range(20):
        assert batcher(list(range(40)), [1] * 40) == list(range(40))
        started.clear()


def test_the_caller_computes_where_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """As while the interpreter ends."""
    threads = set()

    def start(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    def compute(items: list[int]) -> list[int]:
        threads.add(get_ident())
        return items

    monkeypatch.setattr(Thread, "start", start)
    assert MicroBatcher(compute, lambda: 16, lambda: 2)(list(range(40)), [4] * 40)[39] == 39
    assert threads == {get_ident()}


@pytest.mark.parametrize(("lengths", "n_workers"), [([100], 0), ([20, 4, 4], 0), ([9, 9], 2)])
def test_items_that_fit_no_batch_have_no_workers(lengths: list[int], n_workers: int) -> None:
    """They may need much memory."""
    started: list[int] = []
    batcher: MicroBatcher[int, int] = MicroBatcher(list, lambda: 16, lambda: 8, started.append)
    assert batcher(list(range(len(lengths))), lengths) == list(range(len(lengths)))
    assert started == [n_workers] * n_workers
