"""Making a store anew from what lives in it, so that nothing deleted is left in its files.

Chroma's own clean-up (`chroma vacuum`) leaves the vectors of deleted rows in its index files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._directory import REGISTRY
from ._partitions import make_collection

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

__all__ = ["copy", "size_of"]

PAGE = 500


def copy(source: Client, target: Client) -> None:
    """Copy every collection with all of its rows into an empty database."""
    for name in [collection.name for collection in source.list_collections()]:
        collection = source.get_collection(name, embedding_function=None)
        if name == REGISTRY:
            made = target.create_collection(
                name, metadata=collection.metadata, embedding_function=None
            )
        else:
            made = make_collection(target, name)
        _copy_rows(collection, made)


def _copy_rows(source: Collection, target: Collection) -> None:
    ids = source.get(include=[])["ids"]
    for start in range(0, len(ids), PAGE):
        page: Any = source.get(
            ids=ids[start : start + PAGE], include=["documents", "metadatas", "embeddings"]
        )
        # Rows of the registry have no text.
        texts = page["documents"] if any(page["documents"]) else None
        target.upsert(
            ids=page["ids"],
            embeddings=page["embeddings"],
            documents=texts,
            metadatas=page["metadatas"],
        )


def size_of(path: Path) -> int:
    """The bytes of all files below a path."""
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
