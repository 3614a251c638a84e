"""Stores that may not be read or written: another user's, a read-only directory or file system."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees._children import on_a_small_disk, run

# Run by nobody where the tests are run by root, who may do everything.
NOBODY = """
import json, os, shutil, sys
from pathlib import Path
import chromadb.api.rust, sklearn.mixture
from agentmem import AgentMemError, MemoryController, Scope, StoreUnavailableError
from tests.torture._embedding import WordEmbeddings

place = Path(sys.argv[1])
said = {}

def open_(path):
    return MemoryController.open(
        path, scope=Scope("ada"), embeddings=WordEmbeddings(), linger=None
    )

acknowledged = []

def add(memory, text):
    memory.add(text, session_id="a")
    acknowledged.append(text)

def refused(what, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except StoreUnavailableError as error:
        said[what] = str(error)

with open_(place / "theirs") as memory:
    add(memory, "the boat is red")
for name in ("hidden", "mine"):
    shutil.copytree(place / "theirs", place / name)
(place / "hidden").chmod(0o700)
if os.geteuid() == 0:
    place.chmod(0o755)
    for path in (place / "mine", *(place / "mine").rglob("*")):
        os.chown(path, 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
    refused("another's", open_, place / "theirs")
    refused("another's, hidden", open_, place / "hidden")
    refused("a new one in another's directory", open_, place / "new")

memory = open_(place / "mine")
add(memory, "the car is blue")
for what, path, mode in (
    ("the directory", place / "mine", 0o555),
    ("the database", place / "mine" / "chroma.sqlite3", 0o444),
):
    before = path.stat().st_mode
    path.chmod(mode)
    refused(f"{what} while it is used", add, memory, f"written before {what} was")
    refused("closing", memory.close)
    refused(f"{what} when it is opened", lambda: add(open_(place / "mine"), "nothing"))
    path.chmod(before)
    memory = open_(place / "mine")
    add(memory, f"{what} can be written to again")
turns = sorted(m.text for m in memory.get_all(limit=None) if m.granularity == "turn")
assert memory.check().ok
memory.close()
assert turns == sorted(acknowledged)
assert len(turns) >= 4
print(json.dumps(said))
"""

READ_ONLY = """
import json, subprocess, sys, time
from pathlib import Path
from agentmem import MemoryController, Scope, StoreUnavailableError
from tests.torture._embedding import WordEmbeddings

place, said = Path(sys.argv[1]), []

def open_():
    return MemoryController.open(
        place / "store", scope=Scope("ada"), embeddings=WordEmbeddings(), linger=None
    )

def mount(how):
    # Threads of Chroma may have files open a moment longer than the store.
    for _ in range(100):
        if not subprocess.run(["mount", "-o", f"remount,{how}", str(place)]).returncode:
            return
        time.sleep(0.1)
    raise TimeoutError("files stay open")

def refused(call, *arguments):
    try:
        call(*arguments)
    except StoreUnavailableError as error:
        said.append(str(error))

open_().close()
mount("ro")
refused(open_)
mount("rw")
with open_() as memory:
    memory.add("the boat is red", session_id="a")
    memory.end_session("a")
    assert memory.search("boat", k=1)[0].memory.text == "the boat is red"
    assert memory.check().ok
print(json.dumps(said))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that others may look into, which pytest's own is not."""
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(os.name != "posix", reason="needs users and modes")
def test_unreadable_and_unwritable_paths_raise_a_typed_error(place: Path) -> None:
    said = json.loads(run(NOBODY, place))
    # What has a database open already may go on.
    cases = {
        "the directory while it is used",
        "the directory when it is opened",
        "the database when it is opened",
    }
    if os.geteuid() == 0:
        cases |= {"another's", "another's, hidden", "a new one in another's directory"}
    assert said.keys() >= cases
    for sentence in said.values():
        assert "can be written" in sentence or "writable" in sentence


def test_a_read_only_file_system_raises_a_typed_error(place: Path) -> None:
    [sentence] = json.loads(run(READ_ONLY, place, before=on_a_small_disk(place, 100)))
    assert "pass a directory that can be written" in sentence
