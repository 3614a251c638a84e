"""What a chat model is given as JSON, and the JSON in what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

__all__ = ["clean", "framed", "objects_in"]


def framed(task: str, lines: Sequence[Any], *, tag: str = "conversation") -> list[BaseMessage]:
    """Return a prompt of a task and of data, a line of JSON each, between tags."""
    written = [json.dumps(line, ensure_ascii=False) for line in lines]
    # Nothing said can look like the end of the data.
    data = "\n".join(written).replace("<", "\\u003c")
    return [SystemMessage(task), HumanMessage(f"<{tag}>\n{data}\n</{tag}>")]


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text, whatever is written around them; outer ones first."""
    decoder = json.JSONDecoder(strict=False)
    for start in re.finditer(r"\{", text):
        try:
            found, _ = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def clean(text: object) -> str:
    """Return a text in single spaces; nothing for what is no text."""
    if not isinstance(text, str):
        return ""
    # JSON can spell half a character, and NUL, which no store takes.
    return " ".join(text.encode("utf-8", "ignore").decode().replace("\0", " ").split())
