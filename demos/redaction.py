"""Keep e-mail addresses and card numbers out of memory: `python -m demos.redaction`.

A hook sees every text before it is embedded or written, wherever it comes from: what is said, what
an agent notes, what a LangGraph store is given, what is imported.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from typing import Any

from agentmem import Draft, MemoryController, Scope

__all__ = ["main", "redact"]

_ADDRESS = re.compile(r"""[^\s@<>()\[\],;:"']+@[^\s@<>()\[\],;:"']+\.[^\W\d_]{2,}""")
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def redact(draft: Draft) -> Draft:
    """Return a draft without e-mail addresses and card numbers, wherever in it they stand."""
    return replace(
        draft,
        text=_clean(draft.text),
        speaker=draft.speaker and _clean(draft.speaker),
        metadata=_within(draft.metadata),
    )


def _clean(text: str) -> str:
    text = _ADDRESS.sub("[e-mail address]", text)
    return _DIGITS.sub(lambda m: "[card number]" if _is_card(m[0]) else m[0], text)


def _is_card(number: str) -> bool:
    """Check a number's last digit as ISO/IEC 7812-1, annex B, says (Luhn)."""
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return sum(digits[::2] + doubled) % 10 == 0


def _within(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _clean(str(value)) if _clean(str(value)) != str(value) else value
    if isinstance(value, list):
        return [_within(held) for held in value]
    if isinstance(value, dict):
        return {_clean(key): _within(held) for key, held in value.items()}
    return value


def main() -> None:
    """Say something that is better not kept, and show what was."""
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryController.open(folder, scope=Scope("ada"), before_write=redact) as memory,
    ):
        memory.add("Write to ada@example.org, and pay with 4111 1111 1111 1111.")
        memory.add("My order is number 4111 1111 1111 1112.")
        for turn in memory.get_all():
            print(turn.text)


if __name__ == "__main__":
    main()
