"""The commands, with real stores and the real embedder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner, Result

from agentmem.cli import progress
from agentmem.cli.app import app
from agentmem.cli.terminal import line, plain

LOCOMO = Path(__file__).parents[4] / "shared" / "data" / "locomo" / "locomo6.json"
DOG = "I adopted a beagle called Biscuit."
PORTO = "I moved to Porto last spring."


class Run(Protocol):
    def __call__(self, *arguments: str, stdin: str | None = None) -> Result: ...


# No user of this name has a home.
NO_HOME = "~nobody-of-this-name/store"


def call(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, arguments, input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands, with a store and a user in the environment."""
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


def error(result: Result, code: int = 1) -> str:
    """Return stderr of a failed command; an AgentMemError is one line, and stdout is empty."""
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
def filled(run: Run, store: Path, tmp_path: Path) -> Run:
    """Run commands on a copy of the store of two conversations."""
    shutil.copytree(store, tmp_path / "store")
    return run


class TestAdd:
    def test_prints_the_new_memories(self, run: Run) -> None:
        output = ok(run("add", DOG, PORTO))
        assert DOG in output
        assert PORTO in output

    def test_json_contains_the_whole_memory(self, run: Run) -> None:
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

    def test_importance_increases_the_strength(self, run: Run) -> None:
        [much] = data(run("add", "--json", "--importance", "1", DOG))
        [little] = data(run("add", "--json", "--user", "ben", DOG))
        assert much["strength"] > 2 * little["strength"]

    def test_empty_text_is_rejected(self, run: Run) -> None:
        assert "nothing to remember" in error(run("add", "  "))


class TestSearch:
    def test_prints_the_answer_with_details(self, filled: Run) -> None:
        output = ok(filled("search", "What is my dog called?", "--k", "1"))
        assert DOG in output
        for fact in ("score ", "retention ", "2026-01-05 09:30", "dogs", "confidence "):
            assert fact in output
        assert PORTO not in output

    def test_json_contains_hits_routing_and_confidence(self, filled: Run) -> None:
        result = data(filled("search", "--json", "--explain", "What is my dog called?"))
        assert result["hits"][0]["memory"]["text"] == DOG
        assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3]
        assert result["hits"][0]["contributions"]
        assert sum(result["routing"]["weights"].values()) == pytest.approx(1)
        assert 0 <= result["confidence"] <= 1

    def test_explain_prints_the_routing(self, filled: Run) -> None:
        output = ok(filled("search", "--explain", "What is my dog called?"))
        assert "trust" in output
        assert "entropy" in output

    def test_as_of_ignores_later_memories(self, filled: Run) -> None:
        result = data(filled("search", "--json", "--as-of", "2026-01-31", "Where do I live?"))
        assert PORTO not in [hit["memory"]["text"] for hit in result["hits"]]

    def test_granularity_selects_the_kind_of_memory(self, filled: Run) -> None:
        found = data(filled("search", "--json", "-g", "summary", "What is my dog called?"))
        assert {hit["memory"]["granularity"] for hit in found["hits"]} == {"summary"}

    def test_prints_the_turn_id_of_a_data_set(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=1)
        ok(run("ingest", "talk.json"))
        output = ok(run("search", "--user", "conv-1", "What did Bo research?"))
        assert "D1:2" in output

    def test_isolates_users_and_agents(self, filled: Run) -> None:
        for other in (["--user", "ben"], ["--agent", "planner"]):
            result = filled("search", "--json", "dog", *other)
            assert data(result)["hits"] == []

    def test_reports_an_empty_memory(self, filled: Run) -> None:
        result = filled("search", "--user", "ben", "dog")
        assert ok(result) == ""
        assert "no memories of ben" in result.stderr

    def test_a_missing_store_names_the_command_that_creates_one(
        self, run: Run, tmp_path: Path
    ) -> None:
        assert "agentmem add" in error(run("search", "dog"))
        assert not (tmp_path / "store").exists()

    @pytest.mark.parametrize(
        "wrong", [["--as-of", "yesterday"], ["--granularity", "word"], ["--k", "0"], ["--no-such"]]
    )
    def test_usage_errors_exit_with_2(self, run: Run, wrong: list[str]) -> None:
        error(run("search", "dog", *wrong), code=2)


