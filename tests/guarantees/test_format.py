"""Stores of released versions open as they are, or are migrated."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from agentmem import Scope
from tests.data.__main__ import DATA, OWNERS, archive_of, content_of, open_store, present

RELEASES = sorted(path.name[len("store-") : -len(".tar.gz")] for path in DATA.glob("*.tar.gz"))


def test_the_current_format_has_a_fixture() -> None:
    """After a release run `python -m tests.data`; its archive never changes again."""
    assert archive_of(present()).exists()


@pytest.mark.parametrize("release", RELEASES)
def test_a_store_of_a_released_version_opens(release: str, tmp_path: Path) -> None:
    """All memories are there, searches and writes work, and there are no problems."""
    with tarfile.open(archive_of(release)) as archive:
        archive.extractall(tmp_path, filter="data")
    expected = json.loads((tmp_path / "held.json").read_text())
    with open_store(tmp_path / "store") as memory:
        content = content_of(memory)
        # What later versions note in addition is not expected.
        assert [{k: m[k] for k in e} for m, e in zip(content, expected, strict=True)] == expected
        for owner in OWNERS:
            assert not memory.check(scope=owner).problems
            assert "Biscuit" in memory.search("dog called", k=1, scope=owner)[0].memory.text
        memory.add("The dog is called Waffle now.", session_id="third", scope=OWNERS[1])
        memory.end_session("third", scope=OWNERS[1])
    with open_store(tmp_path / "store") as memory:
        assert memory.search("waffle", k=1, scope=OWNERS[1])[0].memory.session_id == "third"
        assert sorted(memory.owners(), key=str) == sorted(OWNERS, key=str)
        assert memory.compact().after > 0
        assert not memory.check(scope=Scope("ada")).problems
