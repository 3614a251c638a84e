"""Stores on a Chroma server that several clients share."""

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
from agentmem_stores.chroma.client import close_client, open_server
from agentmem_stores.chroma.registry import Registry
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


def test_first_client_determines_the_layout(server: ChromaServer, database: str) -> None:
    server.connect(database=database, embedder=SPEC, partitions=2).close()
    with server.connect(database=database, partitions=5) as store:
        assert store.embedder == SPEC
        for i in range(20):
            scope = Scope(f"user {i}")
            store.write(Batch(scope, put=[make_entry(store, "m", scope)]))
    assert server.collections(database) == {"agentmem", "turn-00", "turn-01"}
    with pytest.raises(EmbedderMismatchError, match=str(server.port)):
        server.connect(database=database, embedder=EmbedderSpec("another", 8))


def test_cloud_options_work_on_a_single_server(server: ChromaServer, database: str) -> None:
    cloud: dict[str, Any] = {
        "headers": {"x-chroma-token": "key"},
        "tenant": "default_tenant",
        "index": "spann",
    }
    with server.connect(database=database, embedder=SPEC, **cloud) as store:
        entry = make_entry(store, "m")
        store.write(Batch(ADA, put=[entry]))
        [neighbor] = store.nearest(ADA, TURN, entry.vector[None], 1)[0]
        assert neighbor.id == "m"
        assert neighbor.similarity == pytest.approx(1, abs=1e-5)


def test_clients_see_each_others_writes(pair: tuple[ChromaStore, ChromaStore]) -> None:
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


def test_write_does_not_hide_another_clients_write(pair: tuple[ChromaStore, ChromaStore]) -> None:
    """`write` does not return the revision if another client wrote since `revision`."""
    one, two = pair
    one.revision(ADA)
    two.write(Batch(ADA, put=[make_entry(two, "theirs")]))
    returned = one.write(Batch(ADA, put=[make_entry(one, "own")]))
    assert returned != one.revision(ADA)
    assert one.write(Batch(ADA, put=[make_entry(one, "own")])) == one.revision(ADA)


def test_rows_of_finished_clients_are_deleted(server: ChromaServer, database: str) -> None:
    server.connect(database=database, embedder=SPEC).close()
    client = open_server(
        host="127.0.0.1",
        port=server.port,
        ssl=False,
        headers=None,
        tenant=None,
        database=database,
        timeout=60,
    )
    collection = client.get_collection("agentmem", embedding_function=None)
    revisions = []
    for _ in range(6):
        registry = Registry(collection, shared=True, max_clients=2)
        for _ in range(2):
            registry.begin_write(ADA)
            registry.end_write(ADA, Batch(ADA))
            revisions.append(registry.revision(ADA))
    close_client(client)
    assert len(set(revisions)) == 12
    assert all(revision.count(":") <= 4 for revision in revisions)


def test_embedded_store_can_be_moved_to_a_server(tmp_path: Path) -> None:
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


def test_unreachable_server() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{port}.*server runs"):
        ChromaStore.connect(host="127.0.0.1", port=port)


def test_missing_database(server: ChromaServer) -> None:
    with pytest.raises(StoreUnavailableError, match=f"{server.port} has no database.*create"):
        server.connect(database="missing")
