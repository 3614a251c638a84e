"""Conversation files: each format is read correctly, and errors name file, entry and field."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import DataFormatError, InvalidInputError
from agentmem.formats.dialogue import Dialogue, DialogueQuestion
from agentmem.formats.json_stream import read_object
from agentmem.formats.locomo import LOCOMO_CATEGORIES
from agentmem.formats.read import detect, read

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"

Written = Callable[[Any], Path]
Change = Callable[[Any], object]

# Exports and transcripts have tests of their own.
DATA_SETS = ("common", "jsonl", "locomo", "longmemeval", "memorybank")


def locomo() -> list[Any]:
    return [
        {
            "sample_id": "conv-1",
            "conversation": {
                "speaker_a": "Ada",
                "speaker_b": "Ben",
                "session_2_date_time": "12:05 am on 1 June, 2023",
                "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "I am back."}],
                "session_1_date_time": "1:56 pm on 8 May, 2023",
                "session_1": [
                    {"speaker": "Ada", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a dog"},
                    {"speaker": "Ben", "dia_id": "D1:2", "text": "Sweet."},
                ],
                "session_3_date_time": "1:00 pm on 9 July, 2023",
            },
            "qa": [
                {"question": "When?", "answer": 2022, "category": 2, "evidence": ["D1:1; D2:01"]},
                {"question": "Who?", "category": 5, "evidence": ["D", "D:1:2", "D7:7", "D1:2"]},
            ],
        }
    ]


def longmemeval() -> list[Any]:
    def turn(role: str, content: str, **more: bool) -> dict[str, Any]:
        return {"role": role, "content": content, **more}

    return [
        {
            "question_id": "q1",
            "question_type": "multi-session",
            "question": "How many dogs?",
            "answer": 2,
            "question_date": "2023/05/30 (Tue) 23:40",
            "haystack_session_ids": ["answer_x", "noise", "answer_x"],
            "haystack_dates": [f"2023/05/{d} (Sat) 01:02" for d in ("20", "03", "21")],
            "haystack_sessions": [
                [turn("user", " "), turn("user", "I have two dogs.", has_answer=True)],
                [turn("user", "Hi."), turn("assistant", "Hello!", has_answer=False)],
                [turn("user", "Again.")],
            ],
            "answer_session_ids": ["answer_x"],
        }
    ]


def memorybank() -> dict[str, Any]:
    chat = [{"query": "Hello.", "response": "Hello, Jason."}, {"query": "Bye.", "response": " "}]
    return {
        " Jason ": {"name": "Jason", "history": {"2023-04-28": [], "2023-04-27": chat}},
        "Li": {"history": {}},
    }


def common() -> list[Any]:
    return [
        {
            "id": "ada",
            "sessions": [
                {
                    "session_id": "s1",
                    "date": "2026-01-05T18:00:00+00:00",
                    "turns": [
                        {"turn_id": "s1:0", "role": "user", "content": "I have two dogs."},
                        {"turn_id": "s1:1", "role": "assistant", "content": " "},
                    ],
                }
            ],
            "questions": [
                {
                    "question": "How many dogs?",
                    "question_date": "2026-02-05T18:00",
                    "answer": "two",
                    "category": "personal",
                    "evidence_turn_ids": ["s1:0", "s9:9"],
                    "evidence_session_ids": ["s1"],
                }
            ],
            "unanswerable": [{"question": "What is my blood type?"}],
        }
    ]


def jsonl() -> list[Any]:
    return [
        {"session_id": "b", "role": "human", "content": "First."},
        {"session_id": 7, "role": "user", "content": "Mine.", "user_id": "ada", "speaker": "Ada"},
        {"session_id": "b", "role": "ai", "content": "Second.", "timestamp": "2026-03-01T18:30"},
        {"session_id": "b", "role": "user", "content": " "},
        {"session_id": "b", "role": "user", "content": "Third.", "metadata": {"mood": "good"}},
    ]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(content: Any, name: str = "data") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def as_lines(records: list[Any]) -> str:
    return "\n".join(map(json.dumps, records))


def only(path: Path) -> Dialogue:
    [dialogue] = read(path)
    return dialogue


def test_read_locomo(written: Written) -> None:
    dialogue = only(written(locomo()))
    assert dialogue.owner == "conv-1"
    assert [s.id for s in dialogue.sessions] == ["session_1", "session_2"]
    first, second = dialogue.sessions[0].turns
    assert (first.speaker, first.role) == ("Ada", "user")
    assert first.text == "Look! [shares a photo: a dog]"
    assert first.metadata == {"dia_id": "D1:1"}
    assert first.said_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert second.said_at is not None
    assert 0 < (second.said_at - first.said_at).total_seconds() < 60
    assert dialogue.sessions[1].started_at == datetime(2023, 6, 1, 0, 5, tzinfo=UTC)
    assert dialogue.questions == (
        DialogueQuestion(
            "conv-1:0", "When?", "2022", "2", ("D1:1", "D2:1"), ("session_1", "session_2")
        ),
        DialogueQuestion("conv-1:1", "Who?", None, "5", ("D1:2",), ("session_1",)),
    )
    assert LOCOMO_CATEGORIES["5"] == "adversarial"


def test_longmemeval_sessions_are_sorted_by_date_and_do_not_reveal_the_answer(
    written: Written,
) -> None:
    dialogue = only(written(longmemeval()))
    assert dialogue.owner == "q1"
    assert [s.id for s in dialogue.sessions] == ["session_1", "session_2", "session_3"]
    assert [s.started_at and s.started_at.day for s in dialogue.sessions] == [3, 20, 21]
    assert [[t.text for t in s.turns] for s in dialogue.sessions] == [
        ["Hi.", "Hello!"], ["I have two dogs."], ["Again."]
    ]  # fmt: skip
    asked_at = datetime(2023, 5, 30, 23, 40, tzinfo=UTC)
    assert dialogue.questions == (
        DialogueQuestion(
            "q1", "How many dogs?", "2", "multi-session", ("session_2:0",), ("session_2",), asked_at
        ),
    )
    assert dialogue.sessions[1].turns[0].metadata == {"turn_id": "session_2:0"}
    assert "answer" not in repr(dialogue.sessions)


def test_read_the_common_format(written: Written) -> None:
    dialogue = only(written(common()))
    assert [turn.text for turn in dialogue.sessions[0].turns] == ["I have two dogs."]
    answerable, unanswerable = dialogue.questions
    assert answerable.evidence_turns == ("s1:0",)
    assert answerable.asked_at == datetime(2026, 2, 5, 18, tzinfo=UTC)
    assert unanswerable.id.endswith("_abs")
    assert unanswerable.answer is None


def test_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.json.gz"
    path.write_bytes(gzip.compress(json.dumps(locomo()).encode()))
    assert only(path).owner == "conv-1"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataFormatError, match=r"data\.json\.gz"):
        only(path)


def test_memorybank_preserves_keys_exactly(written: Written) -> None:
    jason, li = read(written(memorybank()))
    assert (jason.owner, li.owner, li.sessions) == (" Jason ", "Li", ())
    [day] = jason.sessions
    assert (day.id, day.started_at) == ("2023-04-27", datetime(2023, 4, 27, 12, tzinfo=UTC))
    assert [(t.role, t.speaker, t.text) for t in day.turns] == [
        ("user", "Jason", "Hello."), ("assistant", None, "Hello, Jason."), ("user", "Jason", "Bye.")
    ]  # fmt: skip


def test_read_json_lines(written: Written) -> None:
    nobodys, adas = read(written(as_lines(jsonl()) + "\n\n"))
    [session] = nobodys.sessions
    assert (nobodys.owner, session.id, adas.owner, adas.sessions[0].id) == ("", "b", "ada", "7")
    assert [(t.role, t.text) for t in session.turns] == [
        ("user", "First."), ("assistant", "Second."), ("user", "Third.")
    ]  # fmt: skip
    times = [t.said_at for t in session.turns]
    assert times[1] == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    assert None not in times
    assert times == sorted(times, key=str)
    assert session.turns[2].metadata == {"mood": "good"}
    assert adas.sessions[0].turns[0].said_at is adas.sessions[0].started_at is None


def test_timestamps_with_a_zone_or_in_seconds_become_utc(written: Written) -> None:
    for time in ("2026-03-01T18:30:00+01:00", "2026-03-01T17:30Z", 1772386200, 1772386200.0):
        line = {"session_id": "s", "role": "user", "content": "x", "timestamp": time}
        [turn] = only(written(as_lines([line]))).sessions[0].turns
        assert turn.said_at == datetime(2026, 3, 1, 17, 30, tzinfo=UTC)


def samples() -> dict[str, Any]:
    return {
        "common": common(),
        "jsonl": as_lines(jsonl()),
        "locomo": locomo(),
        "longmemeval": longmemeval(),
        "memorybank": memorybank(),
    }


@pytest.mark.parametrize("name", DATA_SETS)
def test_detect_recognizes_each_format_in_any_layout(written: Written, name: str) -> None:
    sample = samples()[name]
    assert detect(written(sample)) == name
    if name != "jsonl":
        assert detect(written("\ufeff\n " + json.dumps(sample, indent=2))) == name
    assert list(read(written(sample))) == list(read(written(sample), name))


LOCOMO_FAULTS: list[tuple[Change, str]] = [
    (lambda d: d[0].pop("sample_id"), r"entry \[0\], field sample_id: expected this field"),
    (lambda d: d[0].pop("conversation"), r"\(conv-1\), field conversation: expected this field"),
    (lambda d: d[0]["conversation"]["session_1"][1].update(text=None),
     r"entry \[0\] \(conv-1\), field conversation.session_1\[1\].text: expected a string"),
    (lambda d: d[0]["conversation"]["session_1"][1].update(text="\ud83d"), "lone surrogates"),
    (lambda d: d[0]["conversation"]["session_1"][0].pop("dia_id"), r"session_1\[0\].dia_id"),
    (lambda d: d[0]["conversation"]["session_1"][0].update(speaker=" "), "not blank, found ' '"),
    (lambda d: d[0]["conversation"].update(session_1={}), "session_1: expected a list, found an"),
    (lambda d: d[0]["conversation"].update(session_1_date_time="8 May"),
     "session_1_date_time: expected a time such as '1:56 pm on 8 May, 2023', found '8 May'"),
    (lambda d: d[0]["conversation"].update(session_1_date_time="1:56 pm on 31 June, 2023"), "31"),
    (lambda d: d[0]["qa"][1].update(category=6), r"qa\[1\].category: .* from 1 to 5, found 6"),
    (lambda d: d[0]["qa"][1].update(evidence=[3]), r"qa\[1\].evidence\[0\]: expected a string"),
    (lambda d: d[0].update(qa="none"), "qa: expected a list, found 'none'"),
    (lambda d: d.append([]), r"entry \[1\]: expected an object"),
]  # fmt: skip

LONGMEMEVAL_FAULTS: list[tuple[Change, str]] = [
    (lambda d: d[0].pop("question_id"), r"entry \[0\], field question_id: expected this field"),
    (lambda d: d[0]["haystack_dates"].pop(), r"\(q1\), field haystack_dates: .* the 3 haystack_s"),
    (lambda d: d[0].update(haystack_dates=["2023/13/01"] * 3), r"haystack_dates\[0\]: .*a time"),
    (lambda d: d[0]["haystack_sessions"][1][0].update(content=5), r"_sessions\[1\]\[0\].content"),
    (lambda d: d[0].update(question_date=""), "question_date: expected a time such as"),
    (lambda d: d[0].update(answer=[]), "answer: expected a string or a number, found a list of 0"),
]  # fmt: skip

COMMON_FAULTS: list[tuple[Change, str]] = [
    (lambda d: d[0]["sessions"][0].pop("turns"),
     r"entry \[0\] \(ada\), field sessions\[0\].turns: expected this field"),
    (lambda d: d[0]["sessions"][0]["turns"][0].pop("turn_id"),
     r"field sessions\[0\].turns\[0\].turn_id: expected this field"),
]  # fmt: skip
MEMORYBANK_FAULTS: list[tuple[Change, str]] = [
    (lambda d: d["Li"].update(history=[]), r"entry 'Li', field history: expected an object"),
    (lambda d: d["Li"]["history"].update(monday=[]), r"history.monday: expected a day such as"),
    (lambda d: d[" Jason "]["history"]["2023-04-27"][0].pop("response"),
     r"entry ' Jason ', field history.2023-04-27\[0\].response: expected this field"),
    (lambda d: d.update({"Mo": 3}), "entry 'Mo': expected an object"),
]  # fmt: skip

JSONL_FAULTS: list[tuple[Change, str]] = [
    (lambda d: d[0].pop("session_id"), "line 1, field session_id: expected this field"),
    (lambda d: d[1].update(session_id=""), "line 2, field session_id: .*not blank"),
    (lambda d: d[2].update(timestamp="yesterday"), "line 3, field timestamp: expected ISO 8601"),
    (lambda d: d[2].update(timestamp=1e300), "line 3, field timestamp: expected ISO 8601"),
    (lambda d: d[2].update(timestamp=True), "field timestamp: expected .* found True"),
    (lambda d: d[4].update(metadata=[1]), "line 5, field metadata: expected an object"),
    (lambda d: d[4].update(content={}), "line 5, field content: expected a string, found an obj"),
    (lambda d: d.append(3), "line 6: expected an object, found 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        (name, *fault)
        for name, faults in zip(
            DATA_SETS,
            [COMMON_FAULTS, JSONL_FAULTS, LOCOMO_FAULTS, LONGMEMEVAL_FAULTS, MEMORYBANK_FAULTS],
            strict=True,
        )
        for fault in faults
    ],
)
def test_error_names_file_entry_and_field(
    written: Written, name: str, change: Change, complaint: str
) -> None:
    content = jsonl() if name == "jsonl" else samples()[name]
    change(content)
    path = written(as_lines(content) if name == "jsonl" else content)
    with pytest.raises(DataFormatError, match=complaint) as caught:
        list(read(path, name))
    assert str(path) in str(caught.value)


def test_entries_before_an_error_are_yielded(written: Written) -> None:
    two = [*locomo(), *locomo()]
    two[1]["conversation"]["session_1"] = None
    dialogues = read(written(two))
    assert next(dialogues).owner == "conv-1"
    with pytest.raises(DataFormatError, match=r"entry \[1\] \(conv-1\), field conversation.sess"):
        next(dialogues)


def test_file_is_not_read_beyond_the_first_error(written: Written) -> None:
    entry = json.dumps(locomo()[0])
    path = written(f"[{entry},{{]" + " " * 10_000_000 + "\x00")
    with path.open("ab") as file:
        file.write(b"\xff")  # invalid UTF-8: raises if it is read
    dialogues = read(path)
    next(dialogues)
    with pytest.raises(DataFormatError, match=r"is malformed at line 1, column \d+: entry \[1\]"):
        next(dialogues)


@pytest.mark.parametrize("name", DATA_SETS)
@given(share=st.floats(0, 0.999), indent=st.sampled_from([None, 2]))
def test_truncated_file_raises_an_error_with_its_position(
    tmp_path_factory: pytest.TempPathFactory, name: str, share: float, indent: int | None
) -> None:
    sample = samples()[name]
    whole = sample if isinstance(sample, str) else json.dumps(sample, indent=indent)
    path = tmp_path_factory.getbasetemp() / "truncated"
    path.write_text(whole[: int(len(whole) * share)], "utf-8")
    try:
        dialogues = list(read(path))
    except DataFormatError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert any(word in str(error) for word in ("line", "is empty", "none of the formats"))  # noqa: PT017
    else:
        # Only whole lines can be missing without a trace.
        assert name == "jsonl"
        assert sum(len(s.turns) for d in dialogues for s in d.sessions) < len(jsonl())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[]", "none of the formats"),
        ("hello", "none of the formats"),
        ('{"a": 1}', "none of the formats"),
        ('[{"name": "x"}]', "none of the formats"),
        ("[3]", r"line 1, column 2: entry \[0\]: expected an object"),
        ("[" + json.dumps(locomo()[0]) + " {}]", "is malformed at line 1, column .*: expected ','"),
        ('{"session_id": "s", "role": "user", "content": "x"', "line 1.* column"),
        ('[\n{"sample_id": "a",\n "b": tru', r"is cut off|is malformed at line 3"),
        ("[" + json.dumps(locomo()[0]) + "] x", "expected the end of the file"),
    ],
)
def test_unknown_format_raises(written: Written, content: str, complaint: str) -> None:
    with pytest.raises(DataFormatError, match=complaint):
        list(read(written(content)))


def test_unreadable_file_and_unknown_format_name_raise(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match=r"absent\.json: cannot be read .*check the path"):
        detect(tmp_path / "absent.json")
    with pytest.raises(DataFormatError, match="has no transcripts"):
        detect(tmp_path)
    (tmp_path / "latin1").write_bytes('[{"sample_id": "Zoë"}]'.encode("latin-1"))
    with pytest.raises(DataFormatError, match="is not UTF-8"):
        detect(tmp_path / "latin1")
    with pytest.raises(InvalidInputError, match="format='csv' must be one of chatgpt, claude"):
        read(tmp_path / "latin1", "csv")


@given(
    texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5),
    indent=st.sampled_from([None, 1]),
    size=st.integers(1, 40),
)
def test_result_does_not_depend_on_the_chunk_size(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], indent: int | None, size: int
) -> None:
    content = {f"user {i} {t}": {"history": {"2023-04-27": [{"query": t, "response": t}]}}
               for i, t in enumerate(texts)}  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "parts"
    path.write_text(json.dumps(content, indent=indent), "utf-8")
    entries = list(read_object(path, chunk_size=size))
    assert {key: entry.value for key, entry in entries} == content
    dialogues = list(read(path))
    assert [d.owner for d in dialogues] == list(content)
    assert [d.sessions[0].turns[1].text for d in dialogues] == texts


@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not next to the repository")
class TestRealData:
    def test_locomo(self) -> None:
        path = DATA / "locomo" / "locomo6.json"
        assert detect(path) == "locomo"
        dialogues = list(read(path))
        assert [d.owner for d in dialogues] == [f"conv-{n}" for n in (26, 30, 41, 42, 43, 44)]
        assert sum(len(s.turns) for d in dialogues for s in d.sessions) == 3435
        questions = [q for d in dialogues for q in d.questions]
        assert len(questions) == 1157
        assert sum(not q.evidence_turns for q in questions) == 2
        [several] = [q for q in questions if "D9:17" in q.evidence_turns and q.id[:8] == "conv-26:"
                     and "D8:6" in q.evidence_turns]  # fmt: skip
        assert several.evidence_sessions == ("session_8", "session_9")
        for dialogue in dialogues:
            names = {t.metadata["dia_id"] for s in dialogue.sessions for t in s.turns}
            assert names.issuperset(n for q in dialogue.questions for n in q.evidence_turns)

    def test_memorybank(self) -> None:
        path = DATA / "memorybank" / "memory_bank_en.json"
        assert detect(path) == "memorybank"
        dialogues = list(read(path))
        assert len(dialogues) == 15
        assert {" Jason ", " Linda", "John Zhang"} <= {d.owner for d in dialogues}
        assert sum(len(s.turns) for d in dialogues for s in d.sessions) == 2 * 566
