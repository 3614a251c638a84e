"""`python -m benchmarks broad` and `topics`: generated questions, and topics beside clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentmem.formats.dialogue import Dialogue, DialogueQuestion, DialogueSession, DialogueTurn
from benchmarks.__main__ import app
from benchmarks.broad import broad_questions
from benchmarks.topics import purity, subjects

WEEKS = ("pottery class", "pottery fair", "new kiln for pottery", "pottery exam")


def conversation(sample: str) -> dict[str, Any]:
    """Ines talks about pottery in four sessions, in one of them also about her beagle."""
    spoken: dict[str, Any] = {"speaker_a": "Ines", "speaker_b": "Olaf"}
    noted: dict[str, Any] = {}
    for n, what in enumerate(WEEKS, start=1):
        texts = [f"I prepared for the {what} this week.", "How was it?", "My beagle slept."]
        spoken[f"session_{n}_date_time"] = f"1:56 pm on {n} May, 2023"
        spoken[f"session_{n}"] = [
            {"speaker": speaker, "dia_id": f"D{n}:{k}", "text": text}
            for k, (speaker, text) in enumerate(
                zip(("Ines", "Olaf", "Ines"), texts, strict=True), start=1
            )
        ]
        noted[f"session_{n}_observation"] = {"Ines": [[f"Ines prepares a {what}.", f"D{n}:1"]]}
    noted["session_1_observation"]["Ines"].append(["Ines has a beagle.", ["D1:3"]])
    return {"sample_id": sample, "conversation": spoken, "observation": noted, "qa": []}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "observed.json"
    path.write_text(json.dumps([conversation("conv-1")]))
    return path


def test_questions_come_from_observations(file: Path) -> None:
    [dialogue] = broad_questions(file)
    days = [q for q in dialogue.questions if q.category == "day"]
    assert days[0].text == "What did we talk about on 1 May 2023?"
    assert days[0].evidence_turns == ("D1:1", "D1:3")
    assert len(days) == len(WEEKS)
    themes = {q.text: q.evidence_turns for q in dialogue.questions if q.category == "theme"}
    # The beagle is in one session alone.
    assert themes["Summarize what Ines said about pottery."] == ("D1:1", "D2:1", "D3:1", "D4:1")
    assert not any("beagle" in text for text in themes)


def test_words_of_every_conversation_are_no_themes(tmp_path: Path) -> None:
    path = tmp_path / "observed.json"
    path.write_text(json.dumps([conversation(f"conv-{n}") for n in range(3)]))
    for dialogue in broad_questions(path):
        assert {question.category for question in dialogue.questions} == {"day"}


def test_recall_is_scored_by_kind_of_question(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "broad.json"
    command = ["broad", str(file), "--cache", str(tmp_path), "--budget", "60", "--json", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    scores = json.loads(out.read_text())
    assert scores.keys() == {"day", "theme"}
    methods = [row["method"] for row in scores["day"]["scores"]]
    assert methods[:2] == ["recall", "fixed mix"]
    assert "turns" in methods
    assert all(row["tokens"] <= 60 for row in scores["day"]["scores"])


def test_topics_are_compared_with_sessions(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "topics.json"
    done = CliRunner().invoke(
        app, ["topics", str(file), "--cache", str(tmp_path), "--json", str(out)]
    )
    assert done.exit_code == 0, done.output
    scores = json.loads(out.read_text())
    assert scores.keys() == {"communities", "k-means", "mixture"}
    assert len({row["clusters"] for row in scores.values()}) == 1
    assert all(0 < row["purity"] <= 1 for row in scores.values())


def test_the_subject_of_a_meetings_turn_is_its_longest_evidence() -> None:
    turns = tuple(DialogueTurn("user", None, f"Turn {n}.", None) for n in range(6))
    evidence = {"a": (0, 1, 2), "b": (1,), "all": (0, 1, 2, 3, 4), "c": (4,)}
    questions = tuple(
        DialogueQuestion(name, name, name, "", tuple(f"m:{n}" for n in places))
        for name, places in evidence.items()
    )
    found = subjects(Dialogue("", (DialogueSession("m", None, turns),), questions))
    # The evidence of more than half of the meeting says nothing; turns 3 and 5 have no other.
    assert {place for _, place in found} == {0, 1, 2, 4}
    assert found["m", 0] == found["m", 1] != found["m", 4]


def test_purity() -> None:
    assert purity([0, 0, 1, 1], ["a", "b", "b", "b"]) == 0.75
