"""Integrity checks of the files in which Chroma stores vectors.

Chroma loads these files with the first query and does not check them: a missing file raises, a
truncated one silently loses vectors, and a damaged one crashes the process. So agentmem checks
them first. The files are the only copy of all vectors but the newest thousand or so, which are
also in the database.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = ["Header", "check_database", "find_damaged_segments", "read_header", "reset_segments"]

# The header of hnswlib as Chroma writes it: version; offset of level 0, maximum and current number
# of elements, size of an element, offsets of label and vector in it; highest level, entry point;
# maximum number of links above level 0, at level 0, and configured; two parameters.
_HEADER = struct.Struct("<i6Q2i3QdQ")
_IDS = "index_metadata.pickle"
_FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", _IDS)
_SEGMENTS = """
SELECT s.id, m.seq_id FROM segments s LEFT JOIN max_seq_id m ON m.segment_id = s.id
WHERE s.scope = 'VECTOR'
"""


class Header(NamedTuple):
    """The fields of an index header that agentmem needs.

    Attributes:
        n_elements: the number of vectors.
        element_size: bytes per element of level 0.
        label_offset: where in an element its label starts.
        vector_offset: where its vector starts.
        max_links: the maximum number of links at level 0.
    """

    n_elements: int
    element_size: int
    label_offset: int
    vector_offset: int
    max_links: int


def read_header(folder: Path) -> Header | None:
    """Read the header of an index folder; return None if it is truncated."""
    content = (folder / "header.bin").read_bytes()
    if len(content) < _HEADER.size:
        return None
    fields = _HEADER.unpack_from(content)
    return Header(fields[3], fields[4], fields[5], fields[6], fields[10])


def find_damaged_segments(path: Path, database: Path, *, deep: bool = False) -> dict[str, str]:
    """Return what is wrong with index folders, by the folder's name.

    Args:
        path: the directory of the store.
        database: Chroma's database in it.
        deep: also check every link of the index, which reads all of it.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        segments = db.execute(_SEGMENTS).fetchall()
    faults = {
        name: _check_folder(path / name, deep=deep)
        for name, sequence in segments
        # An index has a sequence number once it is completely written. Chroma reads it as soon as
        # it has a list of ids, also if a kill interrupted the first writing.
        if sequence or (path / name / _IDS).exists()
    }
    return {name: fault for name, fault in faults.items() if fault}


def _check_folder(folder: Path, *, deep: bool) -> str:
    for name in _FILES:
        if not (folder / name).is_file():
            return f"{name} is missing"
    header = read_header(folder)
    if header is None:
        return "header.bin is truncated"
    sizes = {
        "data_level0.bin": header.n_elements * header.element_size,
        "length.bin": header.n_elements * 4,
    }
    for name, size in sizes.items():
        if (folder / name).stat().st_size < size:
            return f"{name} is truncated"
    # Chroma pickles one dictionary, so a complete file ends with SETITEMS and STOP.
    if (folder / _IDS).read_bytes()[-2:] != b"u.":
        return f"{_IDS} is truncated"
    if deep and header.n_elements and not _links_are_valid(folder, header):
        return "data_level0.bin is damaged"
    return ""


def _links_are_valid(folder: Path, header: Header) -> bool:
    n, size, max_links = header.n_elements, header.element_size, header.max_links
    elements = np.memmap(folder / "data_level0.bin", dtype=np.uint8, mode="r")[: n * size]
    links = elements.reshape(n, size)[:, : 4 * (max_links + 1)]
    links = np.ascontiguousarray(links).view(np.uint32)
    # The lower 16 bits are the number of links; the others are flags, such as that of a deletion.
    n_links = links[:, 0] & 0xFFFF
    in_use = np.arange(max_links) < n_links[:, np.newaxis]
    return bool((n_links <= max_links).all() and (links[:, 1:][in_use] < n).all())


def reset_segments(path: Path, database: Path, names: list[str]) -> None:
    """Remove index folders, so that Chroma rebuilds them from what the database still has."""
    with closing(sqlite3.connect(database)) as db, db:
        db.executemany("DELETE FROM max_seq_id WHERE segment_id = ?", [(name,) for name in names])
    for name in names:
        shutil.rmtree(path / name, ignore_errors=True)


def check_database(database: Path) -> list[str]:
    """Return what SQLite finds wrong with the database; reads all of its pages."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            messages = [message for (message,) in db.execute("PRAGMA quick_check(10)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if messages == ["ok"] else messages
