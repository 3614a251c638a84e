"""Words that mean much the same: a scope's vocabulary, soft matches, and query expansion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem.embedding.embedder import Embedder
from agentmem_retrievers.features.lexical import TermExpansion, idf
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.vocabulary import Vocabulary
from agentmem_retrievers.ranking.second_stage import rm1_scores
from agentmem_retrievers.text.tokenize import stems_of, words_in
from agentmem_stores import Vectors

DOCS = Path(__file__).parents[2] / "docs"


class Counted:
    """The real embeddings, and what they were asked for."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embedder = Embedder(embeddings)
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        return self._embedder.documents(texts)


@pytest.fixture
def embed(embeddings: Embeddings) -> Counted:
    return Counted(embeddings)


def vocabulary_of(*words: str) -> Vocabulary:
    vocabulary = Vocabulary(384)
    vocabulary.add(stems_of(words), words, lambda stem: 1)
    return vocabulary


def similar_terms(vocabulary: Vocabulary, word: str, embed: Counted) -> list[str]:
    [stem] = stems_of([word])
    found = vocabulary.similar_terms({stem: word}, embed, lambda stem: 1)
    return [other for other, _ in found[stem]]


def test_a_word_finds_those_that_mean_much_the_same(embed: Counted) -> None:
    vocabulary = vocabulary_of("puppy", "carburettor", "kitten", "tuesday")
    assert similar_terms(vocabulary, "dog", embed)[0] == "puppi"
    assert "carburettor" not in similar_terms(vocabulary, "dog", embed)


def test_of_very_many_words_those_that_stand_once_are_left_out() -> None:
    vocabulary, held = Vocabulary(384, rare_words_up_to=2), {"hound": 1, "puppi": 1, "kitten": 1}
    for word in ("hound", "puppy", "kitten"):
        vocabulary.add(stems_of([word]), [word], held.__getitem__)
    assert len(vocabulary) == 2
    held["kitten"] = 2
    vocabulary.add(["kitten"], ["kittens"], held.__getitem__)
    assert len(vocabulary) == 3


def test_of_very_many_words_those_alike_in_signs_are_as_good_as_all(
    embed: Counted,
) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md")))
    words = [word for word in dict.fromkeys(words_in(text)) if word.isalpha()]
    vocabulary = vocabulary_of(*words)
    asked = dict(list(zip(stems_of(words), words, strict=True))[::10])
    exact = vocabulary.similar_terms(asked, embed, lambda stem: 1)
    vocabulary.exact_up_to, vocabulary.shortlist = len(vocabulary) // 2, len(vocabulary) // 10
    quick = vocabulary.similar_terms(asked, embed, lambda stem: 1)
    kept = [len({s for s, _ in quick[a]} & {s for s, _ in exact[a]}) for a in asked]
    assert sum(kept) >= 0.97 * sum(len(found) for found in exact.values())
    assert sum(len(found) for found in exact.values()) > 2 * len(asked)


def test_words_that_come_later_are_compared_by_their_signs_too(
    embed: Counted,
) -> None:
    vocabulary = vocabulary_of("carburettor", "tuesday", "sonata", "invoice")
    vocabulary.exact_up_to = vocabulary.shortlist = 2
    assert similar_terms(vocabulary, "dog", embed) == []
    vocabulary.add(["puppi"], ["puppy"], lambda stem: 1)
    assert similar_terms(vocabulary, "dog", embed) == ["puppi"]
    vocabulary.prune(lambda stem: int(stem != "tuesday"))
    assert similar_terms(vocabulary, "dog", embed) == ["puppi"]


def test_words_are_embedded_once_and_together(embed: Counted) -> None:
    vocabulary = vocabulary_of("puppy", "kitten")
    similar_terms(vocabulary, "puppy", embed)
    similar_terms(vocabulary, "kitten", embed)
    assert embed.asked == [["puppy", "kitten"]]


def test_a_word_of_what_was_deleted_is_nobodys_kin(embed: Counted) -> None:
    vocabulary = vocabulary_of("puppy", "hound")
    found = vocabulary.similar_terms({"dog": "dog"}, embed, {"hound": 1, "puppi": 0}.__getitem__)
    assert [stem for stem, _ in found["dog"]] == ["hound"]


def test_keys_and_numbers_have_no_kin(embed: Counted) -> None:
    vocabulary = vocabulary_of("a1b2", "2023", "street")
    assert len(vocabulary) == 1
    assert similar_terms(vocabulary, "7f3e", embed) == []
    assert embed.asked == [["street"]]


def index_of(*documents: list[str]) -> InvertedIndex:
    index = InvertedIndex()
    for document in documents:
        index.add(document)
    return index


def test_what_was_pruned_is_gone_and_the_others_keep_their_names(embed: Counted) -> None:
    vocabulary = vocabulary_of("carburettor", "puppy", "kitten")
    similar_terms(vocabulary, "dog", embed)
    vocabulary.prune(lambda stem: int(stem != "carburettor"))
    assert similar_terms(vocabulary, "dog", embed)[0] == "puppi"
    assert "carburettor" not in str(vars(vocabulary))


def test_the_best_word_of_a_document_counts() -> None:
    index = index_of(["dog", "puppi"], ["puppi"], ["cat"], ["car"])
    found = TermExpansion(index, {"dog": [("puppi", 0.8), ("cat", 0.5)]})
    rare, common = float(idf(4, 1.0)), float(idf(4, 2.0))
    assert found.at(found.best[0], np.arange(4)) == pytest.approx(
        [rare, 0.64 * common, 0.25 * rare, 0]
    )
    assert found.at(found.similar[0], np.arange(4)) == pytest.approx(
        [0.64 * common, 0.64 * common, 0.25 * rare, 0]
    )


def test_a_match_covers_no_more_than_was_asked() -> None:
    index = index_of(["dog"], ["dog"], ["dog"], ["terrier"])
    found = TermExpansion(index, {"dog": [("terrier", 1.0)]})
    assert found.at(found.covered[0], np.array(3)) == pytest.approx(found.idf[0])
    assert found.at(found.best[0], np.array(3)) > found.idf[0]


def test_what_was_found_says_what_else_to_look_for() -> None:
    index = index_of(["dog", "beagl"], ["beagl", "bone"], ["car", "road"], ["dog", "road"])
    rows = np.arange(4)
    gain = rm1_scores(index, rows, np.array([0.0, -8.0, -8.0, -8.0]), {"dog"})
    assert gain[1] > gain[2]
    assert gain[1] > gain[3]


def test_nothing_found_adds_nothing() -> None:
    index = index_of([], [])
    assert rm1_scores(index, np.arange(2), np.zeros(2), set()) == pytest.approx([0, 0])
