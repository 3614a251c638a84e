"""`python -m benchmarks fit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentmem_retrievers import Weights
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
    shipped = Weights.shipped()
    assert shipped.without_words is not None
    assert shipped.first.keys() == written["first"].keys()
    assert late.isdisjoint(shipped.without_words.first)
