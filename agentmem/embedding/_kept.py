"""Embeddings of texts that are always the same, kept for the next process."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agentmem_stores import Vectors

from .._folders import cache_folder
from ._embedder import Embedder

__all__ = ["kept_documents"]

# Seconds; what is embedded faster is embedded again.
WORTH_KEEPING = 0.3
# Texts that are embedded anyway, to see whether it is the same model that they were kept of.
PROBED = 2
# What another batch or another device changes is less, what another model changes is more.
SAME = 1e-3

_log = logging.getLogger("agentmem")


def kept_documents(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed texts as `Embedder.documents` does, or read what it made of them another time.

    To be called with texts of this package only, never with what somebody has said.
    """
    spec = embedder.spec
    named = json.dumps([spec.name, spec.dimension, list(texts)])
    path = cache_folder("known") / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.npy"
    found = _read(path, (len(texts), spec.dimension))
    if found is not None:
        probe = embedder.documents(texts[:PROBED])
        if np.abs(probe - found[:PROBED]).max(initial=0.0) < SAME:
            return found
    start = time.monotonic()
    made = embedder.documents(texts)
    if time.monotonic() - start > WORTH_KEEPING:
        _write(path, made)
    return made


def _read(path: Path, shape: tuple[int, int]) -> Vectors | None:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = found.shape == shape and found.dtype == np.float32 and bool(np.isfinite(found).all())
    return found if whole else None


def _write(path: Path, vectors: Vectors) -> None:
    """Write a file, which is there as a whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, suffix=".part", delete=False
        ) as unfinished:
            np.save(unfinished, vectors)
        Path(unfinished.name).replace(path)
    except OSError as error:
        _log.debug("embeddings could not be kept in %s: %s", path, error)
