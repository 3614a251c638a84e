"""Generated haystacks and generated users are reproducible, and their evidence is in place."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from agentmem import InvalidInputError
from agentmem.evaluation.needle import haystack
from agentmem.evaluation.updates import generate_users


class TestHaystack:
    def test_depends_on_the_seed_only(self) -> None:
        assert haystack(turns=200, questions=2) == haystack(turns=200, questions=2)
        assert haystack(turns=200, questions=2) != haystack(turns=200, questions=2, seed=1)

    def test_has_one_key_per_turn(self) -> None:
        pairs = haystack(turns=300).pairs
        assert len(pairs) == len({key for key, _ in pairs}) == 300

    def test_has_questions_of_every_kind_and_length(self) -> None:
        kinds_of = Counter(q.kind for q in haystack(turns=400, questions=4, hops=4).questions)
        kinds = ["single needle", "5 needles", "thread of 2 hops", "thread of 3 hops",
                 "thread of 4 hops", "3 threads of 2 hops"]  # fmt: skip
        assert kinds_of == dict.fromkeys(kinds, 4)

    def test_every_needle_is_in_the_haystack(self) -> None:
        generated = haystack(turns=300)
        assert {p for q in generated.questions for p in q.needles} <= set(generated.pairs)

    def test_a_question_names_only_the_keys_it_starts_from(self) -> None:
        for question in haystack(turns=300, threads=2).questions:
            named = [key for key, _ in question.needles if key in question.text]
            starts = len(question.needles) // (question.hops or 1)
            assert len(named) == starts
            assert not any(value in question.text for _, value in question.needles)

    def test_each_value_of_a_thread_is_the_next_key(self) -> None:
        generated = haystack(turns=300, hops=5)
        keys = {key for key, _ in generated.pairs}
        threads = [q.needles for q in generated.questions if q.kind.startswith("thread of")]
        for thread in threads:
            assert all(value == key for (_, value), (key, _) in pairwise(thread))
            assert thread[-1][1] not in keys
        assert sorted({len(t) for t in threads}) == [2, 3, 4, 5]

    def test_converts_to_a_dialogue(self) -> None:
        generated = haystack(turns=120, hops=2)
        dialogue = generated.dialogue()
        assert [len(s.turns) for s in dialogue.sessions] == [50, 50, 20]
        texts = [turn.text for s in dialogue.sessions for turn in s.turns]
        assert texts == [f"{key}: {value}" for key, value in generated.pairs]

    def test_a_small_haystack_names_the_size_it_needs(self) -> None:
        with pytest.raises(InvalidInputError, match="use at least") as refused:
            haystack(turns=20)
        least = int(str(refused.value).split("at least ")[1].split()[0].strip(","))
        assert haystack(turns=least).questions

    @pytest.mark.parametrize("wrong", [{"hops": 1}, {"hops": 11}, {"threads": 1}, {"needles": 1}])
    def test_numbers_out_of_range_are_rejected(self, wrong: dict[str, int]) -> None:
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            haystack(**wrong)


class TestLives:
    def test_depends_on_the_seed_only(self) -> None:
        assert list(generate_users(users=2)) == list(generate_users(users=2))
        assert list(generate_users(users=1)) != list(generate_users(users=1, seed=1))

    def test_more_users_do_not_change_the_first(self) -> None:
        assert list(generate_users(users=3))[:1] == list(generate_users(users=1))

    def test_every_change_is_stated_in_its_turn(self) -> None:
        for user in generate_users(users=2):
            turns = {(s.id, i): t for s in user.dialogue.sessions for i, t in enumerate(s.turns)}
            for changes in user.changes.values():
                assert 2 <= len(changes) <= 4
                assert len({c.value for c in changes}) == len(changes)
                assert all(a.said_at < b.said_at for a, b in pairwise(changes))
                for change in changes:
                    turn = turns[change.place]
                    assert turn.role == "user"
                    assert change.value in turn.text
                    assert turn.said_at == change.said_at

    def test_two_thirds_of_the_users_speak_in_held_out_words(self) -> None:
        generated = list(generate_users(users=6))
        assert [user.phrasing for user in generated] == ["known", "held_out", "fresh"] * 2
        assert not {*generated[0].questions.values()} & {*generated[1].questions.values()}
        assert not {*generated[0].questions.values()} & {*generated[2].questions.values()}

    def test_a_user_states_a_value_only_where_it_changes(self) -> None:
        for user in generate_users(users=2):
            places = {c.place for changes in user.changes.values() for c in changes}
            values = {c.value for changes in user.changes.values() for c in changes}
            for session in user.dialogue.sessions:
                for i, turn in enumerate(session.turns):
                    if (session.id, i) in places or not any(v in turn.text for v in values):
                        continue
                    assert not turn.text.startswith(("I ", "We "))

    def test_every_relation_passes_from_one_person_to_another(self) -> None:
        [user] = generate_users(users=1)
        texts = {
            (session.id, n): turn.text
            for session in user.dialogue.sessions
            for n, turn in enumerate(session.turns)
        }
        for relation in user.relations:
            holders = [texts[place] for place in relation.holders]
            details = [texts[place] for place in relation.details]
            assert relation.name in relation.question
            assert all(relation.name in text for text in holders)
            assert all(
                any(word in holder for word in detail.split())
                for holder, detail in zip(holders, details, strict=True)
            )
            assert len(set(holders)) == len(set(details)) == len(holders) > 1

    def test_needs_users_and_sessions(self) -> None:
        with pytest.raises(InvalidInputError, match="sessions=3"):
            list(generate_users(sessions=3))
