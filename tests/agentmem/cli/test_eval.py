"""`agentmem eval`."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

SAMPLE: list[dict[str, Any]] = [
    {
        "sample_id": f"conv-{n}",
        "conversation": {
            "speaker_a": "Ines",
            "speaker_b": "Olaf",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ines", "dia_id": "D1:1", "text": first},
                {"speaker": "Olaf", "dia_id": "D1:2", "text": "How nice, tell me more!"},
            ],
            "session_2_date_time": "4:02 pm on 21 June, 2023",
            "session_2": [{"speaker": "Olaf", "dia_id": "D2:1", "text": second}],
        },
        "qa": [
            {"question": question, "answer": "x", "evidence": ["D1:1"], "category": 4},
            {"question": "What did Olaf say?", "answer": "x", "evidence": [], "category": 1},
        ],
    }
    for n, first, second, question in [
        (1, "I adopted a beagle called Biscuit.", "The bus was late.", "What dog has Ines?"),
        (2, "My violin teacher is very strict.", "We had soup.", "Who teaches Ines the violin?"),
    ]
]


def error(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("agentmem: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_locomo_prints_tables_and_writes_files(call: Any, tmp_path: Path) -> None:
    (tmp_path / "locomo.json").write_text(json.dumps(SAMPLE))
    done = call("locomo", "locomo.json", "--json", "out.json", "--plot", "out.png", "--ablate")
    assert done.exit_code == 0, done.output
    assert "2 questions, in percent" in done.stdout
    assert "By category" in done.stdout
    assert "lexical" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["dataset"] == "locomo"
    assert written["n_questions"] == written["left_out"] == 2
    assert written["turn"]["recall_all@10"] == 100.0
    assert written["confidence_auroc"] > 0.5
    assert written["ablation"]["lexical"]["difference"]["turn ndcg@10"] <= 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [["--json"], ["--json", "-"], ["--json", "--seed", "0"]])
def test_json_without_a_file_goes_to_stdout(call: Any, options: list[str]) -> None:
    done = call("order", "--stories", "1", *options)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["dataset"] == "order"
    assert "in percent" in done.stderr


def test_an_invalid_entry_is_an_error_that_names_the_field(call: Any, tmp_path: Path) -> None:
    content = copy.deepcopy(SAMPLE)
    del content[0]["conversation"]["session_1"][1]["text"]
    (tmp_path / "broken.json").write_text(json.dumps(content))
    assert "text" in error(call("locomo", "broken.json"))
    assert not list((tmp_path / "cache").glob("*/memories"))


def test_a_truncated_file_is_an_error(call: Any, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text(json.dumps(SAMPLE)[:-40])
    error(call("longmemeval", "cut.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["updates", "--plot", "picture.txt"], "must end in"),
        (["updates", "--json", "nowhere/out.json"], "no such folder"),
        (["needle", "--turns", "10"], "use at least"),
        (["locomo", "x.json", "--model", "nonsense:nothing"], "nonsense:nothing"),
    ],
)
def test_wrong_options_fail_at_once(call: Any, arguments: list[str], message: str) -> None:
    assert message in error(call(*arguments))


def test_a_judge_needs_a_model(call: Any) -> None:
    refused = call("locomo", "x.json", "--judge", "openai:gpt-5-mini")
    assert refused.exit_code == 2
    assert "--model" in refused.stderr


def test_fit_says_where_it_moved(call: Any) -> None:
    refused = call("fit", "locomo.json", "--out", "weights.json")
    assert refused.exit_code == 2
    assert "python -m benchmarks fit" in refused.stderr


def test_retrieval_compares_rankings_by_category(call: Any, tmp_path: Path) -> None:
    (tmp_path / "locomo.json").write_text(json.dumps(SAMPLE))
    done = call("retrieval", "locomo.json", "--ablate", "--json", "out.json")
    assert done.exit_code == 0, done.output
    assert "without late" in done.stdout
    scores = json.loads((tmp_path / "out.json").read_text())["locomo.json"]
    assert set(scores) == {"all", "4"}
    assert scores["all"]["n_questions"] == 2
    assert {"agentmem", "dense", "bm25", "hybrid", "without late"} <= set(scores["4"]["means"])
