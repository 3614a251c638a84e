"""The model of attributes, with the default embedder."""

from __future__ import annotations

import pytest
from langchain_core.embeddings import Embeddings

from agentmem.attributes.model import AttributeModel
from agentmem.embedding.embedder import Embedder


@pytest.fixture(scope="module")
def model(embeddings: Embeddings) -> AttributeModel:
    return AttributeModel(Embedder(embeddings))


def most_likely(model: AttributeModel, text: str) -> str | None:
    attributes = model.attributes_asked(model.embedder.documents([text])[0])
    return next(iter(attributes), None)


class TestWordingsThatAreNotInTheFile:
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
    def test_a_statement(self, model: AttributeModel, text: str, kind: str) -> None:
        assert most_likely(model, text) == kind

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("How is it that I make my money?", "job"),
            ("Which town should I give as my address?", "home"),
            ("Whom do I see about my teeth?", "dentist"),
            ("What would you say I like to eat more than anything?", "favourite food"),
        ],
    )
    def test_a_question(self, model: AttributeModel, text: str, kind: str) -> None:
        assert most_likely(model, text) == kind


def test_general_texts_state_no_attribute(model: AttributeModel) -> None:
    assert most_likely(model, "A heron stood in the pond all morning.") is None
