"""What each part of the search is worth: the same questions with that part off, or on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentmem_retrievers import SearchSettings

__all__ = ["difference", "parts", "settings_with"]

# Of these one makes up for the other, so that what they are worth is seen without both.
_TOGETHER = {
    "lexical and soft": frozenset({"lexical", "soft"}),
    "currency and retention": frozenset({"currency", "retention"}),
}


def _added() -> Mapping[str, SearchSettings]:
    """What is off unless it is asked for: associations, the router, and one that trusts alike."""
    from agentmem_retrievers import SearchSettings

    return {
        "associations": SearchSettings(associated=True),
        "router": SearchSettings(routed=True),
        "fixed router": SearchSettings(routed=True, off=frozenset({"router"})),
    }


def parts() -> tuple[str, ...]:
    """Return what can be switched: the search's parts, some together, and what is off."""
    from agentmem_retrievers import PARTS

    return (*(part for part in PARTS if part != "router"), *_TOGETHER, *_added())


def difference(part: str) -> str:
    """Return what is different where one of `parts()` is switched."""
    return f"with {part}" if part in _added() else f"without {part}"


def settings_with(part: str) -> SearchSettings:
    """Return the settings of a search with one of `parts()` switched."""
    from agentmem_retrievers import SearchSettings

    added = _added().get(part)
    return added or SearchSettings(off=_TOGETHER.get(part, frozenset({part})))
