"""What a clause claims of a person."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SPEAKER", "Claim"]

# The subject of claims about the author of a message.
SPEAKER = ""


@dataclass(frozen=True)
class Claim:
    """What a clause states of a person, or ends.

    Attributes:
        subject: the person; `SPEAKER` for the author, else as in "sister", "sister Anna", "Hugo".
        attributes: the attribute that a fact states. For an ending, the attributes that it may
            end; none means all of them.
        value: as written; "" in an ending matches every value.
        ends: whether the claim ends facts instead of stating one.
        old: the value that this one replaces, for corrections that name no attribute.
        also: whether the value is said to be additional ("I also work at ...").
    """

    subject: str
    attributes: tuple[str, ...]
    value: str
    ends: bool = False
    old: str = ""
    also: bool = False
