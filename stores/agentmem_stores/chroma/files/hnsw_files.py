"""The files in which Chroma keeps vectors, and whether they are whole.

Chroma loads them when it is first asked, and does not check: a missing file fails, a shortened one
loses vectors in silence, and a damaged one ends the process. So they are looked at before Chroma
does. Vectors live nowhere else, but for the newest thousand or so, which are in the database.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = ["damaged_segments", "database_faults", "header_of", "set_aside"]

# hnswlib's header as Chroma writes it: version; offset of level 0, largest and current number of
# elements, size of an element, offsets of label and vector in it; highest level, entry point;
# largest numbers of links above level 0, at level 0, and wanted; two parameters.
_HEADER = struct.Struct("<i6Q2i3QdQ")
_FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin")
_STORED = """
SELECT s.id FROM segments s JOIN max_seq_id m ON m.segment_id = s.id WHERE s.scope = 'VECTOR'
"""


class Header(NamedTuple):
    """What of a header is needed: sizes and places in bytes."""

    held: int
    size: int
    label: int
    vector: int
    most: int


def header_of(folder: Path) -> Header | None:
    """Read the header of an index folder; None if it is cut short."""
    content = (folder / "header.bin").read_bytes()
    if len(content) < _HEADER.size:
        return None
    fields = _HEADER.unpack_from(content)
    return Header(fields[3], fields[4], fields[5], fields[6], fields[10])


def damaged_segments(path: Path, database: Path, *, deep: bool = False) -> dict[str, str]:
    """Return what is wrong with index folders, by the names of the folders.

    Args:
        deep: also follow every link of the index, which reads all of it.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        stored = [name for (name,) in db.execute(_STORED)]
    faults = {name: _fault(path / name, deep=deep) for name in stored}
    return {name: fault for name, fault in faults.items() if fault}


def _fault(folder: Path, *, deep: bool) -> str:
    for name in (*_FILES, "index_metadata.pickle"):
        if not (folder / name).is_file():
            return f"{name} is missing"
    header = header_of(folder)
    if header is None:
        return "header.bin is cut short"
    count, size = header.held, header.size
    for name, least in (("data_level0.bin", count * size), ("length.bin", count * 4)):
        if (folder / name).stat().st_size < least:
            return f"{name} is cut short"
    # A pickle ends with a full stop.
    if (folder / "index_metadata.pickle").read_bytes()[-1:] != b".":
        return "index_metadata.pickle is cut short"
    if deep and count and not _links_lead_somewhere(folder, count, size, most=header.most):
        return "data_level0.bin is damaged"
    return ""


def _links_lead_somewhere(folder: Path, count: int, size: int, *, most: int) -> bool:
    rows = np.memmap(folder / "data_level0.bin", dtype=np.uint8, mode="r")[: count * size]
    links = np.ascontiguousarray(rows.reshape(count, size)[:, : 4 * (most + 1)]).view(np.uint32)
    # The number of links is 16 bits; what follows it are marks, such as that of a deletion.
    used = links[:, 0] & 0xFFFF
    inside = np.arange(most) < used[:, np.newaxis]
    return bool((used <= most).all() and (links[:, 1:][inside] < count).all())


def set_aside(path: Path, database: Path, names: list[str]) -> None:
    """Remove damaged index folders and have Chroma begin them anew, out of what it still has."""
    with closing(sqlite3.connect(database)) as db, db:
        db.executemany("DELETE FROM max_seq_id WHERE segment_id = ?", [(name,) for name in names])
    for name in names:
        shutil.rmtree(path / name, ignore_errors=True)


def database_faults(database: Path) -> list[str]:
    """Return what SQLite finds wrong with its pages (`PRAGMA quick_check`); reads all of them."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            said = [line for (line,) in db.execute("PRAGMA quick_check(10)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if said == ["ok"] else said
