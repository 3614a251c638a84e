"""Read and validate messages, and pass them through the user's `before_write` hook."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from langchain_core.messages import BaseMessage, ChatMessage, RemoveMessage
from pydantic import BaseModel

from agentmem.arguments import (
    is_role,
    metadata_value,
    moment,
    number,
    refusal,
    role_name,
    string,
)
from agentmem.roles import ROLE_OF_MESSAGE_TYPE, ROLES
from agentmem.writing.content import Content, read_content
from agentmem_stores import (
    AgentMemError,
    EmptyTextError,
    InvalidInputError,
    Memory,
    WriteHookError,
)
from agentmem_stores.records import clean_text, is_unicode

__all__ = [
    "MAX_ID",
    "MAX_TEXT",
    "Admission",
    "BeforeWrite",
    "Draft",
    "MessageLike",
    "as_json",
    "has_roles",
    "n_parts",
    "part_id",
    "to_drafts",
    "without_derived",
]

_log = logging.getLogger("agentmem")

MessageLike = str | BaseMessage | Mapping[str, Any] | tuple[str, str] | BaseModel

# Characters of an id. Chroma takes longer ones, but they are keys of every index.
MAX_ID = 512
# Characters of one memory, and of metadata as JSON: far more than a turn has, and cheap to hold.
# A longer message becomes several turns.
MAX_TEXT = 1_000_000
# Levels of lists and dicts in metadata; Python's JSON parser recurses, and fails at about 1,000.
_MAX_DEPTH = 64

# Ids of other programs that cannot be ids of memories are hashed in this namespace.
_FOREIGN_IDS = uuid.UUID("6f0a8f0e-5d0b-4c3e-9d4b-2f6c1f0f7a11")

# Values of `type` that name a message; OpenAI's responses API has items of many other types.
_MESSAGE_TYPES = frozenset(["message", "chat", "chatmessagechunk", *ROLES, *ROLE_OF_MESSAGE_TYPE])
# Items of that API which the model makes, though they have no role.
_ASSISTANT_TYPES = frozenset(["output_text", "output_audio", "refusal", "image_generation_call"])
# A dict with none of these, and with others than `_OTHER_KEYS`, is not a message in any API; most
# likely a key is misspelled.
_MESSAGE_KEYS = frozenset(
    ["content", "parts", "tool_calls", "function_call", "audio", "refusal", "type", "output"]
)
_OTHER_KEYS = frozenset(
    ["role", "id", "name", "speaker", "timestamp", "importance", "metadata", "status"]
)
# In JSON. Pairs match too; they are one character each.
_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_ACCEPTED = 'a string, a LangChain message or a dict with "role" and "content"'


@dataclass(frozen=True)
class Draft:
    """A message that is not stored yet.

    `before_write` receives drafts and returns them, changed or not.

    Attributes:
        text: the words.
        role: `user`, `assistant`, `system`, `tool`, `document`, or a name that starts with `x-`.
        speaker: the speaker's name; None if it is unknown.
        said_at: when it was said, aware; None for the time of writing.
        importance: in [0, 1], raises the initial strength; None for 0.
        expires_at: when it is deleted, aware; None for never.
        metadata: anything JSON can hold.
        id: the id of the memory; None for a new one. If the scope has a memory of this id, a draft
            of the same text is not written again, and another text becomes a new version.

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
    expires_at: datetime | None = None


def to_drafts(
    messages: MessageLike | Sequence[MessageLike],
    *,
    said_at: datetime | None = None,
    importance: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    expires_at: datetime | None = None,
    allow_empty: bool = False,
) -> list[Draft]:
    """Read a message or a list of messages, in any form of `MemoryController.add`.

    A message without words, such as one that only calls tools, is left out; a list of several is
    never refused because of it. What is left out is logged at the level INFO.

    Args:
        messages: a message or a list of these.
        said_at, importance, expires_at: for messages without their own.
        metadata: added to each message's own, which takes precedence.
        allow_empty: return an empty list if no message has any words.

    Raises:
        EmptyTextError: no message has any words.
        InvalidInputError: something is not a message, or one of its fields is invalid.
        NaiveDatetimeError: a timestamp has no time zone.
    """
    importance = number("importance", importance, optional=True, low=0.0, high=1.0)
    shared = metadata_value("metadata", metadata)
    drafts, n_empty = [], 0
    for message in _as_list(messages):
        try:
            read = [draft for each in _messages_in(message) for draft in _read(each)]
        except RecursionError as error:
            raise InvalidInputError("a message is nested too deeply, or contains itself") from error
        n_empty += not read
        for draft in read:
            completed = replace(
                draft,
                said_at=draft.said_at or said_at,
                importance=importance if draft.importance is None else draft.importance,
                expires_at=draft.expires_at or expires_at,
                metadata=as_json({**shared, **draft.metadata}),
            )
            drafts += _split(completed)
    if not drafts and not allow_empty:
        raise EmptyTextError("messages are empty; there is nothing to remember")
    if n_empty:
        _log.info("%d messages have no text and were not stored", n_empty)
    return drafts


