"""Every example of docs/langchain.md runs and prints what its comments say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from agentmem.testing import ScriptedChatModel

DOCUMENT = Path(__file__).parents[3] / "docs" / "langchain.md"


def test_examples_print_what_their_comments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert len(examples) == text.count("```python") > 10
    note = {"content": "Biscuit hates rain"}
    model = ScriptedChatModel(
        [
            "What a lovely name!",
            lambda messages: _dog(str(messages[-1].text)),
            AIMessage("", tool_calls=[{"name": "manage_memory", "args": note, "id": "1"}]),
            "Noted.",
            "Biscuit.",
        ]
    )
    names: dict[str, object] = {"chat_model": model}
    for example in examples:
        exec(compile(example, DOCUMENT.name, "exec"), names)
    expected = re.findall(r"^print\(.*\)  # (.*)$", "\n".join(examples), flags=re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert printed == expected
    assert len(expected) == "\n".join(examples).count("print(")


def _dog(prompt: str) -> str:
    return (
        "Your dog is called Biscuit." if '"I adopted a beagle called Biscuit."' in prompt else "?"
    )
