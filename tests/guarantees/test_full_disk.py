"""A full disk raises a typed error, and no acknowledged write is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.guarantees._children import on_a_small_disk, run

Results = dict[str, tuple[int, list[str]]]

SCENES = """
import json, os, random, resource, shutil, sys
from pathlib import Path
from types import SimpleNamespace
from agentmem import (
    AgentMemError, Granularity, MemoryController, MemoryNotFoundError, Scope, StoreUnavailableError,
)
from tests.torture._embedding import WordEmbeddings

place = Path(sys.argv[1])
disk_usage = shutil.disk_usage
acknowledged, unsure, said = {}, set(), set()

def open_():
    return MemoryController.open(
        place / "store", scope=Scope("ada"), embeddings=WordEmbeddings(), linger=None
    )

def fill(left):
    with (place / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, disk_usage(place).free - left))

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def unfill():
    limit(resource.RLIM_INFINITY)
    (place / "ballast").unlink(missing_ok=True)

def add(memory, name, count):
    put = {f"{name}-{n}": " ".join([f"word{n} of {name}"] * 9) for n in range(count)}
    unsure.update(put)
    memory.add([{"role": "user", "content": t, "id": i} for i, t in put.items()], session_id=name)
    acknowledged.update(put)
    unsure.difference_update(put)

def delete(memory, one):
    unsure.add(one)
    acknowledged.pop(one)
    memory.delete(one)
    unsure.discard(one)

def refused(call, *arguments):
    try:
        call(*arguments)
    except StoreUnavailableError as error:
        said.add(str(error))
        return 1
    except MemoryNotFoundError:
        pass
    return 0

def compare(memory):
    turns = memory.get_all(limit=None, granularity=Granularity.TURN)
    held = {m.id: m.text for m in turns}
    lost = {i for i, text in acknowledged.items() if held.get(i) != text}
    assert not lost, lost
    assert held.keys() <= acknowledged.keys() | unsure
    for name in {i.rpartition("-")[0] for i in unsure if i.startswith("later")}:
        # A refused batch is there whole or not at all.
        members = {i for i in unsure if i.startswith(name + "-")}
        assert not members & held.keys() or members <= held.keys(), name
    unsure.clear()
    acknowledged.update({m.id: m.text for m in turns})
    assert memory.check().ok, memory.check().problems

def little_room():
    with open_() as memory:
        add(memory, "first", 20)
        fill(40 * 2**20)
        count = sum(
            refused(call, *arguments)
            for call, arguments in (
                (add, (memory, "second", 3)), (memory.end_session, ("first",)),
                (memory.delete, ("first-1",)), (memory.compact, ()),
            )
        )
        compare(memory)
        assert memory.search("word3 first")[0].memory.id == "first-3"
        unfill()
        add(memory, "third", 5)
        compare(memory)
    return count

def met_by_chroma(how):
    # The store believes that there is space, so Chroma itself meets the full disk.
    shutil.disk_usage = lambda path: SimpleNamespace(free=2**40)
    rng = random.Random(1)
    memory, count = open_(), 0
    add(memory, "first", 30)
    for n in range(6):
        if how == "limit":
            # No file may grow much beyond what the database has, as with a quota.
            size = (place / "store" / "chroma.sqlite3").stat().st_size
            limit(size + rng.choice([-65536, 0, 4096, 20000]))
        else:
            fill(rng.choice([0, 4096, 20000, 60000, 150000]))
        for i in range(6):
            one = rng.choice(sorted(acknowledged))
            count += refused(*rng.choice([
                (add, memory, f"later{n}x{i}", rng.choice([1, 20, 60])), (delete, memory, one),
                (memory.end_session, "first"), (memory.search, "word3 first"),
            ]))
        if n % 2:
            count += refused(memory.close)
            unfill()
            memory = open_()
        unfill()
        compare(memory)
    memory.close()
    return count

results = {}
for how in sys.argv[2:]:
    acknowledged.clear(), unsure.clear(), said.clear()
    count = little_room() if how == "room" else met_by_chroma(how)
    results[how] = [count, sorted(said)]
    shutil.rmtree(place / "store")
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def on_a_disk(tmp_path_factory: pytest.TempPathFactory) -> Results:
    place = tmp_path_factory.mktemp("disk")
    return outcome(run(SCENES, place, "room", "disk", before=on_a_small_disk(place, 120)))


def outcome(printed: str) -> Results:
    results: Results = json.loads(printed)
    return results


def test_a_nearly_full_disk_is_not_written_to(on_a_disk: Results) -> None:
    """Reads and searches continue; with space again, so do writes."""
    count, said = on_a_disk["room"]
    assert count == 4
    assert all("make room on the disk, then try again" in sentence for sentence in said)


def test_a_full_disk_in_chroma_raises_a_typed_error(on_a_disk: Results) -> None:
    """Chroma's connections may keep locks then, so the store reopens; nothing hangs."""
    judge(*on_a_disk["disk"])


def test_a_file_size_limit_raises_a_typed_error(tmp_path: Path) -> None:
    """As with a quota, which the free space of the disk does not show."""
    judge(*outcome(run(SCENES, tmp_path, "limit"))["limit"])


def judge(count: int, said: list[str]) -> None:
    print(f"{count} calls refused, each with one of {len(said)} errors")
    assert count > 10
    assert all("room" in sentence or "check the disk" in sentence for sentence in said)
