"""What is different when several clients share a Chroma server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem_stores import (
    Batch,
    ChromaStore,
    ClosedError,
    EmbedderMismatchError,
    EmbedderSpec,
    Granularity,
    Scope,
    StoreUnavailableError,
)
from agentmem_stores.chroma import registry as _registry
from agentmem_stores.conformance import make_entry
from tests.stores.conftest import ChromaServer, free_port

ADA, TURN = Scope("ada"), Granularity.TURN
SPEC = EmbedderSpec("test", 8)


@pytest.fixture
def database(server: ChromaServer) -> str:
    return server.new_database()


@pytest.fixture
def pair(server: ChromaServer, database: str) -> Iterator[tuple[ChromaStore, ChromaStore]]:
    with (
        server.connect(database=database, embedder=SPEC) as one,
        server.connect(database=database) as two,
    ):
        yield one, two


def test_the_layout_is_the_first_clients(server: ChromaServer, database: str) -> None:
    server.connect(database=database, embedder=SPEC, partitions=2).close()
    with server.connect(database=database, partitions=5) as store:
        assert store.embedder == SPEC
        assert store._partitions._count == 2
    with pytest.raises(EmbedderMismatchError, match=str(server.port)):
        server.connect(database=database, embedder=EmbedderSpec("another", 8))


def test_what_is_configured_for_the_cloud_works_on_one_server(
    server: ChromaServer, database: str
) -> None:
    cloud: dict[str, Any] = {
        "headers": {"x-chroma-token": "key"},
        "tenant": "default_tenant",
        "index": "spann",
    }
    with server.connect(database=database, embedder=SPEC, **cloud) as store:
        entry = make_entry(store, "m")
        store.write(Batch(ADA, put=[entry]))
        [found] = store.nearest(ADA, TURN, entry.vector[None], 1)[0]
        assert found.id == "m"
        assert found.similarity == pytest.approx(1, abs=1e-5)


def test_clients_see_one_anothers_writes(pair: tuple[ChromaStore, ChromaStore]) -> None:
    one, two = pair
    for i, (writer, reader) in enumerate([(one, two), (two, one), (one, two)]):
        before = reader.revision(ADA)
        entry = make_entry(writer, f"m{i}", seed=i)
        writer.write(Batch(ADA, put=[entry]))
        assert reader.revision(ADA) != before
        assert reader.revision(ADA) == writer.revision(ADA)
        assert reader.get(ADA, TURN, [f"m{i}"])[0].memory == entry.memory
        assert reader.nearest(ADA, TURN, entry.vector[None], 1)[0][0].id == f"m{i}"
    two.write(Batch(ADA, delete=[(TURN, "m0")]))
    assert {hit.id for hit in one.nearest(ADA, TURN, entry.vector[None], 5)[0]} == {"m1", "m2"}


def test_a_write_does_not_hide_that_of_another(pair: tuple[ChromaStore, ChromaStore]) -> None:
    """What `write` returns is not the revision, when somebody else wrote since the last look."""
    one, two = pair
    one.revision(ADA)
    two.write(Batch(ADA, put=[make_entry(two, "hers")]))
    returned = one.write(Batch(ADA, put=[make_entry(one, "mine")]))
    assert returned != one.revision(ADA)
    assert one.write(Batch(ADA, put=[make_entry(one, "mine")])) == one.revision(ADA)


def test_clients_that_are_gone_leave_little(
    server: ChromaServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_registry, "MAX_CLIENTS", 2)
    seen = []
    for i in range(6):
        with server.connect(database=database, embedder=SPEC) as store:
            for j in range(2):
                store.write(Batch(ADA, put=[make_entry(store, f"m{i}-{j}")]))
                seen.append(store.revision(ADA))
    assert len(set(seen)) == 12
    assert all(mark.count(":") <= 4 for mark in seen)


def test_an_embedded_store_moves_to_a_server(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path / "store", SPEC) as store:
        entry = make_entry(store, "m")
        before = store.write(Batch(ADA, put=[entry]))
    server = ChromaServer(tmp_path / "store")
    server.start()
    try:
        with server.connect(embedder=SPEC) as store:
            assert store.revision(ADA) == before
            assert [m.id for m in store.scan(ADA, TURN)] == ["m"]
            during = store.write(Batch(ADA, put=[make_entry(store, "n")]))
            server.stop()
            for use in (
                lambda: store.write(Batch(ADA, put=[entry])),
                lambda: store.nearest(ADA, TURN, entry.vector[None], 1),
                lambda: list(store.scan(ADA, TURN)),
                lambda: store.revision(ADA),
            ):
                with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{server.port}"):
                    use()
            server.start()
            assert {m.id for m in store.scan(ADA, TURN)} == {"m", "n"}
            store.write(Batch(ADA, put=[entry]))
            assert store.revision(ADA) not in (before, during)
        with pytest.raises(ClosedError):
            store.revision(ADA)
    finally:
        server.stop()
    with ChromaStore.open(tmp_path / "store", SPEC) as store:
        assert {m.id for m in store.scan(ADA, TURN)} == {"m", "n"}


def test_a_server_that_is_not_there() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{port}.*server runs"):
        ChromaStore.connect(host="127.0.0.1", port=port)


def test_a_database_that_is_not_there(server: ChromaServer) -> None:
    with pytest.raises(StoreUnavailableError, match=f"{server.port} has no database.*create"):
        server.connect(database="nobody-made-it")
