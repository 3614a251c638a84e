"""What is said of people: found in turns, kept up to date, shown as facts and as a portrait."""

from ._attributes import Attributes
from ._facts import Facts
from ._finder import FactFinder
from ._kinds import Kinds, framing
from ._record import Record
from ._statements import is_own
from ._views import Fact, ProfileLine, held_at, portrait, shown

__all__ = [
    "Attributes",
    "Fact",
    "FactFinder",
    "Facts",
    "Kinds",
    "ProfileLine",
    "Record",
    "framing",
    "held_at",
    "is_own",
    "portrait",
    "shown",
]
