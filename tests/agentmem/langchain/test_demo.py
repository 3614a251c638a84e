"""The LangChain demo runs offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from demos.langchain_agent import main


def test_each_user_sees_only_their_own_memories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--store", str(tmp_path / "store")]) == 0
    answers = [
        line.removeprefix("  agent: ")
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  agent: ")
    ]
    assert answers == [
        "What a lovely name!",
        "I remember: Biscuit.",
        "You have not told me.",
        "I will remember that.",
        "I remember: rain.",
    ]


def test_unknown_model_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "nobody:nothing"]) == 1
    assert "nobody" in capsys.readouterr().err
