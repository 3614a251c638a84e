"""Keep e-mail addresses and card numbers out of memory: `python -m demos.redaction`.

The hook sees every text before it is embedded or written: messages, notes of an agent, items of a
LangGraph store, and imports.
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
    """Return a draft without e-mail addresses and card numbers in any of its fields."""
    return replace(
        draft,
        text=_clean(draft.text),
        speaker=draft.speaker and _clean(draft.speaker),
        metadata=_redact_values(draft.metadata),
    )


def _clean(text: str) -> str:
    text = _ADDRESS.sub("[e-mail address]", text)
    return _DIGITS.sub(lambda m: "[card number]" if _is_card(m[0]) else m[0], text)


def _is_card(number: str) -> bool:
    """Check the last digit by the Luhn algorithm (ISO/IEC 7812-1, annex B)."""
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return sum(digits[::2] + doubled) % 10 == 0


def _redact_values(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _clean(str(value)) if _clean(str(value)) != str(value) else value
    if isinstance(value, list):
        return [_redact_values(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _redact_values(item) for key, item in value.items()}
    return value


def main() -> None:
    """Add sensitive messages, and print what is stored."""
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