class TestListAndShow:
    def test_lists_the_newest_oldest_first(self, filled: Run) -> None:
        turns = data(filled("list", "--json", "-g", "turn"))
        assert [m["text"] for m in turns] == [DOG, "He is two years old.", PORTO]
        [newest] = data(filled("list", "--json", "-g", "turn", "--limit", "1"))
        assert newest["text"] == PORTO

    def test_lists_a_session_with_derived_memories(self, filled: Run) -> None:
        memories = data(filled("list", "--json", "--session", "dogs", "--limit", "0"))
        assert {m["session_id"] for m in memories} == {"dogs"}
        assert {m["granularity"] for m in memories} >= {"turn", "session", "summary"}

    def test_prints_one_line_per_memory(self, filled: Run) -> None:
        header, *rows = ok(filled("list", "-g", "turn")).splitlines()
        assert header.split() == ["id", "date", "kind", "retention", "text"]
        assert len(rows) == 3
        assert f"Ada: {PORTO}" in rows[-1]

    def test_shows_a_memory_by_a_prefix_of_its_id(self, filled: Run) -> None:
        [memory] = data(filled("list", "--json", "-g", "summary", "--session", "dogs"))
        output = ok(filled("show", memory["id"][:10]))
        assert memory["id"] in output
        assert "derived from" in output
        assert DOG in output

    def test_json_contains_history_and_links(self, filled: Run) -> None:
        memory = data(filled("list", "--json", "-g", "turn"))[0]
        output = data(filled("show", "--json", memory["id"]))
        assert [version["text"] for version in output["history"]] == [DOG]
        assert all(0 < link["weight"] <= 1 for link in output["linked"])

    def test_an_unknown_or_ambiguous_id_is_an_error(self, filled: Run) -> None:
        assert "agentmem list" in error(filled("show", "nosuchid"))
        assert "use a longer prefix" in error(filled("show", ""))


class TestForget:
    def test_deletes_by_id(self, filled: Run) -> None:
        first = data(filled("list", "--json", "-g", "turn"))[0]
        assert DOG in ok(filled("forget", first["id"][:12]))
        everything = ok(filled("list", "--limit", "0"))
        assert "Biscuit" not in everything

    def test_one_unknown_id_deletes_nothing(self, filled: Run) -> None:
        first = data(filled("list", "--json", "-g", "turn"))[0]
        error(filled("forget", first["id"], "nosuchid"))
        assert data(filled("show", "--json", first["id"]))["text"] == DOG

    def test_deletes_a_session(self, filled: Run) -> None:
        ok(filled("forget", "--session", "dogs", "--yes"))
        assert {m["session_id"] for m in data(filled("list", "--json", "-n", "0"))} == {"moving"}
        error(filled("forget", "--session", "dogs", "--yes"))

    def test_deletes_everything_of_one_user(self, filled: Run) -> None:
        ok(filled("add", "--user", "ben", DOG))
        ok(filled("forget", "--all", "--yes"))
        assert data(filled("list", "--json")) == []
        assert data(filled("list", "--json", "--user", "ben")) != []

    def test_needs_yes_without_a_terminal(self, filled: Run) -> None:
        assert "--yes" in error(filled("forget", "--all"), code=2)
        assert len(data(filled("list", "--json", "-g", "turn"))) == 3

    def test_needs_exactly_one_selection(self, filled: Run) -> None:
        error(filled("forget"), code=2)
        error(filled("forget", "abc", "--all"), code=2)


