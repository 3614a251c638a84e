"""Quote data in prompts, and find JSON objects in answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

__all__ = ["build_prompt", "clean_text", "json_objects"]


def build_prompt(
    task: str, lines: Sequence[Any], *, tag: str = "conversation"
) -> list[BaseMessage]:
    """Return a prompt of a task and of data, one line of JSON each, between tags.

    No text in the data can close the tag: `<` is escaped.
    """
    quoted = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    data = quoted.replace("<", "\\u003c")
    return [SystemMessage(task), HumanMessage(f"<{tag}>\n{data}\n</{tag}>")]


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text, whatever surrounds them; outer ones before inner ones.

    >>> list(json_objects('Sure! ```json {"a": 1} ```'))
    [{'a': 1}]
    """
    decoder = json.JSONDecoder(strict=False)
    for brace in re.finditer(r"\{", text):
        try:
            value, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def clean_text(value: object) -> str:
    """Return a text with single spaces; "" for anything that is not a text."""
    if not isinstance(value, str):
        return ""
    # JSON can spell lone surrogates and NUL, which no store can hold.
    return " ".join(value.encode("utf-8", "ignore").decode().replace("\0", " ").split())
