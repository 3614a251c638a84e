"""What each part of the search is worth: the same questions with that part switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentmem_retrievers import SearchSettings

__all__ = ["parts", "settings_without"]

# Of these one makes up for the other, so that what they are worth is seen without both.
_TOGETHER = {
    "lexical and soft": frozenset({"lexical", "soft"}),
    "currency and retention": frozenset({"currency", "retention"}),
}


def parts() -> tuple[str, ...]:
    """Return the names of what can be switched off: the search's parts, and some together."""
    from agentmem_retrievers import PARTS

    return (*PARTS, *_TOGETHER)


def settings_without(part: str) -> SearchSettings:
    """Return the settings of a search without one of `parts()`."""
    from agentmem_retrievers import SearchSettings

    return SearchSettings(off=_TOGETHER.get(part, frozenset({part})))
