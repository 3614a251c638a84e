"""Messages as JSON, in any form that `MemoryController.add` reads."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from typing import Any

from agentmem.arguments import metadata_value
from agentmem.documents.reading import read_document
from agentmem.writing.messages import Draft, as_json, to_drafts

__all__ = ["to_document", "to_message", "to_messages", "to_metadata"]


def to_document(
    path_or_text: str | PathLike[str], title: str | None, source: str | None
) -> dict[str, Any]:
    """Return a document in the form of `POST /v1/documents`; a file is read and divided here."""
    document, title, source = read_document(path_or_text, title=title, source=source)
    sections = [asdict(section) for section in document.sections]
    return {"text": document.text, "sections": sections, "title": title, "source": source}


def to_messages(messages: Any) -> list[dict[str, Any]]:
    """Return messages in the form of `POST /v1/memories`.

    They are read here as the controller reads them, so a message is refused before it is sent.
    """
    return [to_message(draft) for draft in to_drafts(messages)]


def to_metadata(metadata: Any) -> dict[str, Any]:
    """Return metadata that JSON can hold."""
    return as_json(metadata_value("metadata", metadata))


def to_message(draft: Draft) -> dict[str, Any]:
    """Return a message in the form of `POST /v1/memories`."""
    fields = {
        "role": draft.role,
        "content": draft.text,
        "speaker": draft.speaker,
        "timestamp": None if draft.said_at is None else draft.said_at.isoformat(),
        "expires_at": None if draft.expires_at is None else draft.expires_at.isoformat(),
        "importance": draft.importance,
        "metadata": dict(draft.metadata) or None,
        "id": draft.id,
    }
    return {name: value for name, value in fields.items() if value is not None}
