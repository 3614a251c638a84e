"""The right memory comes first for a user and an assistant; a class for each kind of fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope, SearchResult

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
Ask = Callable[[Sequence[str], str], SearchResult]


@pytest.fixture
def ask(embeddings: Embeddings) -> Iterator[Ask]:
    opened: list[MemoryController] = []

    def ask(texts: Sequence[str], question: str) -> SearchResult:
        """Store texts, the assistant's after "> ", a day apart each, and ask."""
        now = START + timedelta(days=len(texts) + 1)
        memory = MemoryController(
            InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, clock=lambda: now
        )
        opened.append(memory)
        for day, text in enumerate(texts):
            role = "assistant" if text.startswith("> ") else "user"
            message = {"role": role, "content": text.removeprefix("> ")}
            memory.add(message, session_id=f"s{day}", timestamp=START + timedelta(days=day))
        return memory.search(question, k=5, reinforce=False)

    yield ask
    for memory in opened:
        memory.close()


class TestExactBeatsNear:
    NEAR = (
        "I use Rust+ for the parser.",
        "I use Rust# for the scripts.",
        "The rent was £820.",
        "The fee was €820.",
        "It was -7 degrees in Turku.",
        "It was 7 degrees in Malaga.",
        "Build 2.4 passed.",
        "Build 2.40 failed.",
        "Order 51 goes to Ines.",
        "Order 52 goes to Jonas.",
    )

    @pytest.mark.parametrize(
        ("question", "expected"),
        [
            ("Where do I use Rust+?", 0),
            ("Where do I use Rust#?", 1),
            ("What was £820?", 2),
            ("What was €820?", 3),
            ("Where was it -7 degrees?", 4),
            ("Where was it 7 degrees?", 5),
            ("How did build 2.4 go?", 6),
            ("How did build 2.40 go?", 7),
            ("Who gets order 51?", 8),
            ("Who gets order 52?", 9),
        ],
    )
    def test_literals_distinguish_memories(self, ask: Ask, question: str, expected: int) -> None:
        assert ask(self.NEAR, question)[0].memory.text == self.NEAR[expected]

    @pytest.mark.parametrize("text", [*NEAR, "> Noted.", "What is that?"])
    def test_a_stored_text_finds_itself_first(self, ask: Ask, text: str) -> None:
        texts = [*self.NEAR, "> Noted.", "> Noted, the rent.", "What is that?", "What was that?"]
        hits = ask(texts, text.removeprefix("> "))
        assert hits[0].memory.text == text.removeprefix("> ")


class TestQuestionsAndRepliesAreNoAnswers:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What is my favorite vegetable?", "My favorite vegetable is the leek."),
            ("When does my train leave?", "My train to Graz leaves on June 3rd at noon."),
        ],
    )
    def test_the_statement_comes_first(self, ask: Ask, question: str, answer: str) -> None:
        texts = [
            "I have to buy vegetables: carrots, onions and a cabbage.",
            "> Sure, vegetables are healthy.",
            answer,
            "> Noted.",
            "Which vegetables are in season, and do trains carry them?",
            "> I don't know your favorite vegetable or your train, since you did not tell me.",
        ]
        assert ask(texts, question)[0].memory.text == answer


