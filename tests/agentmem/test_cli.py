"""The command line, over real stores and the real embedder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner, Result

from agentmem.cli.app import app
from agentmem.cli.render import line, plain

LOCOMO = Path(__file__).parents[3] / "shared" / "data" / "locomo" / "locomo6.json"
DOG = "I adopted a beagle called Biscuit."
PORTO = "I moved to Porto last spring."


class Run(Protocol):
    def __call__(self, *arguments: str, stdin: str | None = None) -> Result: ...


def call(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, arguments, input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, with a store and a user in the environment."""
    monkeypatch.setenv("AGENTMEM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("AGENTMEM_USER", "ada")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return call


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def data(result: Result) -> Any:
    return json.loads(ok(result))


def complaint(result: Result, code: int = 1) -> str:
    """What a failed command said: one line for errors of ours, nothing among the data."""
    assert result.exit_code == code
    assert result.stdout == ""
    if code == 1:
        assert result.stderr.startswith("agentmem: ")
        assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two conversations, a month apart."""
    path = tmp_path_factory.mktemp("cli") / "store"
    mine = ["--store", str(path), "--user", "ada"]
    dogs = ["--session", "dogs", "--time", "2026-01-05T09:30", DOG, "He is two years old."]
    ok(call("add", *mine, *dogs))
    ok(call("add", *mine, "--session", "moving", "--time", "2026-02-05", "--speaker", "Ada", PORTO))
    return path


@pytest.fixture
def told(run: Run, store: Path, tmp_path: Path) -> Run:
    """The command line, with a copy of the store of two conversations."""
    shutil.copytree(store, tmp_path / "store")
    return run


class TestAdd:
    def test_says_what_is_now_remembered(self, run: Run) -> None:
        shown = ok(run("add", DOG, PORTO))
        assert DOG in shown
        assert PORTO in shown

    def test_json_holds_the_whole_memory(self, run: Run) -> None:
        [memory] = data(
            run("add", "--json", "--time", "2026-01-05T10:30+01:00", "--role", "assistant",
                "--session", "s1", "--speaker", "Bo", DOG)
        )  # fmt: skip
        assert memory["text"] == DOG
        assert memory["said_at"] == "2026-01-05T09:30:00+00:00"
        assert (memory["role"], memory["speaker"], memory["session_id"]) == (
            "assistant",
            "Bo",
            "s1",
        )
        assert (memory["user_id"], memory["agent_id"]) == ("ada", None)

    def test_a_dash_reads_stdin(self, run: Run) -> None:
        [memory] = data(run("add", "--json", "-", stdin="Line one.\nZeile zwei: Grüße.\n"))
        assert memory["text"].strip() == "Line one.\nZeile zwei: Grüße."

    def test_importance_makes_it_last(self, run: Run) -> None:
        [much] = data(run("add", "--json", "--importance", "1", DOG))
        [little] = data(run("add", "--json", "--user", "ben", DOG))
        assert much["strength"] > 2 * little["strength"]

    def test_empty_text_is_refused(self, run: Run) -> None:
        assert "nothing to remember" in complaint(run("add", "  "))


class TestSearch:
    def test_shows_the_answer_with_its_facts(self, told: Run) -> None:
        shown = ok(told("search", "What is my dog called?", "--k", "1"))
        assert DOG in shown
        for fact in ("score ", "retention ", "2026-01-05 09:30", "dogs", "confidence "):
            assert fact in shown
        assert PORTO not in shown

    def test_json_holds_hits_routing_and_confidence(self, told: Run) -> None:
        found = data(told("search", "--json", "--explain", "What is my dog called?"))
        assert found["hits"][0]["memory"]["text"] == DOG
        assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
        assert found["hits"][0]["contributions"]
        assert sum(found["routing"]["weights"].values()) == pytest.approx(1)
        assert 0 <= found["confidence"] <= 1

    def test_explains(self, told: Run) -> None:
        shown = ok(told("search", "--explain", "What is my dog called?"))
        assert "trust" in shown
        assert "entropy" in shown

    def test_answers_as_the_memory_stood_then(self, told: Run) -> None:
        found = data(told("search", "--json", "--as-of", "2026-01-31", "Where do I live?"))
        assert PORTO not in [hit["memory"]["text"] for hit in found["hits"]]

    def test_finds_other_granularities(self, told: Run) -> None:
        found = data(told("search", "--json", "-g", "summary", "What is my dog called?"))
        assert {hit["memory"]["granularity"] for hit in found["hits"]} == {"summary"}

    def test_shows_the_id_that_a_data_set_gave_a_turn(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=1)
        ok(run("ingest", "talk.json"))
        shown = ok(run("search", "--user", "conv-1", "What did Bo research?"))
        assert "D1:2" in shown

    def test_keeps_users_and_agents_apart(self, told: Run) -> None:
        for other in (["--user", "ben"], ["--agent", "planner"]):
            result = told("search", "--json", "dog", *other)
            assert data(result)["hits"] == []

    def test_says_when_there_is_nothing(self, told: Run) -> None:
        result = told("search", "--user", "ben", "dog")
        assert ok(result) == ""
        assert "nothing is remembered for ben" in result.stderr

    def test_without_a_store_says_how_to_begin(self, run: Run, tmp_path: Path) -> None:
        assert "agentmem add" in complaint(run("search", "dog"))
        assert not (tmp_path / "store").exists()

    @pytest.mark.parametrize(
        "wrong", [["--as-of", "yesterday"], ["--granularity", "word"], ["--k", "0"], ["--no-such"]]
    )
    def test_what_cannot_be_understood_exits_with_2(self, run: Run, wrong: list[str]) -> None:
        complaint(run("search", "dog", *wrong), code=2)


class TestListAndShow:
    def test_lists_the_newest_in_the_order_in_which_they_were_said(self, told: Run) -> None:
        turns = data(told("list", "--json", "-g", "turn"))
        assert [m["text"] for m in turns] == [DOG, "He is two years old.", PORTO]
        [newest] = data(told("list", "--json", "-g", "turn", "--limit", "1"))
        assert newest["text"] == PORTO

    def test_lists_a_session_with_what_was_derived_from_it(self, told: Run) -> None:
        held = data(told("list", "--json", "--session", "dogs", "--limit", "0"))
        assert {m["session_id"] for m in held} == {"dogs"}
        assert {m["granularity"] for m in held} >= {"turn", "session", "summary"}

    def test_a_table_has_a_line_for_each(self, told: Run) -> None:
        header, *rows = ok(told("list", "-g", "turn")).splitlines()
        assert header.split() == ["id", "said", "kind", "kept", "text"]
        assert len(rows) == 3
        assert f"Ada: {PORTO}" in rows[-1]

    def test_shows_a_memory_by_the_beginning_of_its_id(self, told: Run) -> None:
        [memory] = data(told("list", "--json", "-g", "summary", "--session", "dogs"))
        shown = ok(told("show", memory["id"][:10]))
        assert memory["id"] in shown
        assert "derived from" in shown
        assert DOG in shown

    def test_json_has_history_and_links(self, told: Run) -> None:
        memory = data(told("list", "--json", "-g", "turn"))[0]
        shown = data(told("show", "--json", memory["id"]))
        assert [version["text"] for version in shown["history"]] == [DOG]
        assert all(0 < link["weight"] <= 1 for link in shown["linked"])

    def test_an_unknown_or_ambiguous_id_is_refused(self, told: Run) -> None:
        assert "agentmem list" in complaint(told("show", "nosuchid"))
        assert "type more of it" in complaint(told("show", ""))


class TestForget:
    def test_by_id(self, told: Run) -> None:
        first = data(told("list", "--json", "-g", "turn"))[0]
        assert DOG in ok(told("forget", first["id"][:12]))
        everything = ok(told("list", "--limit", "0"))
        assert "Biscuit" not in everything

    def test_one_wrong_id_and_nothing_is_forgotten(self, told: Run) -> None:
        first = data(told("list", "--json", "-g", "turn"))[0]
        complaint(told("forget", first["id"], "nosuchid"))
        assert data(told("show", "--json", first["id"]))["text"] == DOG

    def test_a_session(self, told: Run) -> None:
        ok(told("forget", "--session", "dogs", "--yes"))
        assert {m["session_id"] for m in data(told("list", "--json", "-n", "0"))} == {"moving"}
        complaint(told("forget", "--session", "dogs", "--yes"))

    def test_everything_of_one_user(self, told: Run) -> None:
        ok(told("add", "--user", "ben", DOG))
        ok(told("forget", "--all", "--yes"))
        assert data(told("list", "--json")) == []
        assert data(told("list", "--json", "--user", "ben")) != []

    def test_without_anybody_to_ask_it_wants_a_yes(self, told: Run) -> None:
        assert "--yes" in complaint(told("forget", "--all"), code=2)
        assert len(data(told("list", "--json", "-g", "turn"))) == 3

    def test_wants_to_know_what(self, told: Run) -> None:
        complaint(told("forget"), code=2)
        complaint(told("forget", "abc", "--all"), code=2)


class TestSweep:
    def test_archives_what_faded_and_search_brings_it_back(self, told: Run) -> None:
        swept = data(told("sweep", "--json", "--now", "2036-01-01"))
        assert swept["kept"] == 0
        assert data(told("search", "--json", "dog"))["hits"] == []
        back = data(told("search", "--json", "--include-archived", "--k", "1", "beagle dog"))
        assert back["hits"][0]["memory"]["text"] == DOG
        again = data(told("show", "--json", back["hits"][0]["memory"]["id"]))
        assert again["state"] == "active"

    def test_keeps_what_is_fresh(self, told: Run) -> None:
        assert ok(told("sweep", "--now", "2026-02-06")).startswith("archived 0, kept ")


def test_stats_count(told: Run) -> None:
    counted = data(told("stats", "--json"))
    assert counted["memories"]["turn"] == 3
    assert counted["sessions"] == 2
    shown = ok(told("stats"))
    assert "all-MiniLM-L6-v2" in shown
    assert "ada" in shown


class TestExportAndImport:
    def test_round_trip_into_another_user(self, told: Run) -> None:
        ok(told("export", "backup.jsonl"))
        ok(told("import", "backup.jsonl", "--user", "ben"))
        ada, ben = (data(told("list", "--json", "-n", "0", "--user", u)) for u in ("ada", "ben"))
        assert [m["id"] for m in ada] == [m["id"] for m in ben]
        assert {m["user_id"] for m in ben} == {"ben"}

    def test_a_file_that_is_none_of_ours_is_refused(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "other.jsonl").write_text("{}\n")
        assert "agentmem export" in complaint(run("import", "other.jsonl"))
        assert "nosuch.jsonl" in complaint(run("import", "nosuch.jsonl"))


class TestPictures:
    def test_of_the_forgetting_curve(self, run: Run, tmp_path: Path) -> None:
        shown = ok(run("forgetting-curve", "--recall", "1", "-r", "7", "--out", "curve.png"))
        assert shown == "curve.png\n"
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")

    def test_of_the_graph(self, told: Run, tmp_path: Path) -> None:
        ok(told("graph", "--out", "graph.svg"))
        assert (tmp_path / "graph.svg").stat().st_size > 1000

    def test_of_no_kind(self, run: Run) -> None:
        assert ".png" in complaint(run("forgetting-curve", "--out", "curve.gif"))


def write_locomo(path: Path, *, sessions: int) -> None:
    """A conversation in LoCoMo's format."""
    talk: dict[str, Any] = {"speaker_a": "Ada", "speaker_b": "Bo"}
    said = ["Hey Bo, how was your week?", "I researched adoption agencies for greyhounds."]
    for n in range(1, sessions + 1):
        talk[f"session_{n}_date_time"] = f"1:56 pm on {n} May, 2023"
        talk[f"session_{n}"] = [
            {"speaker": speaker, "dia_id": f"D{n}:{i}", "text": f"{text} ({n})"}
            for i, (speaker, text) in enumerate(zip(("Ada", "Bo"), said, strict=True), start=1)
        ]
    path.write_text(json.dumps([{"sample_id": "conv-1", "conversation": talk, "qa": []}]))


class TestIngest:
    def test_twice_changes_nothing(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=2)
        assert "conv-1: 4 turns written, 0 already there" in ok(run("ingest", "talk.json"))
        before = ok(run("list", "--json", "-n", "0", "--user", "conv-1"))
        [report] = data(run("ingest", "--json", "talk.json"))
        assert (report["written"], report["present"]) == (0, 4)
        after = ok(run("list", "--json", "-n", "0", "--user", "conv-1"))
        # Retention goes on falling; everything else stands still.
        assert [m | {"retention": 0} for m in json.loads(after)] == [
            m | {"retention": 0} for m in json.loads(before)
        ]

    def test_goes_on_where_it_stopped(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=1)
        ok(run("ingest", "talk.json"))
        write_locomo(tmp_path / "talk.json", sessions=3)
        assert "4 turns written, 2 already there" in ok(run("ingest", "talk.json"))

    def test_json_lines_go_to_the_user(self, run: Run, tmp_path: Path) -> None:
        lines = [
            {"session_id": "s1", "role": "user", "content": DOG, "timestamp": "2026-01-05T09:30Z"},
            {"session_id": "s1", "role": "assistant", "content": "What a lovely name!"},
        ]
        (tmp_path / "chat.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines))
        ok(run("ingest", "chat.jsonl", "--user", "ben"))
        turns = data(run("list", "--json", "-g", "turn", "--user", "ben"))
        assert [(m["role"], m["text"]) for m in turns] == [
            ("user", DOG),
            ("assistant", "What a lovely name!"),
        ]

    def test_a_broken_file_is_named_with_the_place(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "chat.jsonl").write_text('{"session_id": "s1", "role": "user"}\n')
        assert "content" in complaint(run("ingest", "chat.jsonl"))

    def test_a_wrong_file_makes_no_store(self, run: Run, tmp_path: Path) -> None:
        assert "nosuch.json" in complaint(run("ingest", "nosuch.json"))
        assert "jsonl" in complaint(run("ingest", "nosuch.json", "--format", "word"))
        assert not (tmp_path / "store").exists()


@pytest.mark.skipif(not LOCOMO.is_file(), reason="the data sets are not beside the repository")
def test_finds_the_turn_that_answers_in_a_real_conversation(run: Run, tmp_path: Path) -> None:
    entry = json.loads(LOCOMO.read_text())[0]
    later = {f"session_{n}" for n in range(6, 40)}
    kept = {key: value for key, value in entry["conversation"].items() if key not in later}
    (tmp_path / "talk.json").write_text(json.dumps([entry | {"conversation": kept, "qa": []}]))
    ok(run("ingest", "talk.json"))
    hits = data(run("search", "--json", "--user", "conv-26", "What did Caroline research?"))["hits"]
    assert "D2:8" in [hit["memory"]["metadata"]["dia_id"] for hit in hits]
    assert len(hits) == 5


class TestWhatReachesTheTerminal:
    EVIL = (
        "red \x1b[31malert\x1b[0m \x1b]0;title\x07\x9b2Jand \x07bell \u202eesrever [bold]b[/bold]"
    )

    def test_texts_cannot_steer_it(self, run: Run) -> None:
        ok(run("add", "--session", "s\x1b[2J", "--speaker", "\x1b[31mEve", self.EVIL))
        for command in (["search", "alert"], ["search", "--explain", "alert"], ["list"]):
            shown = ok(run(*command))
            assert "red alert and bell esrever [bold]b[/bold]" in " ".join(shown.split())
            assert not set(shown) & set("\x1b\x07\x9b\u202e")

    def test_json_is_ascii_and_whole(self, run: Run) -> None:
        [memory] = data(run("add", "--json", self.EVIL + " Grüße"))
        result = run("list", "--json", "-g", "turn")
        assert result.stdout.isascii()
        assert data(result)[0]["text"] == memory["text"] == self.EVIL + " Grüße"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\x1b[1;31mb\x1b[0m", "ab"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
            ("\x1bPq#0\x1b\\image", "image"),
            ("one\r\ntwo\rthree", "one\ntwo\nthree"),
            ("tab\tand\nline", "tab\tand\nline"),
            ("cut \x1b[3", "cut 3"),
            ("日本語 🐶 é", "日本語 🐶 é"),
        ],
    )
    def test_plain_text_is_left(self, text: str, shown: str) -> None:
        assert plain(text) == shown

    def test_a_line_is_cut_to_its_width(self) -> None:
        assert line("one\n two  three", 9) == "one two…"


class TestAsAProgram:
    @staticmethod
    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agentmem", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, **options)

    def test_finds_what_another_process_wrote(self, run: Run, tmp_path: Path) -> None:
        ok(run("add", DOG))
        where = ["--store", str(tmp_path / "store"), "--user", "ada"]
        found = self.call("search", "--json", "What is my dog called?", *where)
        assert (found.returncode, found.stderr) == (0, "")
        assert json.loads(found.stdout)["hits"][0]["memory"]["text"] == DOG

    def test_an_error_is_one_line_without_a_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a store")
        done = self.call("list", "--store", str(tmp_path / "file"))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("agentmem: ")
        assert done.stderr.count("\n") == 1

    def test_help_is_there_without_any_argument(self) -> None:
        shown = self.call("--help").stdout
        assert "agentmem chat" in shown
        assert self.call("--version").stdout.startswith("agentmem")
