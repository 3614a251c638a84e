"""Learning weights, and measuring reflection and abstention with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agentmem.cli.app import app
from agentmem.evaluation.abstention import reliability
from agentmem.evaluation.cross_validation import fit_above

SAMPLE = Path(__file__).parents[2] / "data" / "small_locomo.json"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three conversations of two sessions and six questions each."""
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return str(SAMPLE)


def test_measures_reflection_and_abstention(file: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["eval", "reflection", file, "--no-drills", "--json", "learned.json"]
    )
    assert done.exit_code == 0, done.output
    assert "at random" in done.stdout
    learned = json.loads((tmp_path / "learned.json").read_text())
    assert [row["dialogue"] for row in learned["conversations"]] == ["conv-1", "conv-2", "conv-3"]
    for row in learned["conversations"]:
        assert row["gain"] == pytest.approx(row["after"] - row["before"], abs=0.02)
        assert 0 <= row["trust"] <= 1

    options = ["--no-drills", "--json", "sure.json", "--plot", "sure.png"]
    done = CliRunner().invoke(app, ["eval", "abstention", file, *options])
    assert done.exit_code == 0, done.output
    sure = json.loads((tmp_path / "sure.json").read_text())
    assert (sure["own"], sure["strange"]) == (18, 12)
    assert sure["auroc"] > 0.8
    assert f"AUROC {sure['auroc']:.3f}, ECE {sure['ece']:.3f}" in done.stdout
    assert (tmp_path / "sure.png").read_bytes().startswith(b"\x89PNG")


def test_reliability_compares_confidence_and_accuracy() -> None:
    confidence = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    bins = reliability(confidence, np.array([False, True, True, True, False]))
    assert [(b.questions, round(b.answered, 2)) for b in bins] == [(2, 0.5), (3, 0.67)]
    assert bins[0].confidence == pytest.approx(0.05)


def test_fit_above_raises_relevant_candidates() -> None:
    scores = np.array([1.0, 0.0])
    columns = np.array([[0.0, 1.0], [1.0, 0.0]])
    relevant = np.array([False, True])
    weight, opposite = fit_above([(scores, columns, relevant)] * 9, l2=0.1)
    assert weight > 0.5
    assert opposite == pytest.approx(-weight, abs=1e-3)
    assert fit_above([(scores, columns, relevant)] * 9, l2=1e6) == pytest.approx([0, 0], abs=1e-3)
