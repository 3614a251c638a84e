"""`python -m benchmarks fit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentmem_retrievers import Weights
from agentmem_retrievers.ranking.scoring import shipped_content
from benchmarks.__main__ import app

SAMPLE = Path(__file__).parents[1] / "data" / "small_locomo.json"


def test_learns_judges_and_writes_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With late interaction, and for embedders without word embeddings."""
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "weights.json"
    done = CliRunner().invoke(app, ["fit", str(SAMPLE), "--no-drills", "--out", str(out)])
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "│ all" in line)
    assert "100.0" in row
    written = json.loads(out.read_text())
    assert written["provenance"]["questions"] == 18
    plain = written["without_words"]
    assert plain.keys() == {"first", "second", "session", "confidence"}
    late = {name for name in written["first"] if name.startswith("late.")}
    assert {"late.turn", "late.near", "late.session", "late.precision"} <= late
    assert {*written["first"]} - {*plain["first"]} == late
    # All features of the second stage are fitted, though the weights that it starts from use none.
    assert written["second"].keys() == shipped_content()["second"].keys()
    shipped = Weights.shipped()
    assert shipped.without_words is not None
    assert shipped.first.keys() == written["first"].keys()
    assert late.isdisjoint(shipped.without_words.first)


def assistant_set(path: Path, *facts: tuple[str, str, str]) -> Path:
    """Write a conversation in the common format: facts, each with a reply and a question."""
    turns = [
        {"turn_id": f"t{2 * n + k}", "role": role, "content": text}
        for n, (fact, reply, _) in enumerate(facts)
        for k, (role, text) in enumerate((("user", fact), ("assistant", reply)))
    ]
    questions = [
        {
            "question_id": f"q{n}",
            "question": question,
            "answer": "",
            "category": "facts",
            "evidence_turn_ids": [f"t{2 * n}"],
            "evidence_session_ids": ["s1"],
        }
        for n, (_, _, question) in enumerate(facts)
    ]
    sessions = [{"session_id": "s1", "date": "2026-01-05T18:00:00+00:00", "turns": turns}]
    user = {
        "id": path.stem,
        "sessions": sessions,
        "questions": questions,
        "unanswerable": [{"question": "What is my blood type?"}],
    }
    path.write_text(json.dumps([user]))
    return path


@pytest.fixture
def assistant_sets(tmp_path: Path) -> list[str]:
    first = assistant_set(
        tmp_path / "first.json",
        ("I adopted a beagle called Biscuit.", "What a lovely name!", "What is my dog called?"),
        ("I work as a nurse in Porto.", "A demanding job.", "Where do I work?"),
        ("My sister Ania plays chess.", "Nice.", "What does my sister play?"),
    )
    second = assistant_set(
        tmp_path / "second.json",
        ("My flight leaves at 12:05 on Friday.", "Noted.", "When does my flight leave?"),
        ("The alarm code is 7729.", "I will remember it.", "What is the alarm code?"),
        ("I am allergic to peanuts.", "No peanuts then.", "What am I allergic to?"),
    )
    return [str(first), str(second)]


def test_learns_to_rank_for_assistants(tmp_path: Path, assistant_sets: list[str]) -> None:
    out, cache = tmp_path / "weights.json", tmp_path / "cache"
    command = ["fit-assistant", *assistant_sets, "--cache", str(cache), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "second.json: recall_all@10 100.0" in done.output
    weights = Weights.from_json(json.loads(out.read_text())).assistant
    assert weights is not None
    assert weights.first["turn.dense"] >= 0.2
    assert weights.first["lexical.bm25"] >= 0.2
    assert 0 <= weights.first.get("role.user", 0) <= 2
    assert weights.first.get("role.asks_back", 0) <= 0


def test_learns_confidence_from_questions_without_their_evidence(
    tmp_path: Path, assistant_sets: list[str]
) -> None:
    out, cache = tmp_path / "weights.json", tmp_path / "cache"
    command = ["fit-confidence", *assistant_sets, "--cache", str(cache), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "first.json, unanswerable: 1.000" in done.output
    fitted = json.loads(out.read_text())["assistant"]["confidence"]
    assert fitted.pop("bias") < 0
    # More evidence never makes a search less sure.
    assert min(fitted.values()) >= 0
    assert max(fitted.values()) > 0


def test_turns_are_found_word_for_word(tmp_path: Path, assistant_sets: list[str]) -> None:
    command = ["verbatim", *assistant_sets, "--cache", str(tmp_path), "--turns", "10"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "10 of 10 first" in done.output


def test_fits_what_questions_need(tmp_path: Path, assistant_sets: list[str]) -> None:
    both = tmp_path / "both.json"
    both.write_text(json.dumps([json.loads(Path(one).read_text())[0] for one in assistant_sets]))
    command = ["fit-need", str(both), "--judge", assistant_sets[0]]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "log information: " in done.output
    # The user's statements are needed, the assistant's replies are not.
    for name in ("both.json, left out", "first.json"):
        assert f"{name}: AUROC 100.0 %, evidence archived 0.0 %" in done.output
