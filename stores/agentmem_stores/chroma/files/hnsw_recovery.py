"""Recovery of vectors from index folders that Chroma was rewriting when it was killed.

Chroma rewrites index files in place, about once in a thousand writes, and cannot read a partly
rewritten index. But the earlier vectors are still at their places, the list of ids is written
last, and newer vectors are still in the database. So the vectors are saved from the folders to a
file, the folders are removed, and the vectors are written back through Chroma. The file is
deleted last, so the next opening continues after a crash in between.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.files.hnsw_files import read_header
from agentmem_stores.store import Vectors, paginate

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["restore_vectors", "save_vectors"]

NAME = "agentmem.rescued"

# Ids whose vectors are only in the index: they are in the collection, but not in the log.
_IDS_WITHOUT_LOG = """
SELECT e.embedding_id FROM embeddings e
JOIN segments m ON m.id = e.segment_id AND m.scope = 'METADATA'
JOIN segments v ON v.collection = m.collection AND v.id = :segment
WHERE e.embedding_id NOT IN (
    SELECT q.id FROM embeddings_queue q
    WHERE q.topic LIKE '%' || v.collection
    AND q.seq_id > coalesce((SELECT seq_id FROM max_seq_id WHERE segment_id = :segment), 0)
)
"""
_COLLECTION = """
SELECT c.name FROM collections c JOIN segments s ON s.collection = c.id WHERE s.id = :segment
"""


def save_vectors(path: Path, database: Path, names: list[str]) -> bool:
    """Save the vectors of damaged index folders to a file; return False if one is lost."""
    new = path / f"{NAME}.new"
    with closing(sqlite3.connect(database)) as db, new.open("w", encoding="utf-8") as file:
        for name in names:
            vectors = _read_vectors(path / name)
            (collection,) = db.execute(_COLLECTION, {"segment": name}).fetchone()
            for (row,) in db.execute(_IDS_WITHOUT_LOG, {"segment": name}):
                if row not in vectors:
                    return False
                vector = base64.b64encode(vectors[row].astype("<f4").tobytes()).decode()
                file.write(json.dumps({"in": collection, "id": row, "vector": vector}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path / NAME)
    return True


def restore_vectors(path: Path, client: Client) -> int:
    """Write saved vectors back through Chroma; return how many there were."""
    (path / f"{NAME}.new").unlink(missing_ok=True)
    if not (path / NAME).exists():
        return 0
    saved: dict[str, dict[str, Vectors]] = {}
    with (path / NAME).open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            vector = np.frombuffer(base64.b64decode(line["vector"]), dtype="<f4")
            saved.setdefault(line["in"], {})[line["id"]] = vector.astype(np.float32)
    for name, vectors in saved.items():
        collection = client.get_collection(name, embedding_function=None)
        for ids in paginate(list(vectors)):
            page: Any = collection.get(ids=list(ids), include=["documents", "metadatas"])
            if page["ids"]:
                collection.upsert(
                    ids=page["ids"],
                    embeddings=np.array([vectors[i] for i in page["ids"]]),
                    documents=page["documents"] if any(page["documents"]) else None,
                    metadatas=page["metadatas"],
                )
    (path / NAME).unlink()
    return sum(map(len, saved.values()))


def _read_vectors(folder: Path) -> dict[str, Vectors]:
    """Return the vectors of an index folder by row id, as far as they can be read."""
    try:
        header = read_header(folder)
        labels = _read_labels(folder)
        content = (folder / "data_level0.bin").read_bytes()
    except (OSError, ValueError, pickle.UnpicklingError, EOFError):
        return {}
    if header is None or not header.element_size:
        return {}
    n, size = len(content) // header.element_size, header.element_size
    elements = np.frombuffer(content[: n * size], dtype=np.uint8).reshape(n, size)
    stored_labels = elements[:, header.label_offset : header.label_offset + 8]
    stored_labels = np.ascontiguousarray(stored_labels).view("<u8")[:, 0]
    vectors = elements[:, header.vector_offset : header.label_offset]
    vectors = np.ascontiguousarray(vectors).view("<f4")
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    # Vectors of memories have unit length, those of the registry are zero.
    valid = (np.abs(lengths - 1) < 1e-3) | (lengths == 0)
    row_of = {int(stored_labels[row]): row for row in np.flatnonzero(valid)}
    return {i: vectors[row_of[label]] for i, label in labels.items() if label in row_of}


class _PlainUnpickler(pickle.Unpickler):
    """Reads only built-in types, because a damaged file could name any class."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"an index has no {module}.{name}")


def _read_labels(folder: Path) -> Mapping[str, int]:
    with (folder / "index_metadata.pickle").open("rb") as file:
        content = _PlainUnpickler(file).load()
    labels = content.get("id_to_label") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        return {}
    return {i: n for i, n in labels.items() if isinstance(i, str) and isinstance(n, int)}
