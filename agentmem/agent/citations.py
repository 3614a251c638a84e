"""The ids by which a reply says what it rests on, such as [m1] and [m2, m3]."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["cited", "without_citations"]

_IDS = r"[mp]\d{1,3}"
_MARK = re.compile(rf"\[\s*({_IDS}(?:\s*[,;]\s*{_IDS})*)\s*\]")
_MARKS = re.compile(rf"\s*{_MARK.pattern}")


def cited(text: str, shown: Mapping[str, str]) -> list[str]:
    """Return the ids of the memories that a text cites, in its order, each once.

    Args:
        shown: short ids with the ids of the memories they stand for; others cite nothing.
    """
    short = [i for mark in _MARK.finditer(text) for i in re.findall(_IDS, mark[1])]
    return list(dict.fromkeys(shown[i] for i in short if i in shown))


def without_citations(text: str) -> str:
    """Return a text without its citations, which mean nothing in another prompt."""
    return _MARKS.sub("", text)
