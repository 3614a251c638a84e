"""What a user's own function sees before anything is stored, and may change or keep out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentmem.writing.messages import Draft, as_json, checked_speaker, checked_text
from agentmem_stores import AgentMemError, InvalidInputError, Memory, WriteHookError

__all__ = ["Admission", "BeforeWrite"]

BeforeWrite = Callable[[Draft], Draft | None]


@dataclass(frozen=True)
class Admission:
    """Asks a hook about every text on its way in, before it is embedded or written.

    Of what the hook returns, text, speaker and metadata count; ids, times and roles stay. What
    agentmem makes of texts itself, such as summaries, it makes of those the hook let through.

    Args:
        hook: returns the draft to be stored, the same or another, or None to store nothing.
    """

    hook: BeforeWrite | None = None

    def draft(self, draft: Draft) -> Draft | None:
        """Return what is to be stored of a draft; None for nothing.

        Raises:
            WriteHookError: the hook raised, or returned something else than a draft with text.
        """
        if self.hook is None:
            return draft
        try:
            passed = self.hook(draft)
            if passed is None:
                return None
            return replace(
                draft,
                text=checked_text(passed.text),
                speaker=checked_speaker(passed.speaker),
                metadata=as_json(passed.metadata),
            )
        except InvalidInputError as error:
            raise WriteHookError(
                f"before_write returned what cannot be stored: {error}; nothing was written, "
                "return None to keep a text out"
            ) from error
        except AgentMemError:
            raise
        except Exception as error:
            raise WriteHookError(
                f"before_write failed, and nothing was written: {type(error).__name__}: {error}"
            ) from error

    def drafts(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Return what is to be stored of several drafts."""
        return [passed for draft in drafts if (passed := self.draft(draft)) is not None]

    def memory(self, memory: Memory) -> Memory | None:
        """Return what is to be stored of a memory that comes with its id and its life."""
        passed = self.draft(
            Draft(memory.text, memory.role, memory.speaker, memory.said_at, None, memory.metadata)
        )
        if passed is None:
            return None
        return replace(memory, text=passed.text, speaker=passed.speaker, metadata=passed.metadata)

    def value(self, value: Mapping[str, Any], role: str, metadata: Mapping[str, Any]) -> Any:
        """Return a value of nested lists and dicts with each of its texts as it is to be stored.

        None means that one of them is to be kept out, and so the value.
        """
        if self.hook is None:
            return value
        try:
            return self._within(value, role, metadata)
        except _KeptOutError:
            return None

    def _within(self, value: Any, role: str, metadata: Mapping[str, Any]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._within(held, role, metadata) for key, held in value.items()}
        if isinstance(value, list):
            return [self._within(held, role, metadata) for held in value]
        if not isinstance(value, str) or not value.strip():
            return value
        passed = self.draft(Draft(value, role, metadata=metadata))
        if passed is None:
            raise _KeptOutError
        return passed.text


class _KeptOutError(Exception):
    """A text within a value is not to be stored."""
