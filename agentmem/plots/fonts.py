"""Installed fonts for texts in any script."""

from __future__ import annotations

import unicodedata
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

__all__ = ["drawable", "families"]

# DejaVu Sans comes with matplotlib; systems usually have some of the others for scripts it lacks.
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
    """Return the font families to use, in order of preference."""
    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FALLBACKS if name in installed))


def drawable(text: str) -> str:
    """Return a text on one line without characters that no installed font has.

    Missing letters become a box, other characters such as emoji are removed.
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
