"""Cutting sequences into groups and parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterator, Sequence
from typing import TypeVar

__all__ = ["grouped", "parts"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def grouped(items: Sequence[T], key: Callable[[T], K]) -> ItemsView[K, list[T]]:
    """Return items by key, in the order in which keys first appear."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.items()


def parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield at most `size` items at a time."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
