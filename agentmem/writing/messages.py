"""Messages on their way in: read, validate, and pass through the user's `before_write` hook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentmem.roles import ROLE_OF_MESSAGE_TYPE
from agentmem_stores import (
    AgentMemError,
    EmptyTextError,
    InvalidInputError,
    Memory,
    WriteHookError,
    require_aware,
)
from agentmem_stores.records import is_unicode

__all__ = [
    "MAX_ID",
    "Admission",
    "BeforeWrite",
    "Draft",
    "MessageLike",
    "as_json",
    "storable",
    "to_drafts",
]

MessageLike = str | BaseMessage | Mapping[str, Any]

# Characters of an id. Chroma takes longer ones, but they are keys of every index.
MAX_ID = 512
# Characters of a text, and of metadata as JSON: far more than a turn has, and cheap to hold.
_MAX_TEXT = 1_000_000
# Levels of lists and dicts in metadata; Python's JSON parser recurses, and fails at about 1,000.
_MAX_DEPTH = 64

_KEYS = {"role", "content", "speaker", "name", "timestamp", "metadata", "importance", "id"}
_KINDS: tuple[tuple[str, Any, str], ...] = (
    ("timestamp", datetime, "an aware datetime"),
    ("importance", int | float, "a number in [0, 1]"),
    ("metadata", Mapping, "a dict"),
    ("id", str, f"a string of 1 to {MAX_ID} characters"),
)


@dataclass(frozen=True)
class Draft:
    """A message on its way into the store.

    `before_write` receives drafts and returns them, changed or not.

    Attributes:
        text: the words.
        role: `user`, `assistant`, `system`, `tool`, or any other string.
        speaker: the name of who speaks; None where there is none.
        said_at: when it was said, aware; None for the time of writing.
        importance: in [0, 1], raises the initial strength; None for 0.
        metadata: anything JSON can hold.
        id: the id of the memory; None for a new one. A draft whose id the scope has already is
            not written again.

    Example:
        >>> from dataclasses import replace
        >>> draft = Draft("My card number is 4242.", speaker="Ada")
        >>> replace(draft, text=draft.text.replace("4242", "****")).text
        'My card number is ****.'
    """

    text: str
    role: str = "user"
    speaker: str | None = None
    said_at: datetime | None = None
    importance: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


def to_drafts(
    messages: MessageLike | Sequence[MessageLike],
    *,
    said_at: datetime | None = None,
    importance: float | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> list[Draft]:
    """Read a message or a list of messages.

    An AI message that only calls tools has no text and is left out.

    Args:
        messages: text (said by the user), a LangChain message, a dict with `role` and `content`
            (and optionally `speaker` or `name`, `timestamp`, `importance`, `metadata`, `id`), or
            a list of these.
        said_at, importance: for messages without their own.
        metadata: added to each message's own, which takes precedence.

    Raises:
        EmptyTextError: there is no message, or one without text.
        InvalidInputError: something is not a message.
        NaiveDatetimeError: a timestamp has no time zone.
    """
    if isinstance(messages, str | BaseMessage | Mapping):
        messages = [messages]
    if not isinstance(messages, Sequence):
        raise InvalidInputError(
            f"messages must not be a {type(messages).__name__}; pass a string, a LangChain "
            'message, a dict with "role" and "content", or a list of these'
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidInputError(f"metadata must be a dict, not a {type(metadata).__name__}")
    if importance is not None and not isinstance(importance, int | float):
        raise InvalidInputError(f"importance={importance!r} must be a number in [0, 1]")
    drafts = []
    for message in messages:
        draft = _read(message)
        if draft is not None:
            drafts.append(
                replace(
                    draft,
                    said_at=draft.said_at or said_at,
                    importance=importance if draft.importance is None else draft.importance,
                    metadata=as_json({**(metadata or {}), **draft.metadata}),
                )
            )
    if not drafts:
        raise EmptyTextError("messages have no text; there is nothing to remember")
    return drafts


def _read(message: Any) -> Draft | None:
    """Read one message; None if it only calls tools."""
    if isinstance(message, str):
        return Draft(_valid_text(message))
    if isinstance(message, Mapping):
        return _read_mapping(message)
    if isinstance(message, BaseMessage):
        text = str(message.text)
        if isinstance(message, AIMessage) and message.tool_calls and not text.strip():
            return None
        role = ROLE_OF_MESSAGE_TYPE.get(message.type, message.type)
        return Draft(_valid_text(text), role, _valid_speaker(message.name))
    raise InvalidInputError(
        f"a message must not be a {type(message).__name__}; pass a string, a LangChain "
        'message or a dict with "role" and "content"'
    )


def _zoned(moment: datetime) -> datetime:
    """The moment with its own offset, which tells which day it is for the speaker."""
    require_aware(moment, "timestamp")
    return moment


def _read_mapping(message: Mapping[str, Any]) -> Draft:
    unknown = sorted(set(message) - _KEYS)
    if unknown or "content" not in message:
        problem = f"unknown keys {unknown}" if unknown else 'no "content"'
        raise InvalidInputError(f"a message has {problem}; its keys are {sorted(_KEYS)}")
    for key, kind, description in _KINDS:
        if message.get(key) is not None and not isinstance(message[key], kind):
            raise InvalidInputError(f'"{key}" of a message must be {description}')
    if not isinstance(message["content"], str):
        raise InvalidInputError('"content" of a message must be a string')
    memory_id, said_at = message.get("id"), message.get("timestamp")
    if memory_id is not None and not 0 < len(memory_id) <= MAX_ID:
        raise InvalidInputError(f'"id" of a message must be a string of 1 to {MAX_ID} characters')
    if memory_id is not None and ("@" in memory_id or not is_unicode(memory_id)):
        raise InvalidInputError('"id" of a message must not contain "@" or lone surrogates')
    role = str(message.get("role", "user"))
    return Draft(
        text=_valid_text(message["content"]),
        role=ROLE_OF_MESSAGE_TYPE.get(role, role),
        speaker=_valid_speaker(message.get("speaker") or message.get("name")),
        said_at=said_at and _zoned(said_at),
        importance=message.get("importance"),
        metadata=message.get("metadata") or {},
        id=memory_id,
    )


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as they come back from JSON.

    Raises:
        InvalidInputError: JSON cannot represent them, would change them, or they are too long or
            nested too deeply.
    """
    if not metadata:
        return {}
    try:
        text = json.dumps(metadata, allow_nan=False)
        parsed: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"metadata must be serializable as JSON: {error}") from error
    if parsed != metadata:
        raise InvalidInputError(
            "JSON would change the metadata; use strings as keys, and lists instead of tuples"
        )
    if len(text) > _MAX_TEXT:
        raise InvalidInputError(f"metadata have {len(text)} characters; at most {_MAX_TEXT}")
    if _depth(parsed) > _MAX_DEPTH:
        raise InvalidInputError(
            f"metadata are nested deeper than {_MAX_DEPTH} levels; flatten them"
        )
    return parsed


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, children), default=0) if isinstance(value, dict | list) else 0


