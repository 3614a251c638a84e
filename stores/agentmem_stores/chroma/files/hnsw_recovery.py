"""Vectors out of index folders that Chroma was killed over while it rewrote them.

It rewrites them in place, once in about a thousand writes, and cannot read what is half rewritten.
But the vectors that were there before still lie where they lay, the list of ids is written last,
and what is newer is still in the database. So they are read out of the folders into a file, the
folders are taken away, and the vectors are put back through Chroma. A crash in between is made good
when the store is next opened, because the file goes last.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.batching import grouped, parts
from agentmem_stores.chroma.files.hnsw_files import header_of

if TYPE_CHECKING:
    from chromadb.api.client import Client

    from agentmem_stores.store import Vectors

__all__ = ["put_back", "read_out"]

NAME = "agentmem.rescued"
PAGE = 500

# Ids whose vectors are in the index alone: in the collection, and not in the log that is kept.
_ALONE = """
SELECT e.embedding_id FROM embeddings e
JOIN segments m ON m.id = e.segment_id AND m.scope = 'METADATA'
JOIN segments v ON v.collection = m.collection AND v.id = :segment
WHERE e.embedding_id NOT IN (
    SELECT q.id FROM embeddings_queue q
    WHERE q.topic LIKE '%' || v.collection
    AND q.seq_id > (SELECT seq_id FROM max_seq_id WHERE segment_id = :segment)
)
"""
_COLLECTION = """
SELECT c.name FROM collections c JOIN segments s ON s.collection = c.id WHERE s.id = :segment
"""


def read_out(path: Path, database: Path, names: list[str]) -> bool:
    """Write the vectors of damaged folders into a file; False where one of them is not there."""
    partial = path / f"{NAME}.new"
    with closing(sqlite3.connect(database)) as db, partial.open("w", encoding="utf-8") as file:
        for name in names:
            found = _vectors(path / name)
            (collection,) = db.execute(_COLLECTION, {"segment": name}).fetchone()
            for (row,) in db.execute(_ALONE, {"segment": name}):
                if row not in found:
                    return False
                vector = base64.b64encode(found[row].astype("<f4").tobytes()).decode()
                file.write(json.dumps({"in": collection, "id": row, "vector": vector}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path / NAME)
    return True


def put_back(path: Path, client: Client) -> int:
    """Give Chroma the vectors of such a file, if there is one; return how many."""
    (path / f"{NAME}.new").unlink(missing_ok=True)
    if not (path / NAME).exists():
        return 0
    with (path / NAME).open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for collection, rows in grouped(lines, lambda line: str(line["in"])):
        held = client.get_collection(collection, embedding_function=None)
        for part in parts(rows, PAGE):
            vectors = {row["id"]: _decoded(row["vector"]) for row in part}
            page: Any = held.get(ids=list(vectors), include=["documents", "metadatas"])
            if page["ids"]:
                held.upsert(
                    ids=page["ids"],
                    embeddings=np.array([vectors[i] for i in page["ids"]]),
                    documents=page["documents"] if any(page["documents"]) else None,
                    metadatas=page["metadatas"],
                )
    (path / NAME).unlink()
    return len(lines)


def _decoded(text: str) -> Vectors:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)


def _vectors(folder: Path) -> Mapping[str, Vectors]:
    """The vectors of a folder by row id, as far as they can be read."""
    try:
        header = header_of(folder)
        labels = _labels(folder)
        data = (folder / "data_level0.bin").read_bytes()
    except (OSError, ValueError, pickle.UnpicklingError, EOFError):
        return {}
    if header is None or not header.size:
        return {}
    count = len(data) // header.size
    rows = np.frombuffer(data[: count * header.size], dtype=np.uint8).reshape(count, header.size)
    at = np.ascontiguousarray(rows[:, header.label : header.label + 8]).view("<u8")[:, 0]
    vectors = np.ascontiguousarray(rows[:, header.vector : header.label]).view("<f4")
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    # Those of the registry have none.
    whole = (np.abs(lengths - 1) < 1e-3) | (lengths == 0)
    row_of = {int(at[row]): row for row in np.flatnonzero(whole)}
    return {i: vectors[row_of[label]] for i, label in labels.items() if label in row_of}


class _Plain(pickle.Unpickler):
    """Reads dictionaries, strings and numbers only: a damaged file may say anything."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that an index holds")


def _labels(folder: Path) -> Mapping[str, int]:
    file: IO[bytes]
    with (folder / "index_metadata.pickle").open("rb") as file:
        found = _Plain(file).load()
    labels = found.get("id_to_label") if isinstance(found, dict) else None
    return dict(_checked(labels)) if isinstance(labels, dict) else {}


def _checked(labels: Mapping[Any, Any]) -> Iterator[tuple[str, int]]:
    for row_id, label in labels.items():
        if isinstance(row_id, str) and isinstance(label, int):
            yield row_id, label