class TestLatestValue:
    def test_the_newest_statement_of_the_same_comes_first(self, ask: Ask) -> None:
        texts = ["I live in Ghent.", "My cat is ill.", "I have moved to Basel, I like the flat."]
        assert ask(texts, "Where do I live?")[0].memory.text == texts[2]

    def test_a_newer_statement_of_something_else_stays_behind(self, ask: Ask) -> None:
        texts = ["My budget for the Norway trip is 900 euros.", "We spend next holiday in Spain."]
        assert ask(texts, "What is my budget for the Norway trip?")[0].memory.text == texts[0]

    def test_a_question_that_no_rule_knows_takes_the_newest_of_the_facts(self, ask: Ask) -> None:
        texts = [
            "My favourite colour is crimson now.",
            "My oldest friend's favourite colour is indigo.",
            "My favourite colour is amber now.",
            "My aunt paints everything in teal.",
        ]
        assert ask(texts, "Which colour do I like best?")[0].memory.text == texts[2]

    def test_a_newer_statement_must_have_the_names_of_the_question(self, ask: Ask) -> None:
        texts = [
            "I want to see Kyoto, Nara and Naoshima, but not Tokyo.",
            "Can you help me plan a trip to Japan?",
            "We moved last weekend, the new flat is in Leeds.",
        ]
        hits = ask(texts, "Which cities in Japan do I want to visit?")
        assert hits[0].memory.text != texts[2]

    def test_a_newer_statement_about_somebody_else_stays_behind(self, ask: Ask) -> None:
        texts = ["My bank is Halifax now.", "The bank of my sister is Monzo."]
        assert ask(texts, "What is my bank?")[0].memory.text == texts[0]

    @pytest.mark.parametrize("question", ["Where does my manager live?", "My manager, where from?"])
    def test_over_two_hops_what_is_stated_of_the_present_person_comes_first(
        self, ask: Ask, question: str
    ) -> None:
        texts = (
            "My manager is Stefan.",
            "Stefan lives in Oslo, where my manager before him was from too.",
            "Ines lives in Turin.",
            "My new manager is Ines.",
            "Hugo lives in Cork.",
        )
        first = [hit.memory.text for hit in ask(texts, question)]
        assert first.index(texts[2]) < first.index(texts[1])
        assert first.index(texts[3]) < first.index(texts[0])

    def test_over_two_hops_a_first_name_stands_for_the_person(self, ask: Ask) -> None:
        texts = (
            "My manager is Stefan Roth.",
            "Stefan lives in Graz.",
            "My manager is now Anna Berg.",
            "Anna lives in Linz.",
        )
        first = [hit.memory.text for hit in ask(texts, "Where does my manager live?")]
        assert first.index(texts[3]) < first.index(texts[1])

    def test_over_two_hops_a_former_person_may_be_named(self, ask: Ask) -> None:
        texts = (
            "My manager is Stefan.",
            "Stefan lives in Graz.",
            "My manager is now Anna.",
            "Anna lives in Linz.",
        )
        first = [hit.memory.text for hit in ask(texts, "Where does my manager Stefan live?")]
        assert first.index(texts[1]) < min(first.index(texts[2]), first.index(texts[3]))

    def test_over_two_hops_a_word_is_no_name(self, ask: Ask) -> None:
        texts = (
            "My wife is called Rose.",
            "The rose garden in Kew opens at nine in spring.",
            "My wife is now Joy.",
            "Joy was everywhere at the party.",
        )
        hits = ask(texts, "Which garden can my wife visit in spring?")
        assert hits[0].memory.text == texts[1]

    def test_over_two_hops_the_last_person_that_is_known_comes_first(self, ask: Ask) -> None:
        texts = (
            "My manager is Chiara.",
            "Chiara collects minerals.",
            "I work for Acme.",
            "My new manager is Farid.",
            "Farid collects postcards.",
            "I work for Initech now.",
            "The weather is mild.",
        )
        first = [hit.memory.text for hit in ask(texts, "What does my manager collect?")]
        assert first.index(texts[3]) < first.index(texts[0])
        assert first.index(texts[4]) < first.index(texts[1])

    def test_over_two_hops_in_the_past_nothing_is_reordered(self, ask: Ask) -> None:
        texts = ("My manager was Stefan.", "My manager is Ines.", "Stefan lived in Oslo.")
        assert ask(texts, "Where did my former manager Stefan live?")[0].memory.text == texts[2]

    @pytest.mark.parametrize(
        ("old", "new", "question"),
        [
            (
                "I'm learning Portuguese on my commute.",
                "Dropped that and enrolled in a Korean class.",
                "What language am I learning?",
            ),
            (
                "I always have a pale ale at the pub.",
                "When we go to the pub I get a ginger beer these days.",
                "What's my usual drink at the pub?",
            ),
            (
                "I set my alarm for 7:25.",
                "Lessons begin later this term, so my alarm is at 8:05.",
                "When does my alarm go off?",
            ),
        ],
    )
    def test_the_newest_statement_in_free_wording_comes_first(
        self, ask: Ask, old: str, new: str, question: str
    ) -> None:
        texts = [old, "The market had fresh figs this morning.", new, "I patched my jacket."]
        assert ask(texts, question)[0].memory.text == new

    @pytest.mark.parametrize(
        ("asked_for", "newer", "question"),
        [
            (
                "My work phone is 555 0110.",
                "My private phone number is 555 0990 now.",
                "What's my work phone number?",
            ),
            (
                "I usually drink green tea in the morning.",
                "I usually drink red wine at weddings.",
                "What do I drink in the morning?",
            ),
            ("I drive a Volvo.", "I rented a Fiat for the weekend in Sicily.", "What do I drive?"),
            ("I work for Meridian.", "I applied at Polaris.", "Who do I work for?"),
            ("I live in Bergen.", "We spent a lovely week in Porto.", "Where do I live?"),
        ],
    )
    def test_a_newer_statement_of_another_thing_stays_behind(
        self, ask: Ask, asked_for: str, newer: str, question: str
    ) -> None:
        texts = [asked_for, "The market had fresh figs this morning.", newer]
        assert ask(texts, question)[0].memory.text == asked_for

    def test_what_lacks_a_word_of_the_question_stays_behind_older_statements(
        self, ask: Ask
    ) -> None:
        texts = (
            "I bought a 50mm lens for my camera at the flea market.",
            "My camera is a used Nikon, it takes great pictures.",
            "I put my camera on a heavy tripod now, it is very stable.",
            "I take my camera to the park now and then.",
            "I bought a 70-200mm zoom lens for my camera.",
        )
        hits = ask(texts, "What type of camera lens did I purchase most recently?")
        assert [hit.memory.text for hit in hits[:2]] == [texts[4], texts[0]]

    def test_pets_do_not_replace_one_another(self, ask: Ask) -> None:
        texts = ["My dog is called Olaf.", "My rabbit is called Pia."]
        assert ask(texts, "What is my dog called?")[0].memory.text == texts[0]


