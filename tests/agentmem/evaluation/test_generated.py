"""Haystacks and lives: the same every time, and the evidence is where it is said to be."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from agentmem import InvalidInputError
from agentmem.evaluation.needle import haystack
from agentmem.evaluation.updates import lives


class TestHaystack:
    def test_the_seed_decides_all_of_it(self) -> None:
        assert haystack(turns=200, questions=2) == haystack(turns=200, questions=2)
        assert haystack(turns=200, questions=2) != haystack(turns=200, questions=2, seed=1)

    def test_holds_so_many_turns_with_as_many_keys(self) -> None:
        pairs = haystack(turns=300).pairs
        assert len(pairs) == len({key for key, _ in pairs}) == 300

    def test_asks_for_one_for_several_and_for_threads_of_every_length(self) -> None:
        asked = Counter(q.kind for q in haystack(turns=400, questions=4, hops=4).questions)
        kinds = ["single needle", "5 needles", "thread of 2 hops", "thread of 3 hops",
                 "thread of 4 hops", "3 threads of 2 hops"]  # fmt: skip
        assert asked == dict.fromkeys(kinds, 4)

    def test_every_needle_is_in_the_haystack(self) -> None:
        made = haystack(turns=300)
        assert {p for q in made.questions for p in q.needles} <= set(made.pairs)

    def test_a_question_names_the_keys_to_start_from_and_no_other(self) -> None:
        for question in haystack(turns=300, threads=2).questions:
            named = [key for key, _ in question.needles if key in question.text]
            starts = len(question.needles) // (question.hops or 1)
            assert len(named) == starts
            assert not any(value in question.text for _, value in question.needles)

    def test_in_a_thread_every_value_is_the_next_key_and_the_last_is_none(self) -> None:
        made = haystack(turns=300, hops=5)
        keys = {key for key, _ in made.pairs}
        threads = [q.needles for q in made.questions if q.kind.startswith("thread of")]
        for thread in threads:
            assert all(value == key for (_, value), (key, _) in pairwise(thread))
            assert thread[-1][1] not in keys
        assert sorted({len(t) for t in threads}) == [2, 3, 4, 5]

    def test_becomes_a_conversation_of_one_user(self) -> None:
        made = haystack(turns=120, hops=2)
        dialogue = made.dialogue()
        assert [len(s.turns) for s in dialogue.sessions] == [50, 50, 20]
        said = [turn.text for s in dialogue.sessions for turn in s.turns]
        assert said == [f"{key}: {value}" for key, value in made.pairs]

    def test_too_small_a_haystack_says_how_large_it_has_to_be(self) -> None:
        with pytest.raises(InvalidInputError, match="take at least") as refused:
            haystack(turns=20)
        least = int(str(refused.value).split("at least ")[1].split()[0].strip(","))
        assert haystack(turns=least).questions

    @pytest.mark.parametrize("wrong", [{"hops": 1}, {"hops": 11}, {"threads": 1}, {"needles": 1}])
    def test_numbers_out_of_range_are_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            haystack(**wrong)


class TestLives:
    def test_the_seed_decides_all_of_it(self) -> None:
        assert list(lives(users=2)) == list(lives(users=2))
        assert list(lives(users=1)) != list(lives(users=1, seed=1))

    def test_more_users_do_not_change_the_first(self) -> None:
        assert list(lives(users=3))[:1] == list(lives(users=1))

    def test_every_change_is_told_where_and_when_it_is_said_to_be(self) -> None:
        for life in lives(users=2):
            turns = {(s.id, i): t for s in life.dialogue.sessions for i, t in enumerate(s.turns)}
            for changes in life.changes.values():
                assert 2 <= len(changes) <= 4
                assert len({c.value for c in changes}) == len(changes)
                assert all(a.said_at < b.said_at for a, b in pairwise(changes))
                for change in changes:
                    turn = turns[change.place]
                    assert turn.role == "user"
                    assert change.value in turn.text
                    assert turn.said_at == change.said_at

    def test_two_thirds_of_the_users_speak_in_words_kept_aside(self) -> None:
        made = list(lives(users=6))
        assert [life.phrasing for life in made] == ["known", "held_out", "fresh"] * 2
        assert not {*made[0].asked.values()} & {*made[1].asked.values()}
        assert not {*made[0].asked.values()} & {*made[2].asked.values()}

    def test_the_user_never_tells_a_value_but_where_it_changes(self) -> None:
        for life in lives(users=2):
            told = {c.place for changes in life.changes.values() for c in changes}
            values = {c.value for changes in life.changes.values() for c in changes}
            for session in life.dialogue.sessions:
                for i, turn in enumerate(session.turns):
                    if (session.id, i) in told or not any(v in turn.text for v in values):
                        continue
                    assert not turn.text.startswith(("I ", "We "))

    def test_needs_a_user_and_some_sessions(self) -> None:
        with pytest.raises(InvalidInputError, match="sessions=3"):
            list(lives(sessions=3))