def _valid_text(text: str) -> str:
    if not text.strip():
        raise EmptyTextError("a message is empty; there is nothing to remember")
    if not is_unicode(text):
        raise InvalidInputError("a message contains lone surrogates, which are not characters")
    if len(text) > _MAX_TEXT:
        raise InvalidInputError(
            f"a message has {len(text)} characters; split it, at most {_MAX_TEXT} are allowed"
        )
    return text


def _valid_speaker(name: Any) -> str | None:
    if name is not None and not (isinstance(name, str) and is_unicode(name)):
        raise InvalidInputError('"speaker" of a message must be a string without lone surrogates')
    return name


def storable(text: str) -> str:
    """Return what can be stored of a text, for callers that must not fail on a model's output."""
    return text.encode("utf-8", "ignore").decode()[:_MAX_TEXT]


BeforeWrite = Callable[[Draft], Draft | None]


@dataclass(frozen=True)
class Admission:
    """Passes every text through the user's hook before it is embedded or written.

    Of the draft that the hook returns, text, speaker and metadata are used; id, time and role are
    not. Texts that agentmem derives itself, such as summaries, derive from admitted texts.

    Attributes:
        hook: returns the draft to be stored, the same or another, or None to store nothing.
    """

    hook: BeforeWrite | None = None

    def draft(self, draft: Draft) -> Draft | None:
        """Return what is to be stored of a draft; None for nothing.

        Raises:
            WriteHookError: the hook raised an exception, or did not return a draft with a text.
        """
        if self.hook is None:
            return draft
        try:
            admitted = self.hook(draft)
            if admitted is None:
                return None
            return replace(
                draft,
                text=_valid_text(admitted.text),
                speaker=_valid_speaker(admitted.speaker),
                metadata=as_json(admitted.metadata),
            )
        except InvalidInputError as error:
            raise WriteHookError(
                f"before_write returned an invalid draft: {error}; nothing was written "
                "(return None to reject a text)"
            ) from error
        except AgentMemError:
            raise
        except Exception as error:
            raise WriteHookError(
                f"before_write failed, nothing was written: {type(error).__name__}: {error}"
            ) from error

    def drafts(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Return what is to be stored of several drafts."""
        if self.hook is None:
            return list(drafts)
        return [admitted for draft in drafts if (admitted := self.draft(draft)) is not None]

    def memory(self, memory: Memory) -> Memory | None:
        """Return what is to be stored of an existing memory; None for nothing."""
        admitted = self.draft(
            Draft(memory.text, memory.role, memory.speaker, memory.said_at, None, memory.metadata)
        )
        if admitted is None:
            return None
        return replace(
            memory, text=admitted.text, speaker=admitted.speaker, metadata=admitted.metadata
        )

    def value(self, value: Mapping[str, Any], role: str, metadata: Mapping[str, Any]) -> Any:
        """Return a value of nested lists and dicts with each text as it is to be stored.

        None means that the hook rejected one of the texts, and with it the value.
        """
        if self.hook is None:
            return value
        try:
            return self._nested(value, role, metadata)
        except _RejectedError:
            return None

    def _nested(self, value: Any, role: str, metadata: Mapping[str, Any]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._nested(child, role, metadata) for key, child in value.items()}
        if isinstance(value, list):
            return [self._nested(child, role, metadata) for child in value]
        if not isinstance(value, str) or not value.strip():
            return value
        admitted = self.draft(Draft(value, role, metadata=metadata))
        if admitted is None:
            raise _RejectedError
        return admitted.text


class _RejectedError(Exception):
    """The hook rejected a text within a value."""
