"""`python -m benchmarks facts`: facts are drawn for labeling, and compared with labels."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from benchmarks.__main__ import app


def conversation(folder: Path) -> Path:
    file = folder / "chat.jsonl"
    texts = ["I live in Lisbon.", "I work as a nurse.", "What a day!"]
    lines = [{"session_id": "s1", "role": "user", "content": text} for text in texts]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def run(*arguments: object) -> list[str]:
    result = CliRunner().invoke(app, ["facts", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_facts_are_drawn_with_the_ids_of_their_turns(tmp_path: Path) -> None:
    lines = run(conversation(tmp_path), "--draw", 10)

    assert {tuple(line.split("\t")[:4]) for line in lines} == {
        ("chat::s1:0", "", "home", "Lisbon"),
        ("chat::s1:1", "", "job", "nurse"),
    }


def test_facts_are_compared_with_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    content = {
        "seed": 0,
        "false": [["chat::s1:1", "job", "nurse"]],
        "facts": {"chat::s1:0": [[10, 16]], "chat::s1:2": [[7, 10]]},
    }
    labels.write_text(json.dumps(content))

    assert run(conversation(tmp_path), "--draw", 10, "--labels", labels) == [
        "true: 1 of 2",
        "found: 1 of 2 in 2 turns",
    ]
