"""Fonts for texts in any script, as far as the machine has them."""

from __future__ import annotations

import unicodedata
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

__all__ = ["drawable", "families"]

# DejaVu Sans comes with matplotlib; the others are what systems usually have for what it lacks.
_FALLBACKS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)


@cache
def families() -> tuple[str, ...]:
    """Return the families to draw with, in the order in which they are tried."""
    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FALLBACKS if name in installed))


def drawable(text: str) -> str:
    """Return a text on one line without what no font here can draw.

    Letters become a box, so that it shows that something is missing; pictures are left out.
    """
    return " ".join("".join(map(_drawable, text)).split())


@cache
def _drawable(character: str) -> str:
    if not character.isprintable():
        return " "
    for family in families():
        font = get_font(findfont(FontProperties(family=family)))
        if font.get_char_index(ord(character)):
            return character
    return "\u25a1" if unicodedata.category(character)[0] == "L" else ""
