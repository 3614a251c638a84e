"""Literals: tokens that stand for one thing as they are written, such as 3.10, £45, C++ or -5.

Stemming and splitting at punctuation make `3.1` and `3.10`, `C++` and `C#`, `-5` and `5` alike.
Literals keep them apart: they match only themselves.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["literals_in", "text_key"]

_OPENING, _CLOSING = "([{<\"'`*\u00ab\u201c\u201e\u2018", ")]}>\"'`*\u00bb\u201d\u2019.,;:!?\u2026"
# Hyphen, dashes and the minus sign all begin a negative number.
_MINUS = str.maketrans("\u2212\u2013\u2010\u2011", "----")
_POSSESSIVE = re.compile(r"['\u2019]s$")
_SYMBOL = re.compile(r"[+#@/\\_&%$\u00a3\u20ac\u00a5\u20b9=]")
# "#17" and "£45" are also 17 and 45; "-5" is not 5, nor is "3.10" 3 or 10.
_AMOUNT = re.compile(
    r"[#$\u00a3\u20ac\u00a5\u20b9](\d[\d.,]*)|(\d[\d.,]*)[%$\u00a3\u20ac\u00a5\u20b9]"
)


def literals_in(text: str) -> list[str]:
    """Return the literals of a text: tokens with digits or symbols, as written and in lower case.

    Example:
        >>> literals_in("C++ 3.10 cost £45, not -5.")
        ['c++', '=C++', '3.10', '£45', '45', '-5']
    """
    literals: list[str] = []
    for chunk in text.translate(_MINUS).split():
        token = _POSSESSIVE.sub("", chunk.lstrip(_OPENING).rstrip(_CLOSING))
        has_digit = any(map(str.isdigit, token))
        if not has_digit and not (_SYMBOL.search(token) and any(map(str.isalpha, token))):
            continue
        folded = token.lower()
        literals.append(folded)
        if folded != token:
            literals.append(f"={token}")
        amount = _AMOUNT.fullmatch(token)
        if amount:
            literals.append(amount[1] or amount[2])
    return literals


def text_key(text: str) -> int:
    """Return a 64-bit hash of a text, the same however its white space is arranged; never 0."""
    digest = hashlib.blake2b(" ".join(text.split()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
