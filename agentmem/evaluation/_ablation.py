"""What each part of the search is worth: the same questions with that part switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentmem_retrievers import SearchSettings

__all__ = ["parts", "settings_without"]


def parts() -> tuple[str, ...]:
    """Return the names of the parts that can be switched off, as the search lists them."""
    from agentmem_retrievers import PARTS

    return tuple(PARTS)


def settings_without(part: str) -> SearchSettings:
    """Return the settings of a search with one part switched off."""
    from agentmem_retrievers import SearchSettings

    return SearchSettings(off=frozenset({part}))
