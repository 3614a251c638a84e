"""`agentmem eval` of abilities beside search, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import Result


def results(result: Result) -> Any:
    """What a command wrote on stdout; its tables are on stderr."""
    assert result.exit_code == 0, result.output
    assert result.stderr
    return json.loads(result.stdout)


def locomo(tmp_path: Path) -> str:
    """Two dated events of one conversation, the later one told first."""
    sample = {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ines",
            "speaker_b": "Olaf",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ines", "dia_id": "D1:1", "text": "I will open a bakery on 3 June."},
                {"speaker": "Olaf", "dia_id": "D1:2", "text": "How wonderful! I wish you luck."},
                {"speaker": "Ines", "dia_id": "D1:3", "text": "The oven arrives next week."},
            ],
            "session_2_date_time": "4:02 pm on 21 June, 2023",
            "session_2": [
                {
                    "speaker": "Olaf",
                    "dia_id": "D2:1",
                    "text": "I adopted a beagle called Biscuit on 12 April 2023.",
                },
                {"speaker": "Ines", "dia_id": "D2:2", "text": "Does he bark at the postman?"},
                {
                    "speaker": "Olaf",
                    "dia_id": "D2:3",
                    "text": "Only when it rains a lot outside.",
                },
            ],
        },
        "qa": [
            {
                "question": "When did Ines open a bakery?",
                "answer": "3 June 2023",
                "evidence": ["D1:1"],
                "category": 2,
            },
            {
                "question": "When did Olaf adopt a beagle?",
                "answer": "12 April 2023",
                "evidence": ["D2:1"],
                "category": 2,
            },
            {
                "question": "When did Olaf sing?",
                "answer": "the week before 3 June 2023",
                "evidence": ["D2:1"],
                "category": 2,
            },
        ],
    }
    (tmp_path / "locomo.json").write_text(json.dumps([sample]))
    return "locomo.json"


def test_learning(call: Any) -> None:
    scores = results(call("learning", "--users", "1", "--shots", "2", "--limit", "30", "--json"))
    assert scores["n_questions"] == 30
    turn = scores["turn"]
    # Of 22 labels, chance is right once in 22.
    assert turn["recalled"] > 80
    assert turn["accuracy"] > 40
    assert set(turn) == {"accuracy", "recalled", "knn@1", "knn@3", "knn@5", "knn@10"}
    assert call("learning", "--shots", "10").exit_code == 2


def test_order_of_generated_stories(call: Any) -> None:
    scores = results(call("order", "--stories", "1", "--json"))
    assert scores["n_questions"] == 24
    assert scores["turn"]["first_right"] >= 90
    assert set(scores["by_category"]) == {"within a session", "across sessions"}


def test_order_of_a_data_set(call: Any, tmp_path: Path) -> None:
    scores = results(call("order", locomo(tmp_path), "--json"))
    # The answer that is no date makes no question.
    assert scores["n_questions"] == 1
    assert scores["turn"]["first_right"] == 100
    assert set(scores["by_category"]) == {"dated events"}


def test_personal(call: Any) -> None:
    scores = results(call("personal", "--users", "1", "--json"))
    assert scores["turn"]["all_needed@10"] >= 90
    assert set(scores["by_category"]) == {"object", "routine", "joint"}


def test_recognition(call: Any, tmp_path: Path) -> None:
    path = tmp_path / locomo(tmp_path)
    [sample] = json.loads(path.read_text())
    things = ("apple", "bridge", "candle", "donkey", "engine", "forest", "guitar", "harbor")
    sample["conversation"]["session_1"] += [
        {"speaker": "Ines", "dia_id": f"D1:{n}", "text": f"My {thing} stands near the {other}."}
        for n, (thing, other) in enumerate(zip(things, reversed(things), strict=True), start=4)
    ]
    path.write_text(json.dumps([sample]))
    scores = results(call("recognition", "locomo.json", "--json"))
    assert set(scores) == {"0", "90", "365"}
    assert scores["0"]["auroc_by_hand"] > 0.8
    assert set(scores["0"]) >= {"auroc_seen", "auroc_paraphrase", "calibration_error", "recalled"}


def test_documents(call: Any, tmp_path: Path) -> None:
    scores = results(call("documents", "--words", "1500", "--budget", "300", "--json"))
    assert set(scores) == {"agentmem", "dense", "bm25", "hybrid"}
    assert all(0 <= share <= 1 for share in scores.values())
    meeting = {
        "id": "m1",
        "sessions": [
            {
                "turns": [
                    {"turn_id": f"t{n}", "speaker": "Ann", "content": text}
                    for n, text in enumerate(
                        ["Let us begin.", "The remote control gets a rubber case.", "Fine."]
                    )
                ]
            }
        ],
        "questions": [{"question": "What is the case made of?", "spans": [["t1", "t1"]]}],
    }
    (tmp_path / "qmsum.json").write_text(json.dumps([meeting]))
    assert results(call("documents", "qmsum.json", "--json"))["agentmem"] == 1
    (tmp_path / "broken.json").write_text(json.dumps([{"id": "m1"}]))
    refused = call("documents", "broken.json")
    assert refused.exit_code == 1
    assert "QMSum" in refused.stderr


def test_a_text_is_embedded_once(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "embeddings.sqlite"
    first = results(call("documents", "--words", "1000", "--json"))
    size = path.stat().st_size
    assert results(call("documents", "--words", "1000", "--json")) == first
    assert path.stat().st_size == size


def test_proactive(call: Any, tmp_path: Path) -> None:
    said = {
        "1": "Bart won the sack race at the school festival.",
        "2": "Lisa is afraid of spiders.",
        "3": "Bart broke his arm while skating.",
    }
    data = {
        "id": "madial",
        "sessions": [
            {
                "session_id": name,
                "date": "2023-05-15",
                "turns": [{"turn_id": name, "role": "user", "content": text}],
            }
            for name, text in said.items()
        ],
        "questions": [
            {
                "question_id": "q0",
                "question": "I am a little nervous.",
                "context": [
                    "Bart: Tomorrow is sports day, and I run the relay race!",
                    "Assistant: That sounds exciting.",
                    "Bart: I am a little nervous.",
                ],
                "evidence_turn_ids": ["1"],
            }
        ],
    }
    (tmp_path / "madial.json").write_text(json.dumps([data]))
    scores = results(call("proactive", "madial.json", "--json"))
    assert scores["recall"] == {"1": 1.0, "3": 1.0, "10": 1.0}
    assert {"last_turn", "dense_turns", "bm25_turns", "hybrid_last_turn"} < set(scores)
    (tmp_path / "broken.json").write_text("[]")
    assert "MADial" in call("proactive", "broken.json").stderr
