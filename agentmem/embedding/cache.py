"""Embeddings of texts that are always the same, kept for this process and for the next one."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem.folders import cache_folder
from agentmem_stores import Vectors

__all__ = ["kept_documents"]

# Seconds; what is embedded faster is embedded again.
WORTH_KEEPING = 0.3
# Texts that are embedded anyway, to see whether it is the same model that they were kept of.
PROBED = 2
# The cosine of these to what is kept: what another batch, device or backend changes is less, what
# another model changes is more.
SAME = 0.999
# So many are held in this process, whether a file can be written or not; made last, they stay.
HELD = 8

_held: OrderedDict[str, Vectors] = OrderedDict()
_log = logging.getLogger("agentmem")


def kept_documents(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed texts as `Embedder.documents` does, or read what it made of them another time.

    To be called with texts of this package only, never with what somebody has said.
    """
    spec = embedder.spec
    said = json.dumps([spec.name, spec.dimension, list(texts)])
    name = hashlib.sha256(said.encode()).hexdigest()[:32]
    path = cache_folder("known") / f"{name}.npy"
    found = _held.get(name)
    if found is None:
        found = _read(path, (len(texts), spec.dimension))
    if found is None or not _same(found, embedder.documents(texts[:PROBED])):
        start = time.monotonic()
        found = embedder.documents(texts)
        if time.monotonic() - start > WORTH_KEEPING:
            _write(path, found)
    _hold(name, found)
    return found


def _same(found: Vectors, probe: Vectors) -> bool:
    return bool((probe * found[:PROBED]).sum(axis=1).min(initial=1.0) > SAME)


def _hold(name: str, found: Vectors) -> None:
    _held[name] = found
    while len(_held) > HELD:
        _held.popitem(last=False)


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
