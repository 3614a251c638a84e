"""Exports of other assistants and transcripts of coding agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import DataFormatError, InMemoryStore, MemoryController, Scope
from agentmem.formats.dialogue import DialogueTurn
from agentmem.formats.read import detect, read
from agentmem.formats.secrets import REDACTED, redact_secrets
from agentmem.ingest import ingest


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def turns(path: Path) -> list[DialogueTurn]:
    return [t for dialogue in read(path) for session in dialogue.sessions for t in session.turns]


def statements(path: Path) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns(path)]


def node(name: str, parent: str | None, role: str, text: str, **message: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    body = {"id": name, "author": {"role": role}, "content": content, "create_time": 1.0e9}
    return {"id": name, "parent": parent, "children": [], "message": body | message}


CHATGPT = {
    "title": "Dogs",
    "conversation_id": "c1",
    "create_time": 1.0e9,
    "current_node": "d",
    "mapping": {
        "r": {"id": "r", "parent": None, "children": ["a"], "message": None},
        "a": node("a", "r", "system", "You are helpful."),
        "b": node("b", "a", "user", "I adopted a beagle."),
        "x": node("x", "b", "assistant", "An answer that was repeated."),
        "t": node("t", "b", "tool", "Search results."),
        "d": node("d", "t", "assistant", "Congratulations!"),
    },
}


def test_chatgpt_reads_the_branch_that_was_shown_last(tmp_path: Path) -> None:
    path = write(tmp_path / "conversations.json", [CHATGPT])
    assert detect(path) == "chatgpt"
    assert statements(path) == [("user", "I adopted a beagle."), ("assistant", "Congratulations!")]
    [first, _] = turns(path)
    assert first.said_at is not None
    assert first.said_at.year == 2001
    assert first.metadata["provenance"] == {"way": "import", "client": "chatgpt"}


def test_claude_reads_texts_and_parts(tmp_path: Path) -> None:
    messages = [
        {
            "uuid": "m1",
            "sender": "human",
            "text": "I live in Lisbon.",
            "created_at": "2026-03-01T10:00:00Z",
        },
        {
            "uuid": "m2",
            "sender": "assistant",
            "text": "",
            "content": [{"type": "text", "text": "Nice."}],
        },
        {"uuid": "m3", "sender": "human", "text": " "},
    ]
    path = write(tmp_path / "c.json", [{"uuid": "u", "name": "Home", "chat_messages": messages}])
    assert detect(path) == "claude"
    assert statements(path) == [("user", "I live in Lisbon."), ("assistant", "Nice.")]


def test_openai_reads_an_array_and_lines_of_arrays(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "I like tea."}]},
        {"role": "assistant", "content": "Noted."},
        {"role": "tool", "content": "output"},
    ]
    expected = [("user", "I like tea."), ("assistant", "Noted.")]
    assert statements(write(tmp_path / "a.json", messages)) == expected
    rows = lines(tmp_path / "b.jsonl", [{"messages": messages}, {"messages": messages}])
    assert detect(rows) == "openai"
    assert statements(rows) == expected * 2
    assert len({turn.id for turn in turns(rows)}) == 4


INJECTED = "I prefer tabs. <system-reminder>Be brief.</system-reminder>"
THOUGHT = {"type": "thinking", "thinking": "Hm."}
GUIDE = {"type": "input_text", "text": "# AGENTS.md"}
REPLY = {"type": "text", "text": "Noted."}
CALL = {"type": "tool_use", "name": "Bash", "input": {}}
CLAUDE_CODE: list[dict[str, Any]] = [
    {"type": "summary", "summary": "Tabs", "leafUuid": "u2", "sessionId": "s"},
    {"type": "user", "uuid": "u1", "sessionId": "s", "timestamp": "2026-03-01T10:00:00Z",
     "message": {"role": "user", "content": INJECTED}},
    {"type": "assistant", "uuid": "u2", "sessionId": "s", "timestamp": "2026-03-01T10:00:05Z",
     "message": {"role": "assistant", "content": [THOUGHT, REPLY, CALL]}},
    {"type": "user", "uuid": "u3", "sessionId": "s",
     "message": {"role": "user", "content": [{"type": "tool_result", "content": "SECRET=1"}]}},
    {"type": "user", "uuid": "u4", "sessionId": "s", "isMeta": True,
     "message": {"role": "user", "content": "Injected."}},
    {"type": "assistant", "uuid": "u5", "sessionId": "s", "isSidechain": True,
     "message": {"role": "assistant", "content": [{"type": "text", "text": "A sub-agent."}]}},
]  # fmt: skip


def test_claude_code_reads_what_people_said(tmp_path: Path) -> None:
    path = lines(tmp_path / "project" / "s.jsonl", CLAUDE_CODE)
    expected = [("user", "I prefer tabs."), ("assistant", "Noted.")]
    assert detect(path) == "claude-code"
    assert detect(tmp_path) == "claude-code"
    assert statements(path) == statements(tmp_path) == expected


def test_codex_reads_what_people_said(tmp_path: Path) -> None:
    rows = [
        {"timestamp": "2026-03-01T10:00:00Z", "type": "session_meta", "payload": {"id": "x"}},
        {"timestamp": "2026-03-01T10:00:01Z", "type": "response_item",
         "payload": {"type": "message", "role": "user", "content": [GUIDE]}},
        {"timestamp": "2026-03-01T10:00:01Z", "type": "event_msg",
         "payload": {"type": "user_message", "message": "I prefer tabs."}},
        {"timestamp": "2026-03-01T10:00:02Z", "type": "event_msg",
         "payload": {"type": "agent_message", "message": "Noted."}},
        {"timestamp": "2026-03-01T10:00:03Z", "type": "event_msg",
         "payload": {"type": "token_count"}},
    ]  # fmt: skip
    path = lines(tmp_path / "2026" / "03" / "01" / "rollout-x.jsonl", rows)
    assert detect(tmp_path) == "codex"
    assert statements(path) == [("user", "I prefer tabs."), ("assistant", "Noted.")]


def test_a_transcript_is_continued_where_it_ended(tmp_path: Path, embeddings: Embeddings) -> None:
    path = tmp_path / "s.jsonl"
    with MemoryController(InMemoryStore(), scope=Scope("ada"), embeddings=embeddings) as memory:
        counts = []
        for rows in (CLAUDE_CODE[:2], CLAUDE_CODE, CLAUDE_CODE):
            lines(path, rows)
            # A line that is being written.
            path.write_text(path.read_text() + '{"type": "user", "mess')
            [dialogue] = read(path)
            report = ingest(memory, dialogue, scope=Scope("ada"))
            counts.append((report.written, report.present))
        assert counts == [(1, 0), (1, 1), (0, 2)]
        assert len(memory.get_all(session_id="claude-code-s")) > 2


def test_a_wrong_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="mapping"):
        list(read(write(tmp_path / "a.json", [{"mapping": 1}])))
    with pytest.raises(DataFormatError, match="no transcripts"):
        detect(tmp_path)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcdefghijklmnopqrst",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_are_redacted(secret: str) -> None:
    assert redact_secrets(f"Use {secret} for it.") == f"Use {REDACTED} for it."


@pytest.mark.parametrize(
    "text",
    [
        "My password is hard to remember.",
        "The token: a unit of text.",
        "Call sk-learn from the notebook.",
        "commit 3f2a9c1b7e04d5a6",
        "https://example.org/path:80",
    ],
)
def test_text_without_a_key_is_unchanged(text: str) -> None:
    assert redact_secrets(text) == text


def test_assigned_secrets_keep_their_names() -> None:
    assert redact_secrets('"password": "hunter2hunter2"') == f'"password": "{REDACTED}"'
    assert (
        redact_secrets("Authorization: Bearer abc123def456") == f"Authorization: Bearer {REDACTED}"
    )
