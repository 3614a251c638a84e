"""What `add` takes, brought to one form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentmem_stores import EmptyTextError, InvalidInputError, require_aware
from agentmem_stores.records import is_unicode

__all__ = [
    "LONGEST_ID",
    "Draft",
    "MessageLike",
    "as_json",
    "checked_speaker",
    "checked_text",
    "storable",
    "to_drafts",
]

MessageLike = str | BaseMessage | Mapping[str, Any]

# Levels of lists and dicts in metadata: more than anybody writes, fewer than readers give up at.
_DEPTH = 64
# Characters of a text, and of metadata as JSON: far more than a turn, and no harm to hold.
_LONGEST = 1_000_000
LONGEST_ID = 512

_ROLES = {"human": "user", "ai": "assistant"}
_KEYS = {"role", "content", "speaker", "name", "timestamp", "metadata", "importance", "id"}


@dataclass(frozen=True)
class Draft:
    """One message on its way into the store; `said_at` None means the call's own time.

    With an `id` it is written only if the scope holds nothing of that id.
    """

    text: str
    role: str = "user"
    speaker: str | None = None
    said_at: datetime | None = None
    importance: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None

    def completed(self, shared: Draft) -> Draft:
        """Return this draft with what it does not say itself taken from `shared`."""
        return replace(
            self,
            said_at=self.said_at or shared.said_at,
            importance=shared.importance if self.importance is None else self.importance,
            metadata=as_json({**shared.metadata, **self.metadata}),
        )


def to_drafts(messages: MessageLike | Sequence[MessageLike]) -> list[Draft]:
    """Read a message or a list of messages.

    Args:
        messages: text (said by the user), a LangChain message, a dict with `role` and `content`
            (and optionally `speaker` or `name`, `timestamp`, `importance`, `metadata`, `id`), or a
            list of these. Messages of a model that only call tools hold nothing to remember and are
            left out.

    Raises:
        EmptyTextError: there is no message, or one without text.
        InvalidInputError: something that is no message.
    """
    if isinstance(messages, str | BaseMessage | Mapping):
        messages = [messages]
    if not isinstance(messages, Sequence):
        raise InvalidInputError(
            f"cannot remember a {type(messages).__name__}; pass a string, a LangChain message, "
            'a dict with "role" and "content", or a list of these'
        )
    drafts = [_draft(m) for m in messages if not _only_calls_tools(m)]
    if not drafts:
        raise EmptyTextError("no message holds text; there is nothing to remember")
    return drafts


def _only_calls_tools(message: MessageLike) -> bool:
    return (
        isinstance(message, AIMessage)
        and bool(message.tool_calls)
        and not str(message.text).strip()
    )


def _draft(message: MessageLike) -> Draft:
    if isinstance(message, str):
        return Draft(checked_text(message))
    if isinstance(message, BaseMessage):
        role = _ROLES.get(message.type, message.type)
        return Draft(checked_text(str(message.text)), role, checked_speaker(message.name))
    if isinstance(message, Mapping):
        return _draft_of_mapping(message)
    raise InvalidInputError(
        f"cannot remember a {type(message).__name__}; pass a string, a LangChain message or a "
        'dict with "role" and "content"'
    )


def _draft_of_mapping(message: Mapping[str, Any]) -> Draft:
    unknown = sorted(set(message) - _KEYS)
    if unknown or "content" not in message:
        wrong = f"unknown keys {unknown}" if unknown else 'no "content"'
        raise InvalidInputError(f"a message has {wrong}; its keys are {sorted(_KEYS)}")
    if not isinstance(message["content"], str):
        raise InvalidInputError('"content" of a message must be a string')
    said_at = message.get("timestamp")
    if said_at is not None and not isinstance(said_at, datetime):
        raise InvalidInputError('"timestamp" of a message must be an aware datetime')
    name = message.get("id")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= LONGEST_ID):
        raise InvalidInputError(
            f'"id" of a message must be a string of 1 to {LONGEST_ID} characters'
        )
    if name is not None and ("@" in name or not is_unicode(name)):
        raise InvalidInputError('"id" of a message must be without "@" and lone surrogates')
    role = str(message.get("role", "user"))
    return Draft(
        text=checked_text(message["content"]),
        role=_ROLES.get(role, role),
        speaker=checked_speaker(message.get("speaker") or message.get("name")),
        said_at=said_at and require_aware(said_at, "timestamp"),
        importance=message.get("importance"),
        metadata=dict(message.get("metadata") or {}),
        id=name,
    )


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as they come back from JSON.

    Raises:
        InvalidInputError: JSON cannot hold them, would change them, or they are nested too deeply.
    """
    try:
        written = json.dumps(metadata, allow_nan=False)
        kept: dict[str, Any] = json.loads(written)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"metadata must be what JSON can hold: {error}") from error
    if kept != metadata:
        raise InvalidInputError(
            "metadata would not come back from JSON as it is; use strings as keys, and lists"
        )
    if len(written) > _LONGEST:
        raise InvalidInputError(f"metadata have {len(written)} characters; at most {_LONGEST}")
    if _depth(kept) > _DEPTH:
        raise InvalidInputError(f"metadata is nested deeper than {_DEPTH} levels; flatten it")
    return kept


def _depth(value: Any) -> int:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, held), default=0) if isinstance(value, dict | list) else 0


def checked_text(text: str) -> str:
    """Return a text that can be stored.

    Raises:
        EmptyTextError: there is nothing in it.
        InvalidInputError: it holds lone surrogates, or is longer than a million characters.
    """
    if not text.strip():
        raise EmptyTextError("a message is empty; there is nothing to remember")
    if not is_unicode(text):
        raise InvalidInputError("a message holds lone surrogates, which are no characters")
    if len(text) > _LONGEST:
        raise InvalidInputError(
            f"a message has {len(text)} characters; at most {_LONGEST} are taken, so split it"
        )
    return text


def storable(text: str) -> str:
    """Return of a text whatever can be stored, for what must not fail: a model may say anything."""
    return text.encode("utf-8", "ignore").decode()[:_LONGEST]


def checked_speaker(name: Any) -> str | None:
    """Return the name of a speaker, or None.

    Raises:
        InvalidInputError: it is no string, or holds lone surrogates.
    """
    if name is not None and not (isinstance(name, str) and is_unicode(name)):
        raise InvalidInputError('"speaker" of a message must be a string without lone surrogates')
    return name
