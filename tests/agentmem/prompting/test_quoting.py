"""Quoted text stays data, whatever it contains."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agentmem.prompting.quoting import quote, visible


@given(st.text(min_size=1, max_size=300))
def test_any_text_stays_on_one_line_within_its_quotes(text: str) -> None:
    quoted = quote(text, 1000)
    assert quoted.isprintable()
    assert not set("<>`\n\r\t\u2028\u2029") & set(quoted)
    assert json.loads(quoted) == visible(text).strip()


def test_invisible_characters_are_removed() -> None:
    hidden = "ab\u200bc\u202ed\u2066e\ufefff\U000e0041g\x1b[31mh\x00i\u3164j\u00adk"
    assert json.loads(quote(hidden, 100)) == "abcdefg[31mhijk"


def test_long_text_is_cut_at_the_limit() -> None:
    assert json.loads(quote("word " * 100, 20)) == "word word word word…"