class TestSweep:
    def test_search_reactivates_archived_memories(self, filled: Run) -> None:
        swept = data(filled("sweep", "--json", "--now", "2036-01-01"))
        assert swept["kept"] == 0
        # No active memory answers, so the search looks into the archive by itself.
        assert data(filled("search", "--json", "--k", "1", "beagle dog"))["hits"] != []
        back = data(filled("search", "--json", "--include-archived", "--k", "1", "beagle dog"))
        assert back["hits"][0]["memory"]["text"] == DOG
        again = data(filled("show", "--json", back["hits"][0]["memory"]["id"]))
        assert again["state"] == "active"

    def test_keeps_fresh_memories(self, filled: Run) -> None:
        assert ok(filled("sweep", "--now", "2026-02-06")).startswith("archived 0, kept ")


def test_stats(filled: Run) -> None:
    counted = data(filled("stats", "--json"))
    assert counted["memories"]["turn"] == 3
    assert counted["sessions"] == 2
    output = ok(filled("stats"))
    assert "all-MiniLM-L6-v2" in output
    assert "ada" in output


class TestExportAndImport:
    def test_round_trip_into_another_user(self, filled: Run) -> None:
        ok(filled("export", "backup.jsonl"))
        ok(filled("import", "backup.jsonl", "--user", "ben"))
        ada, ben = (data(filled("list", "--json", "-n", "0", "--user", u)) for u in ("ada", "ben"))
        assert [m["id"] for m in ada] == [m["id"] for m in ben]
        assert {m["user_id"] for m in ben} == {"ben"}

    def test_other_files_are_rejected(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "other.jsonl").write_text("{}\n")
        assert "agentmem export" in error(run("import", "other.jsonl"))
        assert "nosuch.jsonl" in error(run("import", "nosuch.jsonl"))


class TestPlots:
    def test_forgetting_curve(self, run: Run, tmp_path: Path) -> None:
        output = ok(run("forgetting-curve", "--recall", "1", "-r", "7", "--out", "curve.png"))
        assert output == "curve.png\n"
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")

    def test_graph(self, filled: Run, tmp_path: Path) -> None:
        ok(filled("graph", "--out", "graph.svg"))
        assert (tmp_path / "graph.svg").stat().st_size > 1000

    def test_other_suffixes_are_rejected(self, run: Run) -> None:
        assert ".png" in error(run("forgetting-curve", "--out", "curve.gif"))


def write_locomo(path: Path, *, sessions: int) -> None:
    """A conversation in LoCoMo's format."""
    talk: dict[str, Any] = {"speaker_a": "Ada", "speaker_b": "Bo"}
    texts = ["Hey Bo, how was your week?", "I researched adoption agencies for greyhounds."]
    for n in range(1, sessions + 1):
        talk[f"session_{n}_date_time"] = f"1:56 pm on {n} May, 2023"
        talk[f"session_{n}"] = [
            {"speaker": speaker, "dia_id": f"D{n}:{i}", "text": f"{text} ({n})"}
            for i, (speaker, text) in enumerate(zip(("Ada", "Bo"), texts, strict=True), start=1)
        ]
    path.write_text(json.dumps([{"sample_id": "conv-1", "conversation": talk, "qa": []}]))


class TestIngest:
    def test_a_second_run_changes_nothing(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=2)
        assert "conv-1: 4 turns written, 0 already present" in ok(run("ingest", "talk.json"))
        before = ok(run("list", "--json", "-n", "0", "--user", "conv-1"))
        [report] = data(run("ingest", "--json", "talk.json"))
        assert (report["written"], report["present"]) == (0, 4)
        after = ok(run("list", "--json", "-n", "0", "--user", "conv-1"))
        # Only the retention changes with time.
        assert [m | {"retention": 0} for m in json.loads(after)] == [
            m | {"retention": 0} for m in json.loads(before)
        ]

    def test_resumes(self, run: Run, tmp_path: Path) -> None:
        write_locomo(tmp_path / "talk.json", sessions=1)
        ok(run("ingest", "talk.json"))
        write_locomo(tmp_path / "talk.json", sessions=3)
        assert "4 turns written, 2 already present" in ok(run("ingest", "talk.json"))

    def test_json_lines_belong_to_the_user(self, run: Run, tmp_path: Path) -> None:
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

    def test_a_broken_file_is_an_error_that_names_the_field(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "chat.jsonl").write_text('{"session_id": "s1", "role": "user"}\n')
        assert "content" in error(run("ingest", "chat.jsonl"))

    def test_a_wrong_file_creates_no_store(self, run: Run, tmp_path: Path) -> None:
        assert "nosuch.json" in error(run("ingest", "nosuch.json"))
        assert "jsonl" in error(run("ingest", "nosuch.json", "--format", "word"))
        assert not (tmp_path / "store").exists()


