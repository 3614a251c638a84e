"""The content of a message: its words, and a note of each image, recording and file.

Chat APIs give content as a string, or as a list of parts whose `type` differs from one provider to
the next. One table covers OpenAI (chat and responses), Anthropic, Gemini, Bedrock and LangChain
(v0 and v1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentmem_stores.records import clean_text

__all__ = ["Content", "read_content"]

# Kinds of parts that carry words, with the keys under which different providers put them.
_TEXT_TYPES = frozenset(["text", "input_text", "output_text", "text-plain", "refusal"])
_TEXT_KEYS = ("text", "refusal", "transcript", "value")
_ATTACHMENT_TYPES = {
    "image": "image",
    "image_url": "image",
    "image_file": "image",
    "input_image": "image",
    "audio": "audio",
    "audio_url": "audio",
    "input_audio": "audio",
    "output_audio": "audio",
    "video": "video",
    "video_url": "video",
    "input_video": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "container_upload": "file",
    "media": "file",
    "computer_screenshot": "image",
    "image_generation_call": "image",
}
# Tool results: their types end so, or have no ending of their own.
_RESULT_ENDINGS = ("tool_result", "_call_output")
_RESULT_TYPES = frozenset(["mcp_call"])
# The same in parts without a type, by the key that such a part has: Gemini's and Bedrock's.
_RESULT_KEYS = ("function_response", "functionResponse", "toolResult")
_ATTACHMENT_KEYS = ("image", "audio", "video", "document")
# Parts that carry parts of their own, such as what a client has found in its documents.
_NESTING_TYPES = frozenset(["search_result", "content"])
# Where providers put the address, the type and the name of an attachment.
_URL_KEYS = ("url", "image_url", "audio_url", "video_url", "file_uri", "fileUri", "uri")
_TYPE_KEYS = ("mime_type", "media_type", "mimeType", "format")
_NAME_KEYS = ("filename", "file_name", "title", "name")
_ID_KEYS = ("file_id", "fileId")
_NESTED_KEYS = (
    *("source", "file", "image_url", "input_audio", "audio_url", "video_url", "image_file"),
    *("audio", "image", "video", "document"),
    *("inline_data", "inlineData", "file_data", "fileData"),
)
# The most characters of a note about an attachment, such as its address.
_MAX_NOTE = 2_000


@dataclass
class Content:
    """What one message contains.

    Attributes:
        texts: the words, one string for each part.
        attachments: one dict for each image, recording, video or file: its `type`, and `url`,
            `mime_type`, `name` and `id` where they are known. Data itself is not stored.
        results: tool results, which Anthropic puts into messages of the user.
    """

    texts: list[str] = field(default_factory=list)
    attachments: list[dict[str, str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def text(self, separator: str) -> str:
        """Return the words; without any, a placeholder such as `[image]` for each attachment."""
        words = separator.join(text for text in self.texts if text)
        return words if words.strip() else " ".join(map(_placeholder, self.attachments))


def read_content(content: Any) -> Content:
    """Read the content of a message in any provider's form; unknown parts are left out.

    >>> picture = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
    >>> read_content([{"type": "text", "text": "My cat."}, picture]).attachments
    [{'type': 'image', 'url': 'https://example.org/cat.png'}]
    >>> read_content([picture]).text(" ")
    '[image]'
    """
    read = Content()
    for part in _parts(content):
        _read_part(part, read)
    return read


def _parts(content: Any) -> Iterator[Any]:
    if isinstance(content, str | Mapping) or hasattr(content, "model_dump"):
        yield content
    elif isinstance(content, Sequence) and not isinstance(content, bytes | bytearray):
        yield from content


def _read_part(part: Any, read: Content) -> None:
    if isinstance(part, str):
        read.texts.append(part)
        return
    if hasattr(part, "model_dump"):
        part = part.model_dump()
    if isinstance(part, Mapping) and part.get("thought") is not True:
        kind = part.get("type")
        _read_typed(kind if kind and isinstance(kind, str) else _kind_of(part), part, read)


def _read_typed(kind: str | None, part: Mapping[str, Any], read: Content) -> None:
    if kind is None:
        return
    if kind == "non_standard":
        _read_part(part.get("value"), read)
    elif kind in _RESULT_TYPES or kind.endswith(_RESULT_ENDINGS):
        read.results.append(read_content(part.get("content", part.get("output"))).text("\n"))
    elif kind in _RESULT_KEYS:
        read.results.append(_result_text(part[kind]))
    elif kind in _TEXT_TYPES:
        read.texts.append(_words(part))
    elif kind in _NESTING_TYPES:
        nested = read_content(part.get("content"))
        read.texts += nested.texts
        read.attachments += nested.attachments
    elif kind in _ATTACHMENT_TYPES:
        _read_attachment(_ATTACHMENT_TYPES[kind], part, read)


def _read_attachment(kind: str, part: Mapping[str, Any], read: Content) -> None:
    # What was spoken in a recording, or a document given as plain text, are words.
    transcript = part.get("transcript")
    source = part.get("source")
    if isinstance(transcript, str) and transcript.strip():
        read.texts.append(transcript)
    elif isinstance(source, Mapping) and source.get("type") == "text":
        read.texts.append(str(source.get("data") or ""))
    elif isinstance(source, Mapping) and source.get("type") == "content":
        _read_part(source, read)
    read.attachments.append({"type": kind, **_details(part)})


def _result_text(result: Any) -> str:
    """The answer of a tool in Gemini's or Bedrock's form: its words, or else its JSON."""
    if not isinstance(result, Mapping):
        return ""
    if "response" in result:
        return _json(result["response"])
    parts = list(_parts(result.get("content")))
    values = [_json(p["json"]) for p in parts if isinstance(p, Mapping) and "json" in p]
    return "\n".join(text for text in (read_content(parts).text("\n"), *values) if text)


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # keys that JSON cannot have, or a value that contains itself
        return str(value)


def _words(part: Mapping[str, Any]) -> str:
    for key in _TEXT_KEYS:
        value = part.get(key)
        if isinstance(value, Mapping):  # the assistants API: {"text": {"value": ...}}
            value = value.get("value")
        if isinstance(value, str):
            return value
    return ""


def _details(part: Mapping[str, Any]) -> dict[str, str]:
    """The address, type, name and id of an attachment, from it or from the dict it nests."""
    nested = [part[key] for key in _NESTED_KEYS if isinstance(part.get(key), Mapping)]
    details = {}
    for name, keys in (
        ("url", _URL_KEYS),
        ("mime_type", _TYPE_KEYS),
        ("name", _NAME_KEYS),
        ("id", _ID_KEYS),
    ):
        values = (level.get(key) for level in (part, *nested) for key in keys)
        value = next((v for v in values if isinstance(v, str) and v), None)
        # A data URL is the data itself.
        if value is not None and not (name == "url" and value.startswith("data:")):
            details[name] = clean_text(value[:_MAX_NOTE])[0]
    return details


def _kind_of(part: Mapping[str, Any]) -> str | None:
    """The kind of a part without a type, as Gemini and Bedrock have them; None for others."""
    if "text" in part:
        return "text"
    key = next((k for k in (*_RESULT_KEYS, *_ATTACHMENT_KEYS) if k in part), None)
    if key is not None:
        return key
    if not any(key in part for key in _NESTED_KEYS):
        return None
    kind = _details(part).get("mime_type", "").partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "file"


def _placeholder(attachment: Mapping[str, str]) -> str:
    name = attachment.get("name")
    return f"[{attachment['type']}: {name}]" if name else f"[{attachment['type']}]"
