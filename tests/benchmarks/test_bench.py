"""`python -m benchmarks`: small runs with real stores and the real embedder."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agentmem import InvalidInputError
from agentmem.embedding.sentence_embeddings import default_embeddings
from benchmarks.__main__ import app
from benchmarks.bench import SEARCH_STAGES, WRITE_STAGES, time_by_stage
from benchmarks.corpus import generated
from benchmarks.measure import BenchSettings, Ratio, alternate
from benchmarks.partitions import simulate_partitions
from benchmarks.throughput import measure_throughput, run_callers


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["bench", *arguments])

    return run


def test_both_sides_run_alternately() -> None:
    order: list[str] = []

    alternate(lambda i: order.append(f"ours {i}"), lambda i: order.append(f"floor {i}"), 2)

    assert order == ["ours 0", "floor 0", "ours 1", "floor 1", "ours 2", "floor 2"]


def test_a_ratio_checks_its_bound() -> None:
    assert Ratio("a", measured=3.0, floor=2.0, at_most=1.5).holds is True
    assert Ratio("a", measured=3.2, floor=2.0, at_most=1.5).holds is False
    assert Ratio("a", measured=3.2, floor=2.0).holds is None


@pytest.mark.parametrize("stages", [SEARCH_STAGES, WRITE_STAGES], ids=["search", "write"])
def test_the_functions_of_all_stages_exist(stages: Any) -> None:
    assert set(time_by_stage(lambda: None, stages)) == {*stages, "everything else"}


def test_compares_searches_with_bare_chroma(call: Any, tmp_path: Path) -> None:
    out, picture = tmp_path / "bench.json", tmp_path / "bench.png"

    result = call(
        "--sizes", "60,200", "--scopes", "3", "--rounds", "2", "--only", "search,filters,scopes",
        "--json", str(out), "--plot", str(picture),
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "cache").glob("bench-*"))) == 3, "cached for the next run"
    report = json.loads(out.read_text())
    names = [row["name"] for row in report["ratios"]]
    assert names[0] == "search at 200 / floor"
    assert "search without embedding, 200 / 60" in names
    assert "bare query, 200 / 60" in names
    assert any(name.startswith("search in one of 3 owners") for name in names)
    for kind in ("session", "speaker", "time"):
        assert f"search at 200 filtered by {kind} / unfiltered" in names
    assert all(row["ratio"] > 0 and row["measured"] > 0 for row in report["ratios"])
    assert "vectors drawn" in result.stdout
    assert picture.stat().st_size > 0


def test_compares_writes_with_embedding_and_times_stages(call: Any, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"

    result = call(
        "--sizes", "60", "--turns", "60", "--rounds", "1", "--only", "ingest,add", "--stage",
        "--json", str(out),
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    report = json.loads(out.read_text())
    assert [row["at_most"] for row in report["ratios"]] == [1.25, None, 2.5, None, 1.5]
    assert report["ratios"][0]["parts"]["embedding"] > 0
    # A stage whose function is not called would take no time.
    # Conversations without named speakers are ranked in one stage, without similar terms.
    unused = [s for s, ms in report["stages"]["search"].items() if not ms]
    assert unused == ["embedding words", "term expansion", "second stage"]
    # Everything is new, so there are no neighbors to query.
    assert [s for s, ms in report["stages"]["ingest"].items() if not ms] == ["nearest neighbors"]


def test_compares_opening_in_processes_of_their_own(call: Any, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"

    result = call("--sizes", "60", "--rounds", "1", "--only", "opening", "--json", str(out))

    assert result.exit_code == 0, result.output
    opening, after_search, loaded, anonymous = json.loads(out.read_text())["ratios"]
    assert opening["unit"] == "ms"
    assert 50 < after_search["floor"] == loaded["floor"]
    assert after_search["measured"] < loaded["measured"]
    assert 20 < anonymous["measured"] < loaded["measured"]
    assert 20 < anonymous["floor"] < loaded["floor"]


def test_an_unknown_benchmark_is_an_error(call: Any) -> None:
    result = call("--only", "speed")

    assert result.exit_code == 1
    assert "unknown benchmarks speed; choose from search" in result.stderr


def test_simulates_partitions() -> None:
    sizes = simulate_partitions(owners=10_000, memories=100, partitions=32)
    assert sizes.mean == pytest.approx(10_000 * 100 / 32, rel=0.1)
    assert sizes.mean < sizes.largest < 1.5 * sizes.mean
    assert sizes.foreign > 0.99
    with pytest.raises(InvalidInputError):
        simulate_partitions(owners=0, memories=100, partitions=32)

    result = CliRunner().invoke(app, ["partitions", "--owners", "1000", "--count", "4"])
    assert "100,000 memories" in result.stdout
    assert "largest partition" in result.stdout


def test_callers_ask_every_question_once_at_the_same_time() -> None:
    owners, barrier = set[int](), Barrier(4)

    def ask(number: int, question: str) -> None:
        barrier.wait(10)
        owners.add(number)

    load = run_callers(ask, ["Who?"] * 8, callers=4)
    assert owners == set(range(8))
    assert load.ms > 0
    assert load.p50 <= load.p95


def test_an_error_of_a_caller_is_raised() -> None:
    def ask(number: int, question: str) -> None:
        raise ValueError(question)

    with pytest.raises(ValueError, match="Who"):
        run_callers(ask, ["Who?"], callers=2)


def test_compares_the_throughput_of_callers(tmp_path: Path) -> None:
    settings = BenchSettings(generated(), default_embeddings(), tmp_path, rounds=2)
    rows = measure_throughput(settings, callers=(1, 2), owners=2, memories=40)
    ratios = {row.name: row for row in rows}
    assert list(ratios) == [
        name
        for owners in (1, 2)
        for name in (
            f"time per search, 1 callers of {owners} owners / floor",
            f"time per search, 1 callers of {owners} owners / floor that shares passes",
            f"time per search, 2 callers of {owners} owners / floor",
            f"time per search, 2 callers of {owners} owners / floor that shares passes",
            f"p95 / p50, 2 callers of {owners} owners",
        )
    ]
    bound = [name for name, row in ratios.items() if row.at_most is not None]
    assert bound == [list(ratios)[-3], list(ratios)[-1]]
    assert all(row.measured > 0 and row.floor > 0 for row in ratios.values())


def test_measures_a_store_of_any_scale(tmp_path: Path) -> None:
    out, cache = tmp_path / "scale.json", tmp_path / "cache"

    result = CliRunner().invoke(
        app,
        ["scale", "--owners", "3", "--memories", "90", "--beside", "60", "--rounds", "2",
         "--folder", str(cache), "--json", str(out)],
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    report = json.loads(out.read_text())
    figures = report["figures"]
    assert {"building, without embedding", "sweep", "compact"} <= set(figures)
    assert float(figures["size of the database"].split()[0]) > 0
    assert int(figures["sweep"].split()[0]) > 0, "some memories have faded"
    assert all(row["ratio"] > 0 for row in report["ratios"])
    assert len(list(cache.glob("bench-*"))) == 2, "cached for the next run"
    assert not list(cache.glob("scale-*")), "the copy is removed"
