"""The line of a memory, in full, with the turn before it or shortened; and citations of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from agentmem.prompting.rendering import (
    chronological,
    cited_ids,
    line_variants,
    number_lines,
    select_lines,
    strip_citations,
)
from agentmem_retrievers import RecalledMemory
from agentmem_stores import Granularity, Memory, Scope

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def turn(text: str, position: int = 0, role: str = "user") -> Memory:
    return Memory(
        id=f"t{position}",
        scope=Scope("ada"),
        granularity=Granularity.TURN,
        text=text,
        session_id="s",
        said_at=NOW + timedelta(minutes=position),
        written_at=NOW,
        role=role,
        position=position,
    )


def hit(memory: Memory, *context: Memory) -> RecalledMemory:
    return RecalledMemory(memory, 1.0, 1.0, load_context=lambda: (*context, memory))


class TestLineVariants:
    def test_dependent_turn_is_shown_with_the_turn_before(self) -> None:
        question = turn("Did you see the doctor?", 0, "assistant")
        [first, *_] = line_variants(hit(turn("Yes, on Friday.", 1), question), 800)
        assert first.render("m1") == (
            '[m1] 2026-01-05, user: "Yes, on Friday." (after assistant: "Did you see the doctor?")'
        )

    def test_independent_turn_is_shown_alone(self) -> None:
        memory = turn("My beagle Biscuit was vaccinated.", 1)
        [only] = line_variants(hit(memory, turn("Go on.", 0)), 800)
        assert only.render("m2") == '[m2] 2026-01-05, user: "My beagle Biscuit was vaccinated."'

    def test_long_turn_can_be_shortened(self) -> None:
        text = " ".join(f"The garden has bed number {n} with tomatoes." for n in range(9))
        text += " The gardener is called Rosalind."
        *_, short = line_variants(hit(turn(text)), 800)
        assert len(json.loads(short.text)) <= 160
        assert json.loads(short.text).split(".")[0].split(" ", 1)[1] in text

    def test_verbatim_shows_the_text_only(self) -> None:
        question = turn("Did you see the doctor?", 0, "assistant")
        [only] = line_variants(hit(turn("Yes, on Friday.", 1), question), 800, verbatim=True)
        assert only.render("m1") == '[m1] 2026-01-05, user: "Yes, on Friday."'


class TestSelectedLines:
    def test_keep_the_order_of_the_search_until_nothing_fits(self) -> None:
        hits = [hit(turn(text, n)) for n, text in enumerate(["Long " * 30, "Short.", "Brief."])]
        lines = select_lines(hits[::-1], 3, max_chars=800, fits=lambda lines: len(lines) < 3)
        assert [line.memory.id for line in lines] == ["t2", "t1"]
        assert len(select_lines(hits, 1, max_chars=800)) == 1

    def test_are_numbered_in_the_order_of_time(self) -> None:
        hits = [hit(turn("Second.", 2)), hit(turn("First.", 1))]
        rendered, ids = number_lines(chronological(select_lines(hits, 2, max_chars=800)))
        assert rendered == ['[m1] 2026-01-05, user: "First."', '[m2] 2026-01-05, user: "Second."']
        assert ids == {"m1": "t1", "m2": "t2"}


class TestCitations:
    def test_are_read_in_every_form(self) -> None:
        ids = {"m1": "a", "m2": "b", "m12": "c"}
        assert cited_ids("It is [m2]. Or [m1, m12] [m9] [m2].", ids) == ["b", "a", "c"]
        assert cited_ids("m1 and [n1] and [m1", ids) == []
        assert strip_citations("It is Biscuit [m1], I think [m2, m3].") == (
            "It is Biscuit, I think."
        )
