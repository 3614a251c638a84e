"""Measuring what citations teach and what the confidence is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from agentmem.cli.app import app
from agentmem.evaluation.abstention import reliability
from agentmem_retrievers import Weights
from benchmarks.fitting.listwise import fit_above

SAID = {
    "conv-1": [
        ("Ines", "I adopted a beagle called Biscuit.", "Which dog did Ines adopt?"),
        ("Olaf", "My boat is moored in Bergen.", "Where is the boat of Olaf?"),
        ("Ines", "The dentist found two cavities.", "What did the dentist find at Ines?"),
        ("Olaf", "I baked a rye bread for the fair.", "What did Olaf bake?"),
        ("Ines", "My cousin plays chess in a club.", "Who of Ines's family plays chess?"),
        ("Olaf", "The roof leaks above the kitchen.", "Where does the roof of Olaf leak?"),
    ],
    "conv-2": [
        ("Mira", "I teach physics at a school in Graz.", "What does Mira teach?"),
        ("Theo", "The tram to the museum was late.", "Which tram was late for Theo?"),
        ("Mira", "I collect stamps with lighthouses.", "What does Mira collect?"),
        ("Theo", "My garden is full of snails.", "What is Theo's garden full of?"),
        ("Mira", "We booked a cabin near the glacier.", "Where did Mira book a cabin?"),
        ("Theo", "I sold my drum kit last spring.", "What did Theo sell?"),
    ],
    "conv-3": [
        ("Nora", "I paint harbours in oil.", "What does Nora paint?"),
        ("Juri", "The bakery on our corner has closed.", "What has closed near Juri?"),
        ("Nora", "My twins were born in winter.", "When were the twins of Nora born?"),
        ("Juri", "I run a marathon every autumn.", "What does Juri run?"),
        ("Nora", "The landlord raised my rent again.", "Who raised the rent of Nora?"),
        ("Juri", "We keep bees behind the barn.", "What does Juri keep?"),
    ],
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    # What real weights are learned from besides takes minutes to ingest.
    monkeypatch.setattr("benchmarks.fitting.fit.drills", lambda: iter(()))
    sample = [_conversation(name, said) for name, said in SAID.items()]
    (tmp_path / "locomo.json").write_text(json.dumps(sample))
    return "locomo.json"


def _conversation(name: str, said: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Two sessions, and a question for each turn."""
    ids = [f"D{1 + n // 3}:{1 + n % 3}" for n in range(len(said))]
    turns = [
        {"speaker": who, "dia_id": i, "text": text}
        for i, (who, text, _) in zip(ids, said, strict=True)
    ]
    return {
        "sample_id": name,
        "conversation": {
            "speaker_a": said[0][0],
            "speaker_b": said[1][0],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": turns[:3],
            "session_2_date_time": "4:02 pm on 21 June, 2023",
            "session_2": turns[3:],
        },
        "qa": [
            {"question": asked, "answer": "x", "evidence": [i], "category": 4}
            for i, (_, _, asked) in zip(ids, said, strict=True)
        ],
    }


def test_reflection_and_abstention_are_measured(file: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["eval", "reflection", file, "--json", "learned.json"])
    assert done.exit_code == 0, done.output
    assert "at random" in done.stdout
    learned = json.loads((tmp_path / "learned.json").read_text())
    assert [row["dialogue"] for row in learned["conversations"]] == list(SAID)
    for row in learned["conversations"]:
        assert row["gain"] == pytest.approx(row["after"] - row["before"], abs=0.02)
        assert 0 <= row["trust"] <= 1

    options = ["--json", "sure.json", "--plot", "sure.png"]
    done = CliRunner().invoke(app, ["eval", "abstention", file, *options])
    assert done.exit_code == 0, done.output
    sure = json.loads((tmp_path / "sure.json").read_text())
    assert (sure["own"], sure["strange"]) == (18, 12)
    assert sure["auroc"] > 0.8
    assert f"AUROC {sure['auroc']:.3f}, ECE {sure['ece']:.3f}" in done.stdout
    assert (tmp_path / "sure.png").read_bytes().startswith(b"\x89PNG")


def test_reliability_compares_what_is_said_with_what_is_so() -> None:
    sure = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    bins = reliability(sure, np.array([False, True, True, True, False]))
    assert [(b.questions, round(b.answered, 2)) for b in bins] == [(2, 0.5), (3, 0.67)]
    assert bins[0].confidence == pytest.approx(0.05)


def test_what_is_fitted_lifts_the_right_above_given_scores() -> None:
    scores = np.array([1.0, 0.0])
    columns = np.array([[0.0, 1.0], [1.0, 0.0]])
    right = np.array([False, True])
    told, contrary = fit_above([(scores, columns, right)] * 9, l2=0.1)
    assert told > 0.5
    assert contrary == pytest.approx(-told, abs=1e-3)
    assert fit_above([(scores, columns, right)] * 9, l2=1e6) == pytest.approx([0, 0], abs=1e-3)


def test_weights_are_learned_judged_and_written(file: str, tmp_path: Path) -> None:
    """Both kinds: with late interaction, and for embedders that tell no words."""
    done = CliRunner().invoke(app, ["eval", "fit", file, "--out", "weights.json"])
    assert done.exit_code == 0, done.output
    judged = next(line for line in done.stdout.splitlines() if "│ all" in line)
    assert "100.0" in judged
    written = json.loads((tmp_path / "weights.json").read_text())
    assert written["provenance"]["questions"] == 18
    plain = written["without_words"]
    assert plain.keys() == {"first", "second", "session", "confidence"}
    late = {name for name in written["first"] if name.startswith("late.")}
    assert {"late.turn", "late.near", "late.session", "late.precision"} <= late
    assert {*written["first"]} - {*plain["first"]} == late
    shipped = Weights.shipped()
    assert shipped.without_words is not None
    assert shipped.first.keys() == written["first"].keys()
    assert late.isdisjoint(shipped.without_words.first)
