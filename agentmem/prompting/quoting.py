"""Quoting what is remembered, so that it stays data whatever it says."""

from __future__ import annotations

import json
import re
import unicodedata

__all__ = ["quote", "quote_exactly", "visible"]

# Format characters (bidirectional overrides, zero-width marks, tags), controls, private and
# unassigned code points, lone surrogates: nobody reads them, and models do.
_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs"}
# Letters, symbols and marks that have no shape either, whatever their category says.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_KEPT = {"\n", "\t"}
# `[INST]`, `[/INST]`, `[SYSTEM_PROMPT]`, and a forged id such as `[m1]`, `[m1, m2]` or `[p1]`.
_MARKER = re.compile(r"\[(?=/?[A-Z][A-Z_]+\]|[mp]\d+\b)")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "`": "\\u0060"}


def visible(text: str) -> str:
    """Return a text without the characters that nobody sees; line feeds and tabs stay.

    Line separators of every kind become line feeds, other spaces become plain ones.
    """
    text = text.replace("\r\n", "\n")
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if character in _KEPT:
            kept.append(character)
        elif category in {"Zl", "Zp"} or character in "\r\x0b\x0c\x85":
            kept.append("\n")
        elif category == "Zs":
            kept.append(" ")
        elif category not in _UNSEEN:
            kept.append(character)
    return _BLANK.sub("", "".join(kept))


def quote(text: str, limit: int) -> str:
    """Return a text as one JSON string on one line that cannot end its frame or begin a role.

    Angle brackets and backticks, which delimit frames and roles, are written as JSON escapes,
    which a reader undoes; line feeds are too, so that nothing in it stands at the start of a
    line.

    Args:
        limit: how many characters of the text are kept; an ellipsis stands for the others.
    """
    text = visible(text).strip()
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _escaped(json.dumps(text, ensure_ascii=False))


def quote_exactly(text: str) -> str:
    """Return a text as `quote` does but to the last character, such as an id to be given back."""
    return _escaped(json.dumps(text))


def _escaped(quoted: str) -> str:
    quoted = _MARKER.sub("\\\\u005b", quoted)
    return "".join(_ESCAPES.get(character, character) for character in quoted)
