"""Ids of memories that agentmem makes; those of clients are told apart from them."""

from __future__ import annotations

import random
import re
import uuid

__all__ = ["is_generated", "new_id"]

# UUIDs of version 8, which is for uses like this one; clients make those of other versions.
_VERSION = 0x8 << 76
_VARIANT = 0x8 << 60
_FREE_BITS = (1 << 128) - 1 ^ (0xF << 76) ^ (0xC << 60)
_GENERATED = re.compile(r"[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}")


def new_id(rng: random.Random) -> str:
    """Return a new random id.

    >>> is_generated(new_id(random.Random(7)))
    True
    """
    return uuid.UUID(int=rng.getrandbits(128) & _FREE_BITS | _VERSION | _VARIANT).hex


def is_generated(memory_id: str) -> bool:
    """Return whether an id was made here, so that its message came without one.

    >>> is_generated(uuid.uuid4().hex), is_generated("msg_1")
    (False, False)
    """
    return _GENERATED.fullmatch(memory_id) is not None
