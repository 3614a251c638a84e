"""Integrity checks of the files in which Chroma stores vectors.

Chroma loads these files with the first query and does not check them: a missing file raises, a
truncated one silently loses vectors, and a damaged one crashes the process. So agentmem checks
them first. The files are the only copy of all vectors but the newest, which are also in the log
in the database until an index is saved.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agentmem_stores.chroma.files.id_lists import (
    IDS,
    INDEX_FILES,
    IdList,
    is_unchanged,
    parse,
    read_copy,
)

__all__ = ["Header", "check_database", "find_damaged_segments", "read_header", "reset_segments"]

# The header of hnswlib as Chroma writes it: version; offset of level 0, maximum and current number
# of elements, size of an element, offsets of label and vector in it; highest level, entry point;
# maximum number of links above level 0, at level 0, and configured; two parameters.
_HEADER = struct.Struct("<i6Q2i3QdQ")
# The bit of an element's first four bytes that marks it as deleted; see `_links_are_valid`.
_DELETED = 1 << 16
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
    # Not read-only, because reading rolls back what a failed write has left.
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as db:
        segments = db.execute(_SEGMENTS).fetchall()
    faults = {
        name: _check_folder(path / name, deep=deep)
        for name, sequence in segments
        # An index has a sequence number once it is completely written. Chroma reads it as soon as
        # it has a list of ids, also if a kill interrupted the first writing.
        if sequence or (path / name / IDS).exists()
    }
    return {name: fault for name, fault in faults.items() if fault}


def _check_folder(folder: Path, *, deep: bool) -> str:
    for name in INDEX_FILES:
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
    if not is_unchanged(folder) and (fault := _check_save(folder, header)):
        return fault
    if deep and header.n_elements and not _links_are_valid(folder, header):
        return "data_level0.bin is damaged"
    return ""


def _check_save(folder: Path, header: Header) -> str:
    """Return what is wrong with an index folder that Chroma has written to since the last copy."""
    content = (folder / IDS).read_bytes()
    ids = parse(content)
    if ids is None:
        return f"{IDS} is truncated"
    # It is saved last, so if it is complete and new, the other files are complete too.
    is_new = read_copy(folder) not in (None, content)
    return "" if is_new or _has_vectors(folder, header, ids) else "only a part of it was saved"


def _read_elements(folder: Path, header: Header) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Map the elements of level 0; one row each."""
    n, size = header.n_elements, header.element_size
    if not n:
        return np.empty((0, size), dtype=np.uint8)
    content = np.memmap(folder / "data_level0.bin", dtype=np.uint8, mode="r")
    return content[: n * size].reshape(n, size)


def _has_vectors(folder: Path, header: Header, ids: IdList) -> bool:
    """Return whether an index has the vectors of a list, and no later ones."""
    elements = _read_elements(folder, header)
    flags = np.ascontiguousarray(elements[:, :4]).view("<u4")[:, 0]
    labels = elements[:, header.label_offset : header.label_offset + 8]
    labels = np.ascontiguousarray(labels).view("<u8")[:, 0]
    stored = set(labels[flags & _DELETED == 0].tolist())
    return header.n_elements == ids.n_elements and stored.issuperset(ids.labels.values())


def _links_are_valid(folder: Path, header: Header) -> bool:
    n, max_links = header.n_elements, header.max_links
    links = _read_elements(folder, header)[:, : 4 * (max_links + 1)]
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