def has_roles(messages: Any) -> bool:
    """Return whether this is a list of messages with roles, which may be a resent history.

    A string, or a single message, is a statement of its own.
    """
    return (
        isinstance(messages, Sequence)
        and not isinstance(messages, bytes)
        and not _is_one(messages)
        and not any(isinstance(message, str) for message in messages)
    )


def _is_one(messages: Any) -> bool:
    """Return whether this is one message, such as a pair of role and content, and no list."""
    if isinstance(messages, tuple) and len(messages) == 2 and isinstance(messages[0], str):
        return is_role(messages[0])
    is_message = isinstance(messages, str | BaseMessage | Mapping)
    return is_message or hasattr(messages, "model_dump")


def _as_list(messages: Any) -> list[Any]:
    if _is_one(messages):
        return [messages]
    if not isinstance(messages, Sequence) or isinstance(messages, bytes | bytearray):
        raise refusal("messages", messages, f"{_ACCEPTED}, or a list of these")
    return list(messages)


def _messages_in(message: Any) -> Iterator[Any]:
    """Yield the messages of an item: one, or those that it wraps."""
    if hasattr(message, "model_dump") and not isinstance(message, BaseMessage):
        message = message.model_dump()
    wrapped = _wrapped(message) if isinstance(message, Mapping) else None
    if wrapped is not None:
        for each in wrapped:
            yield from _messages_in(each)
    elif message is not None:
        yield message


