"""Which of what is known of people sentences speak of, with the real embedder."""

from __future__ import annotations

import pytest
from langchain_core.embeddings import Embeddings

from agentmem.embedding.embedder import Embedder
from agentmem.facts.kinds import Kinds


@pytest.fixture(scope="module")
def kinds(embeddings: Embeddings) -> Kinds:
    return Kinds(Embedder(embeddings))


def told(kinds: Kinds, text: str) -> list[str]:
    return list(kinds.told(kinds.embedder.documents([text]))[0])


class TestWordsThatNobodyWroteDown:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("I have been taken on as a glazier.", "job"),
            ("Our furniture is on its way to Ghent, where we have rented a flat.", "home"),
            ("There is no meal that I would swap for gnocchi.", "favourite food"),
            ("You'll get hold of me under 0471 5522.", "phone number"),
            ("We picked up our new Citroen at the dealer's today.", "car"),
            ("I now take lessons on the trombone.", "instrument"),
        ],
    )
    def test_a_statement(self, kinds: Kinds, text: str, kind: str) -> None:
        assert told(kinds, text)[0] == kind

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("How is it that I make my money?", "job"),
            ("Which town should I give as my address?", "home"),
            ("Whom do I see about my teeth?", "dentist"),
            ("What would you say I like to eat more than anything?", "favourite food"),
        ],
    )
    def test_a_question(self, kinds: Kinds, text: str, kind: str) -> None:
        assert next(iter(kinds.attributes_asked(kinds.embedder.documents([text])[0]))) == kind


def test_what_says_nothing_of_anybody_is_of_no_kind(kinds: Kinds) -> None:
    assert told(kinds, "A heron stood in the pond all morning.") == []
