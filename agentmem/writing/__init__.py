"""What is written when something is said: turns, passages, sessions and what they are tied to."""

from ._association import Association
from ._messages import Draft, MessageLike, to_drafts
from ._sessions import SHELF, Sessions, is_shelf
from ._writer import Clock, Writer

__all__ = [
    "SHELF",
    "Association",
    "Clock",
    "Draft",
    "MessageLike",
    "Sessions",
    "Writer",
    "is_shelf",
    "to_drafts",
]
