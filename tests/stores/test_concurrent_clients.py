"""Several client processes write to one server without errors or lost writes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.crowd import crowd
from tests.stores.conftest import ChromaServer


def test_clients_lose_nothing_and_see_each_others_writes(tmp_path: Path) -> None:
    server = ChromaServer(tmp_path)
    server.start()
    try:
        together = crowd(host="127.0.0.1", port=server.port, clients=2, seconds=4)
    finally:
        server.stop()
    assert together.errors == []
    assert together.lost == []
    assert len(together.written) >= 2
    # By words alone: vectors are drawn, so the index over words has followed the other's writes.
    assert together.seen_after
    assert any("turns written, 0 lost" in line for line in together.lines())
