"""The story of `make demo`, played with a scripted model over the real embedder and store."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage

from agentmem import AgentMemError
from agentmem.testing import ScriptedChatModel
from demos.story import __main__ as story
from demos.story.acts import ACTS, play


def reply(messages: list[BaseMessage]) -> str:
    """What is asked for, as far as it is in the prompt."""
    prompt = str(messages[-1].text)
    words = [word for word in ("Biscuit", "Lisbon", "Porto") if word in prompt]
    return f"I know: {' and '.join(words) or 'nothing'}."


def test_the_story_recalls_explains_updates_and_sweeps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []
    for act in ACTS:
        play(act, tmp_path, ScriptedChatModel([reply], repeat=True))
        lines.append(capsys.readouterr().out)
    first, second, third = lines
    assert "5 January 2026" in first
    assert "you> My beagle is called Biscuit." in first
    assert second.count("you> What is my dog called?\nagentmem> I know: Biscuit") == 1
    assert "in the prompt: " in second
    assert "version 1, since 2026-01-05: I live in Lisbon." in second
    assert "version 2, since 2026-01-12: I live in Porto." in second
    assert "Porto" in second.partition("Where do I live now?")[2].partition("\n\n")[0]
    assert "The parking ticket is valid until noon." in third.partition("still active")[0]
    assert "you> What is my dog called?\nagentmem> I know: Biscuit" in third
    assert " 1 It rained when I went for lunch today." in third
    for picture in ("graph.png", "forgetting-curve.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_a_failing_act_ends_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise AgentMemError("no model here")

    monkeypatch.setattr(story, "play", fail)
    assert story.main(["--act", "1", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "no model here\n"
