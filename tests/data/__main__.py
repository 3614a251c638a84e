"""Write a store with something of everything, and what it holds, into an archive of 50 kB.

Run `python -m tests.data NAME` once for every released version, and whenever records change in
between; the archive then stays for good. `tests/guarantees/test_format.py` opens all of them.
"""

from __future__ import annotations

import json
import random
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agentmem import Memory, MemoryController, Scope
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock
from tests.torture._embedding import WordEmbeddings

__all__ = ["DATA", "OWNERS", "archive_of", "content_of", "open_store", "present"]

DATA = Path(__file__).parent
OWNERS = [Scope("ada"), Scope("ada", "helper"), Scope("Žofie 🦉")]
BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def archive_of(release: str) -> Path:
    """Where a version's store lies."""
    return DATA / f"store-{release}.tar.gz"


def present() -> str:
    """The version of this source."""
    project = tomllib.loads((DATA.parents[1] / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def open_store(path: Path, **options: Any) -> MemoryController:
    """Open it, two months after it was written."""
    clock = ManualClock(BEGINNING + timedelta(days=60))
    options = {"clock": clock, "rng": random.Random(2), "linger": None, **options}
    return MemoryController.open(path, scope=OWNERS[0], embeddings=WordEmbeddings(), **options)


def content_of(memory: MemoryController) -> list[dict[str, Any]]:
    """Everything that a store holds, as JSON has it."""
    memories = [m for owner in OWNERS for m in memory.get_all(limit=None, scope=owner)]
    return [_plain(m) for m in sorted(memories, key=lambda m: (m.scope.key, m.granularity, m.id))]


def _plain(memory: Memory) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(memory), default=str))
    # A scope with the default conventions is written as before there were any.
    if plain["scope"].get("tz") is None:
        plain["scope"].pop("tz", None)
    if plain["scope"].get("day_first"):
        plain["scope"].pop("day_first")
    return plain


def main(release: str) -> None:
    """Write the archive of a version."""
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock(BEGINNING)
        with open_store(Path(folder) / "store", clock=clock, rng=random.Random(1)) as memory:
            _fill(memory, clock)
            expected = content_of(memory)
        (Path(folder) / "held.json").write_text(json.dumps(expected, indent=1, sort_keys=True))
        with tarfile.open(archive_of(release), "w:gz") as archive:
            for name in ("store", "held.json"):
                archive.add(Path(folder) / name, name, filter=_anonymous)


def _fill(memory: MemoryController, clock: ManualClock) -> None:
    for n, owner in enumerate(OWNERS):
        scope: Any = {"scope": owner}
        for session in ("first", "second"):
            turns = [
                {
                    "role": "user",
                    "content": f"My boat is called {session} wave {n}.",
                    "name": "Ada",
                },
                {"role": "assistant", "content": "A boat, wie schön! 船"},
                {"role": "user", "content": "I live in Prague, and my dog is called Biscuit."},
            ]
            memory.add(turns, session_id=session, metadata={"place": ["harbour", n]}, **scope)
            memory.end_session(session, **scope)
            clock.advance(days=1)
        turn = memory.search("boat called", k=1, **scope)[0].memory
        memory.update(turn.id, text="My boat is called third wave.", **scope)
        hits = memory.search("dog called", k=3, **scope)
        memory.feedback(hits, cited=[hits[0].memory.id], **scope)
        memory.add_plan("paint the boat", ["sand it", "paint it"], True, **scope)
        memory.flush()
    items = AgentMemoryStore(memory)
    items.put(("notes", "sea"), "tide", {"high": "noon", "level": 4.5})
    memory.consolidate()
    [gone] = memory.add("This is forgotten.", session_id="second")
    memory.delete(gone.id)
    memory.add("The code is 4711.", session_id="second", expires_at=clock() + timedelta(days=900))
    memory.end_session("second")
    memory.add_document("# Tea\n\nSencha is a green tea.", source="tea")
    memory.sweep(clock() + timedelta(days=4))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(BEGINNING.timestamp())
    return None if entry.name.endswith(".lock") else entry


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else present())