class TestDuplicates:
    SAME = (
        "I am allergic to walnuts.",
        "I'm allergic to walnuts, please remember.",
        "I have a walnut allergy.",
        "I am allergic to walnuts!",
    )

    def test_memories_that_say_the_same_are_one_hit(self, ask: Ask) -> None:
        others = ["I bought walnuts for my sister.", "My sister is allergic to walnuts."]
        hits = ask([*self.SAME, *others], "What am I allergic to?")
        texts = [hit.memory.text for hit in hits]
        assert len(set(texts) & set(self.SAME)) == 1
        assert set(others) <= set(texts)
        [hit] = [hit for hit in hits if hit.memory.text in self.SAME]
        assert len(hit.duplicates) == 3
        assert hit.memory.text == self.SAME[-1]

    @pytest.mark.parametrize(
        "pair",
        [
            ("My favorite color is blue.", "My favorite color is green."),
            ("I like tennis.", "I don't like tennis."),
            ("My train leaves at 9:15.", "My train leaves at 9:45."),
            ("My brother works in Graz.", "My sister works in Graz."),
        ],
    )
    def test_memories_that_differ_in_one_thing_are_two_hits(
        self, ask: Ask, pair: tuple[str, str]
    ) -> None:
        hits = ask(pair, pair[0])
        assert [hit.memory.text for hit in hits] == list(pair)
        assert all(not hit.duplicates for hit in hits)


class TestLongTurns:
    def test_the_end_of_a_long_reply_is_found_and_quoted(self, ask: Ask) -> None:
        filler = " ".join(f"Step {n} mixes flour and water for a dough again." for n in range(90))
        reply = f"> {filler} A friend of gardens should visit the alpine house in Tromso."
        texts = ["How do I bake bread?", reply, "> Any bread is fine.", "I like gardens."]
        hits = ask(texts, "Which house did you recommend to a friend of gardens?")
        assert hits[0].memory.text == reply.removeprefix("> ")
        assert "Tromso" in hits[0].excerpt
        assert len(hits[0].excerpt) < 300