def _wrapped(message: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return what a response of a chat API, a graph's state or a serialized message wraps."""
    choices, data = message.get("choices"), message.get("data")
    if isinstance(choices, list | tuple):
        first = [choice for choice in choices[:1] if isinstance(choice, Mapping)]
        return [choice.get("message") or choice.get("delta") for choice in first]
    for key in ("output",) if message.get("object") == "response" else ("messages",):
        if isinstance(message.get(key), list | tuple):
            items: Sequence[Any] = message[key]
            return items
    if message.get("lc") == 1 and isinstance(message.get("kwargs"), Mapping):  # `dumpd`
        return [message["kwargs"]]
    if isinstance(data, Mapping) and "content" not in message:  # `messages_to_dict`
        return [{"type": message.get("type"), **data}]
    return None


def _read(message: Any) -> list[Draft]:
    """Read one message; an empty list if it has no words."""
    if isinstance(message, str):
        return [_cleaned(Draft(message))] if message.strip() else []
    if isinstance(message, tuple | list) and len(message) == 2:
        message = {"role": message[0], "content": message[1]}
    if isinstance(message, Mapping):
        return _read_mapping(message)
    if isinstance(message, BaseMessage):
        if isinstance(message, RemoveMessage):
            return []
        content = read_content(message.content)
        content.texts += _texts_beside_content(message.additional_kwargs)
        base = Draft(
            "", role_name(_role_of(message)), _speaker(message.name), id=_foreign_id(message.id)
        )
        return _drafts_of(content, base)
    raise refusal("message", message, _ACCEPTED)


def _role_of(message: BaseMessage) -> str:
    return message.role if isinstance(message, ChatMessage) else message.type


def _read_mapping(message: Mapping[str, Any]) -> list[Draft]:
    is_empty = "role" in message and message.keys() <= _OTHER_KEYS
    if _MESSAGE_KEYS.isdisjoint(message) and not is_empty:
        raise InvalidInputError(
            f'a message with the keys {sorted(map(str, message))} has no "content"'
        )
    kind = message.get("type")
    if not isinstance(kind, str):
        kind = None
    names_role = kind is not None and kind.lower() in _MESSAGE_TYPES
    if kind is not None and not names_role and not {"role", "content"} <= message.keys():
        content = read_content([message])
    else:
        content = read_content(message.get("content", message.get("parts")))
        content.texts += _texts_beside_content(message)
    metadata = metadata_value("metadata", message.get("metadata"))
    said_at, expires_at = message.get("timestamp"), message.get("expires_at")
    default_role: Any = "assistant" if kind in _ASSISTANT_TYPES else "user"
    if names_role and is_role(kind):
        default_role = kind
    base = Draft(
        text="",
        role=role_name(message.get("role") or default_role),
        speaker=_speaker(message.get("speaker") or message.get("name")),
        said_at=None if said_at is None else moment("timestamp", said_at),
        importance=number("importance", message.get("importance"), optional=True, low=0, high=1),
        metadata=metadata,
        id=_own_id(message.get("id")),
        expires_at=None if expires_at is None else moment("expires_at", expires_at),
    )
    return _drafts_of(content, base)


def _texts_beside_content(message: Mapping[str, Any]) -> list[str]:
    """What OpenAI puts beside the content: a refusal, and the transcript of a recording."""
    audio = message.get("audio")
    transcript = audio.get("transcript") if isinstance(audio, Mapping) else None
    return [text for text in (message.get("refusal"), transcript) if isinstance(text, str)]


def _drafts_of(content: Content, base: Draft) -> list[Draft]:
    """Return what a message says: as its role, and as tools whose answers it holds."""
    drafts = []
    result = "\n".join(text for text in content.results if text.strip())
    if result:
        # Anthropic puts tool results into a message of the user, who did not say them.
        result_id = base.id and f"{base.id}/result"
        drafts.append(_cleaned(replace(base, text=result, role="tool", id=result_id)))
    # A model's reply is cut into parts by its API; the parts of other messages are separate.
    text = content.text("" if base.role == "assistant" else "\n")
    if text.strip():
        metadata = dict(base.metadata)
        if content.attachments:
            metadata["attachments"] = content.attachments
        drafts.append(_cleaned(replace(base, text=text, metadata=metadata)))
    return drafts


def _cleaned(draft: Draft) -> Draft:
    text, n_replaced = clean_text(draft.text)
    if not n_replaced:
        return replace(draft, text=text)
    return replace(draft, text=text, metadata={**draft.metadata, "replaced_characters": n_replaced})


def _split(draft: Draft) -> list[Draft]:
    """Cut a text that is too long for one memory into several, between words where possible."""
    if len(draft.text) <= MAX_TEXT:
        return [draft]
    pieces, start = [], 0
    while start < len(draft.text):
        end = start + MAX_TEXT
        if end < len(draft.text):
            end = max(draft.text.rfind(space, start + 1, end) for space in " \n") + 1 or end
        pieces.append(draft.text[start:end])
        start = end
    pieces = [piece for piece in pieces if piece.strip()]
    return [
        replace(
            draft,
            text=piece,
            id=None if draft.id is None else part_id(draft.id, n),
            metadata={**draft.metadata, "part": n, "parts": len(pieces)},
        )
        for n, piece in enumerate(pieces, 1)
    ]


def n_parts(metadata: Mapping[str, Any]) -> int:
    """Return into how many turns a message was cut, by the metadata of one of them.

    >>> n_parts({"part": 2, "parts": 3}), n_parts({})
    (3, 1)
    """
    parts = metadata.get("parts") if "part" in metadata else 1
    return parts if isinstance(parts, int) else 1


def part_id(message_id: str, part: int) -> str:
    """Return the id of a part of a message.

    >>> part_id("m", 1), part_id("m", 2)
    ('m', 'm/2')
    """
    return message_id if part == 1 else f"{message_id}/{part}"


def without_derived(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a turn without those that follow from what its message contains.

    >>> without_derived({"topic": "cats", "attachments": [{"type": "image"}]})
    {'topic': 'cats'}
    """
    derived = {"attachments", "replaced_characters"}
    if "part" in metadata:
        derived |= {"part", "parts"}
    return {name: value for name, value in metadata.items() if name not in derived}


def _own_id(value: Any) -> str | None:
    """Return the id that a caller gives to a memory."""
    if value is None:
        return None
    name = string("id", value, max_length=MAX_ID, allow_blank=True)
    if "@" in name:
        raise InvalidInputError(f'id={name!r} of a message must not contain "@"')
    return name


def _foreign_id(value: Any) -> str | None:
    """Return the id of a LangChain message, or a hash of it if no memory can have such an id."""
    if value is None or not str(value).strip():
        return None
    name = str(value)
    if len(name) > MAX_ID or "@" in name or not is_unicode(name):
        return uuid.uuid5(_FOREIGN_IDS, ascii(name)).hex
    return name


def _speaker(name: Any) -> str | None:
    if name is None:
        return None
    if isinstance(name, str):
        name = clean_text(name)[0]
    return string("speaker", name, allow_empty=True) or None


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as they come back from JSON, without what cannot be stored.

    Raises:
        InvalidInputError: JSON cannot represent them, would change them, or they are too long or
            nested too deeply.
    """
    if not metadata:
        return {}
    try:
        text = json.dumps(metadata, allow_nan=False)
        if _SURROGATE.search(text):
            metadata = _without_surrogates(metadata)
            text = json.dumps(metadata)
        parsed: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"metadata must be serializable as JSON: {error}") from error
    if parsed != metadata:
        raise InvalidInputError(
            "JSON would change the metadata; use strings as keys, and lists instead of tuples"
        )
    if len(text) > MAX_TEXT:
        raise InvalidInputError(f"metadata have {len(text)} characters; at most {MAX_TEXT}")
    if _depth(parsed) > _MAX_DEPTH:
        raise InvalidInputError(
            f"metadata are nested deeper than {_MAX_DEPTH} levels; flatten them"
        )
    return parsed


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)[0]
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, children), default=0) if isinstance(value, dict | list) else 0


def _valid_text(text: str) -> str:
    if not text.strip():
        raise EmptyTextError("a message is empty; there is nothing to remember")
    if not is_unicode(text):
        raise InvalidInputError("a message contains lone surrogates, which are not characters")
    if len(text) > MAX_TEXT:
        raise InvalidInputError(
            f"a message has {len(text)} characters; split it, at most {MAX_TEXT} are allowed"
        )
    return text


def _valid_speaker(name: Any) -> str | None:
    if name is not None and not (isinstance(name, str) and is_unicode(name)):
        raise InvalidInputError('"speaker" of a message must be a string without lone surrogates')
    return name


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
