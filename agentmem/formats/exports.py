"""Chats that people have elsewhere: exports of ChatGPT and Claude, and OpenAI message arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import first_line, read_lines, read_list
from agentmem.formats.schema import FileEntry
from agentmem.formats.times import moment_of
from agentmem.provenance import provenance
from agentmem.roles import ROLE_OF_MESSAGE_TYPE
from agentmem_stores.records import clean_text

__all__ = ["content_text", "read_chatgpt", "read_claude", "read_openai"]

_SPOKEN = frozenset(["user", "assistant"])


def read_chatgpt(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each conversation of `conversations.json` of a ChatGPT export.

    A conversation is a tree, because messages can be edited and answers repeated; the branch that
    ends at `current_node` is read. Messages of tools and hidden ones are left out.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for entry in read_list(path):
        data = entry.named_by("title").value
        mapping = data.get("mapping")
        if not isinstance(mapping, Mapping):
            raise entry.error("mapping", "an object", mapping)
        name = str(data.get("conversation_id") or data.get("id") or data.get("create_time"))
        nodes = _branch(mapping, data.get("current_node"))
        turns = [turn for node in nodes if (turn := _chatgpt_turn(node.get("message"))) is not None]
        yield _dialogue(f"chatgpt-{name}", turns, moment_of(data.get("create_time")))


def _branch(mapping: Mapping[str, Any], leaf: object) -> list[Mapping[str, Any]]:
    """The nodes from the root to a leaf; by default to the last node that has no children."""
    if not isinstance(leaf, str) or leaf not in mapping:
        leaves = [name for name, node in mapping.items() if not node.get("children")]
        leaf = leaves[-1] if leaves else None
    nodes: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(leaf, str) and leaf in mapping and leaf not in seen:
        seen.add(leaf)
        nodes.append(mapping[leaf])
        leaf = mapping[leaf].get("parent")
    return nodes[::-1]


def _chatgpt_turn(message: Any) -> DialogueTurn | None:
    if not isinstance(message, Mapping):
        return None
    author, content = message.get("author") or {}, message.get("content") or {}
    hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    if author.get("role") not in _SPOKEN or hidden:
        return None
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None
    text = content_text(content.get("parts"))
    moment = moment_of(message.get("create_time"))
    return _turn(author["role"], text, moment, message.get("id"), "chatgpt")


def read_claude(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each conversation of `conversations.json` of a Claude export.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for entry in read_list(path):
        data = entry.named_by("name").value
        messages = data.get("chat_messages")
        if not isinstance(messages, list):
            raise entry.error("chat_messages", "a list", messages)
        turns = [turn for message in messages if (turn := _claude_turn(message)) is not None]
        yield _dialogue(f"claude-{data.get('uuid')}", turns, moment_of(data.get("created_at")))


def _claude_turn(message: Any) -> DialogueTurn | None:
    if not isinstance(message, Mapping):
        return None
    role = {"human": "user", "assistant": "assistant"}.get(str(message.get("sender")))
    text = content_text(message.get("content")) or str(message.get("text") or "")
    if role is None:
        return None
    return _turn(role, text, moment_of(message.get("created_at")), message.get("uuid"), "claude")


def read_openai(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield the dialogues of OpenAI message arrays.

    The file is a list of `{"role", "content"}`, which is one conversation, or JSON lines of
    `{"messages": [...]}`, one conversation each. Conversations are named after the file and their
    number, so that reading a longer version of the file again adds what is new.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    name = Path(path).stem
    if first_line(path).lstrip().startswith("["):
        turns = [turn for n, e in enumerate(read_list(path)) if (turn := _openai_turn(e, name, n))]
        yield _dialogue(name, turns, None)
        return
    for number, entry in enumerate(read_lines(path)):
        messages = entry.value.get("messages")
        if not isinstance(messages, list):
            raise entry.error("messages", "a list", messages)
        session = f"{name}-{number}"
        entries = [FileEntry(m, entry.file, entry.label) for m in messages if isinstance(m, dict)]
        turns = [t for n, e in enumerate(entries) if (t := _openai_turn(e, session, n))]
        yield _dialogue(session, turns, None)


def _openai_turn(entry: FileEntry, session: str, number: int) -> DialogueTurn | None:
    role = ROLE_OF_MESSAGE_TYPE.get(str(entry.value.get("role")), str(entry.value.get("role")))
    if role not in _SPOKEN:
        return None
    text = content_text(entry.value.get("content"))
    moment = moment_of(entry.value.get("timestamp") or entry.value.get("created_at"))
    return _turn(role, text, moment, entry.value.get("id") or f"{session}/{number}", "openai")


def content_text(content: Any) -> str:
    """Return the words of a message: a string, or the text parts of a list.

    >>> content_text([{"type": "text", "text": "Hello"}, {"type": "image"}, "world"])
    'Hello\\nworld'
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = [
        part if isinstance(part, str) else part.get("text")
        for part in content
        if isinstance(part, str) or (isinstance(part, Mapping) and _is_text(part))
    ]
    return "\n".join(text for text in texts if isinstance(text, str) and text.strip())


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") in (None, "text", "input_text", "output_text")


def _turn(
    role: str, text: str, moment: datetime | None, own_id: Any, client: str
) -> DialogueTurn | None:
    text = clean_text(text)[0].strip()
    if not text:
        return None
    key = str(own_id) if own_id else f"{role}\n{moment}\n{text}"
    return DialogueTurn(
        role=role,
        speaker=None,
        text=text,
        said_at=moment,
        metadata=provenance("import", client),
        id=hashlib.sha256(f"{client}\n{key}".encode()).hexdigest()[:32],
    )


def _dialogue(session: str, turns: Sequence[DialogueTurn], started_at: datetime | None) -> Dialogue:
    sessions = (DialogueSession(session, started_at, tuple(turns)),) if turns else ()
    return Dialogue("", sessions)
