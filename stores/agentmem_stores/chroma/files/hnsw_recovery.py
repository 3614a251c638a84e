"""Recovery of vectors from index folders that Chroma was saving when it was killed.

Chroma rewrites index files in place and cannot read a partly rewritten index. But the vectors of
earlier saves are still at their places, their labels are in the list of ids or in the copy of it
(`id_lists`), and newer vectors are still in the log in the database. So the vectors are saved from
the folders to a file, the folders are removed, and the vectors are written back through Chroma.
The file is deleted last, so the next opening continues after a crash in between.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.files.hnsw_files import read_header
from agentmem_stores.chroma.files.id_lists import IDS, IdLists, parse, read_copy
from agentmem_stores.chroma.registry import REGISTRY
from agentmem_stores.locks import ReadWriteLock
from agentmem_stores.store import Vectors, paginate

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["restore_vectors", "save_vectors"]

NAME = "agentmem.rescued"

# Ids whose vectors are only in the index: they are in the collection, but no entry of the log that
# Chroma will apply has a vector of them; one that changes metadata has none.
_IDS_WITHOUT_LOG = """
SELECT e.embedding_id FROM embeddings e
JOIN segments m ON m.id = e.segment_id AND m.scope = 'METADATA'
JOIN segments v ON v.collection = m.collection AND v.id = :segment
WHERE e.embedding_id NOT IN (
    SELECT q.id FROM embeddings_queue q
    WHERE q.vector IS NOT NULL AND q.topic LIKE '%' || v.collection
    AND q.seq_id > coalesce((SELECT seq_id FROM max_seq_id WHERE segment_id = :segment), 0)
)
"""
_COLLECTION = """
SELECT c.name FROM collections c JOIN segments s ON s.collection = c.id WHERE s.id = :segment
"""


def save_vectors(path: Path, database: Path, names: list[str]) -> bool:
    """Save the vectors of damaged index folders to a file; return False if one is lost."""
    # What an earlier opening saved and did not restore completely is not in the folders again.
    saved = _read_saved(path)
    with closing(sqlite3.connect(database)) as db:
        for name in names:
            vectors = _read_vectors(path / name)
            (collection,) = db.execute(_COLLECTION, {"segment": name}).fetchone()
            known = saved.setdefault(collection, {})
            for (row,) in db.execute(_IDS_WITHOUT_LOG, {"segment": name}):
                if row in vectors:
                    known[row] = vectors[row]
                elif collection == REGISTRY:
                    # Its vectors are never searched, and all the same.
                    known[row] = np.zeros(1, dtype=np.float32)
                elif row not in known:
                    return False
    new = path / f"{NAME}.new"
    with new.open("w", encoding="utf-8") as file:
        for collection, vectors in saved.items():
            for row, vector in vectors.items():
                encoded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
                file.write(json.dumps({"in": collection, "id": row, "vector": encoded}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path / NAME)
    return True


def restore_vectors(path: Path, database: Path, client: Client) -> int:
    """Write saved vectors back through Chroma; return how many there were."""
    (path / f"{NAME}.new").unlink(missing_ok=True)
    saved = _read_saved(path)
    if not saved:
        return 0
    # Vectors that only the log has are not in the file, and writing may move them to an index.
    lists = IdLists(path, database, ReadWriteLock())
    for name, vectors in saved.items():
        collection = client.get_collection(name, embedding_function=None)
        for ids in paginate(list(vectors)):
            page: Any = collection.get(ids=list(ids), include=["documents", "metadatas"])
            if page["ids"]:
                lists.protect(collection)
                collection.upsert(
                    ids=page["ids"],
                    embeddings=np.array([vectors[i] for i in page["ids"]]),
                    documents=page["documents"] if any(page["documents"]) else None,
                    metadatas=page["metadatas"],
                )
    (path / NAME).unlink()
    return sum(map(len, saved.values()))


def _read_saved(path: Path) -> dict[str, dict[str, Vectors]]:
    """Return saved vectors by collection and row id."""
    saved: dict[str, dict[str, Vectors]] = {}
    if not (path / NAME).exists():
        return saved
    with (path / NAME).open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            vector = np.frombuffer(base64.b64decode(line["vector"]), dtype="<f4")
            saved.setdefault(line["in"], {})[line["id"]] = vector.astype(np.float32)
    return saved


def _read_vectors(folder: Path) -> dict[str, Vectors]:
    """Return the vectors of an index folder by row id, as far as they can be read."""
    try:
        header = read_header(folder)
        content = (folder / "data_level0.bin").read_bytes()
        ids = parse((folder / IDS).read_bytes())
    except OSError:
        return {}
    if ids is None and (copy := read_copy(folder)) is not None:
        ids = parse(copy)
    if ids is None or header is None or not header.element_size:
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
    return {i: vectors[row_of[label]] for i, label in ids.labels.items() if label in row_of}
