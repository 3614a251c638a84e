"""Cache embeddings of constant texts, in this process and on disk for the next one."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.embedder import Embedder
from agentmem.folders import cache_folder
from agentmem_stores import Vectors

__all__ = ["PROBES", "EmbeddingCache", "cached_array", "cached_documents"]

# Texts that are embedded anyway, to recognize another model under the same name.
PROBES = 2
# Minimal cosine of these to the cached vectors. Another batch, device or backend of the same model
# changes less than this, another model changes more.
_MIN_COSINE = 0.999
# Results kept in memory; the last ones stay. Every model has a few, of each kind of constant text.
_MAX_IN_MEMORY = 8

_log = logging.getLogger("agentmem")


class EmbeddingCache:
    """Caches what an embedder returns for lists of texts.

    Only for texts of this package, never for anything that a user said: the files stay.

    Args:
        min_seconds: embeddings that took less time are not written to disk.
    """

    def __init__(self, *, min_seconds: float = 0.3) -> None:
        self._min_seconds = min_seconds
        self._in_memory: OrderedDict[str, Vectors] = OrderedDict()

    def documents(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        """Return what `Embedder.documents` returns for the texts, from the cache if it is there."""
        spec = embedder.spec
        key = json.dumps([spec.name, spec.dimension, list(texts)])
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        path = cache_folder("known") / f"{name}.npy"
        vectors = self._in_memory.get(name)
        if vectors is None:
            vectors = _read(path, (len(texts), spec.dimension))
        if vectors is not None:
            probes = embedder.documents(texts[:PROBES])
            cosines = (probes * vectors[:PROBES]).sum(axis=1)
            if cosines.min(initial=1.0) <= _MIN_COSINE:
                vectors = None
        if vectors is None:
            start = time.monotonic()
            vectors = embedder.documents(texts)
            if time.monotonic() - start > self._min_seconds:
                _write(path, vectors)
        self._in_memory[name] = vectors
        while len(self._in_memory) > _MAX_IN_MEMORY:
            self._in_memory.popitem(last=False)
        return vectors


_process_cache = EmbeddingCache()


def cached_documents(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed constant texts, with the cache of this process; see `EmbeddingCache.documents`."""
    return _process_cache.documents(embedder, texts)


def cached_array(
    key: bytes, shape: tuple[int, int], compute: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return what `compute` returns, from the file of an earlier process if there is one.

    Args:
        key: everything that the result depends on; nothing that a user said.
        shape: of the result.
    """
    path = cache_folder("known") / f"{hashlib.sha256(key).hexdigest()[:32]}.npy"
    array = _read(path, shape)
    if array is None:
        array = compute()
        _write(path, array)
    return array


def _read(path: Path, shape: tuple[int, int]) -> Vectors | None:
    """Return the vectors in a file; None if it does not exist or is damaged."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_valid = (
        vectors.shape == shape and vectors.dtype == np.float32 and bool(np.isfinite(vectors).all())
    )
    return vectors if is_valid else None


def _write(path: Path, vectors: Vectors) -> None:
    """Write a file atomically; a cache that cannot be written is not an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            np.save(file, vectors)
        Path(file.name).replace(path)
    except OSError as error:
        _log.debug("embeddings could not be cached in %s: %s", path, error)
