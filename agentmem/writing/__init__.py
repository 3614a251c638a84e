"""What is written when something is said: turns, passages, sessions and what they are tied to."""

from ._admission import Admission, BeforeWrite
from ._association import Association
from ._messages import LONGEST_ID, Draft, MessageLike, as_json, storable, to_drafts
from ._sessions import DERIVED, SHELF, Sessions, is_derived, is_shelf
from ._writer import Clock, Writer, with_lives

__all__ = [
    "DERIVED",
    "LONGEST_ID",
    "SHELF",
    "Admission",
    "Association",
    "BeforeWrite",
    "Clock",
    "Draft",
    "MessageLike",
    "Sessions",
    "Writer",
    "as_json",
    "is_derived",
    "is_shelf",
    "storable",
    "to_drafts",
    "with_lives",
]