@pytest.mark.skipif(not LOCOMO.is_file(), reason="the data sets are not beside the repository")
def test_finds_the_answer_in_a_real_conversation(run: Run, tmp_path: Path) -> None:
    entry = json.loads(LOCOMO.read_text())[0]
    later = {f"session_{n}" for n in range(6, 40)}
    others = {key: value for key, value in entry["conversation"].items() if key not in later}
    (tmp_path / "talk.json").write_text(json.dumps([entry | {"conversation": others, "qa": []}]))
    ok(run("ingest", "talk.json"))
    hits = data(run("search", "--json", "--user", "conv-26", "What did Caroline research?"))["hits"]
    assert "D2:8" in [hit["memory"]["metadata"]["dia_id"] for hit in hits]
    assert len(hits) == 5


class TestTerminal:
    EVIL = (
        "red \x1b[31malert\x1b[0m \x1b]0;title\x07\x9b2Jand \x07bell \u202eesrever [bold]b[/bold]"
    )

    def test_texts_cannot_control_it(self, run: Run) -> None:
        ok(run("add", "--session", "s\x1b[2J", "--speaker", "\x1b[31mEve", self.EVIL))
        for command in (["search", "alert"], ["search", "--explain", "alert"], ["list"]):
            output = ok(run(*command))
            assert "red alert and bell esrever [bold]b[/bold]" in " ".join(output.split())
            assert not set(output) & set("\x1b\x07\x9b\u202e")

    def test_json_is_ascii_and_complete(self, run: Run) -> None:
        [memory] = data(run("add", "--json", self.EVIL + " Grüße"))
        result = run("list", "--json", "-g", "turn")
        assert result.stdout.isascii()
        assert data(result)[0]["text"] == memory["text"] == self.EVIL + " Grüße"

    @pytest.mark.parametrize(
        ("text", "expected"),
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
    def test_plain_removes_terminal_control(self, text: str, expected: str) -> None:
        assert plain(text) == expected

    def test_line_truncates_to_a_width(self) -> None:
        assert line("one\n two  three", 9) == "one two…"


class TestProcess:
    @staticmethod
    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agentmem", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, **options)

    def test_reads_what_another_process_wrote(self, run: Run, tmp_path: Path) -> None:
        ok(run("add", DOG))
        where = ["--store", str(tmp_path / "store"), "--user", "ada"]
        result = self.call("search", "--json", "What is my dog called?", *where)
        assert result.returncode == 0
        # Without a terminal, one line says what the command waits for.
        assert result.stderr.startswith("loading ")
        assert result.stderr.count("\n") == 1
        assert json.loads(result.stdout)["hits"][0]["memory"]["text"] == DOG

    def test_an_error_is_one_line_without_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a store")
        done = self.call("list", "--store", str(tmp_path / "file"))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("agentmem: ")
        assert done.stderr.count("\n") == 1

    def test_help_and_version(self) -> None:
        output = self.call("--help").stdout
        assert "agentmem chat" in output
        assert "Maintain:" in output
        assert self.call("--version").stdout.startswith("agentmem")


def _processor_seconds(*arguments: str) -> float:
    """Return what a process that runs `agentmem` took of the processor, without waiting for it."""
    code = (
        "import time; from agentmem.cli.app import app; "
        f"app({list(arguments)!r}, standalone_mode=False); print(); print(time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return float(done.stdout.splitlines()[-1])


def test_the_help_of_ingest_names_every_format(run: Run) -> None:
    from agentmem.formats.read import FORMATS

    words = set(re.findall(r"[\w-]+", ok(run("ingest", "--help"))))
    assert set(FORMATS) <= words


def test_help_takes_less_than_a_third_of_a_second_of_the_processor() -> None:
    # The first process may compile modules; other processes slow each of them down.
    assert min(_processor_seconds("--help") for _ in range(4)) < 0.3


def test_a_shell_completes_commands_and_options() -> None:
    def complete(line: str) -> list[str]:
        environment = {
            **os.environ,
            "_AGENTMEM_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        }
        code = "from agentmem.cli.app import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment,
            timeout=60, check=False,
        )  # fmt: skip
        return done.stdout.split()

    assert complete("agentmem se") == ["search", "serve"]
    assert complete("agentmem search --as") == ["--as-of"]
    assert "locomo" in complete("agentmem eval lo")


class TestUsersAndEdit:
    def test_users_lists_owners_with_their_number_of_memories(self, filled: Run) -> None:
        ok(filled("add", "--user", "ben", DOG))
        assert [line.split()[0] for line in ok(filled("users")).splitlines()] == ["ada", "ben"]
        assert {
            owner["user_id"]: owner["agent_id"] for owner in data(filled("users", "--json"))
        } == {
            "ada": None,
            "ben": None,
        }

    def test_edit_replaces_the_text_and_keeps_the_former_one(self, filled: Run) -> None:
        [memory] = data(filled("add", "--json", "I live in Lisbon."))
        edited = data(filled("edit", memory["id"][:12], "I live in Faro.", "--json"))
        assert (edited["id"], edited["version"]) == (memory["id"], 2)
        history = data(filled("show", memory["id"], "--json"))["history"]
        assert [version["text"] for version in history] == ["I live in Lisbon.", "I live in Faro."]

    def test_a_repeated_statement_is_stored_again(self, run: Run) -> None:
        for _ in range(2):
            ok(run("add", "--session", "s", DOG))
        assert len(data(run("list", "--json", "--granularity", "turn"))) == 2

    def test_a_url_that_is_no_server_is_refused(self, run: Run, tmp_path: Path) -> None:
        for address in ("s3://bucket/memories", "http://localhost:1"):
            assert "agentmem:" in error(run("list", "--store", address))
        assert not list(tmp_path.glob("*:*"))

    @pytest.mark.parametrize(
        "command",
        [
            ("list", "--store", NO_HOME),
            ("add", "tea", "--store", NO_HOME),
            ("chat", "--store", NO_HOME),
            ("serve", "--store", NO_HOME),
            ("copy", NO_HOME, "here"),
            ("forgetting-curve", "--out", f"{NO_HOME}.png"),
            ("ingest", NO_HOME),
            ("eval", "personal", "--json", f"{NO_HOME}.json"),
            ("eval", "personal", "--cache", NO_HOME),
        ],
    )
    def test_an_unknown_home_is_an_error(self, filled: Run, command: tuple[str, ...]) -> None:
        assert NO_HOME in error(filled(*command, stdin="hello"))


@pytest.mark.parametrize("command", ["mcp", "hook"])
def test_commands_that_start_quickly_say_that_there_is_no_home(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", command, "--store", NO_HOME],
        input="{}", check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


def test_commands_import_only_what_they_need(filled: Run, tmp_path: Path) -> None:
    imports = (
        "import sys; from agentmem.cli.app import app; "
        f"app(['list', '--store', {str(tmp_path / 'store')!r}], standalone_mode=False); "
        "print(sorted(sys.modules.keys() & {'torch', 'sentence_transformers', 'scipy'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", imports], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_a_long_wait_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show_waiting("loading weights", after=0.01):
        time.sleep(0.3)
    assert capsys.readouterr().err == "loading weights …\n"
