"""The vocabulary of a scope and the similar terms in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem.embedding.embedder import Embedder
from agentmem_retrievers.index.inverted_index import SimilarTerm, Vocabulary
from agentmem_retrievers.text.tokenize import stems_of, words_in
from agentmem_stores import Vectors

DOCS = Path(__file__).parents[3] / "docs"


class RecordingEmbedder:
    """Real embeddings that record the texts of each call."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embedder = Embedder(embeddings)
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return self._embedder.documents(texts)


@pytest.fixture
def embed(embeddings: Embeddings) -> RecordingEmbedder:
    return RecordingEmbedder(embeddings)


def vocabulary_of(*words: str) -> Vocabulary:
    vocabulary = Vocabulary(384)
    vocabulary.add(stems_of(words), words, lambda stem: 1)
    return vocabulary


def similar_terms(vocabulary: Vocabulary, word: str, embed: RecordingEmbedder) -> list[str]:
    [stem] = stems_of([word])
    similar = lookup(vocabulary, {stem: word}, embed)
    return [other for other, _ in similar[stem]]


def lookup(
    vocabulary: Vocabulary,
    words: Mapping[str, str],
    embed: RecordingEmbedder,
    document_frequency: Callable[[str], int] = lambda stem: 1,
) -> dict[str, list[SimilarTerm]]:
    """Embed what is missing in one batch, as a search does, and find similar terms."""
    missing = vocabulary.to_embed(words)
    vectors = dict(zip(missing, embed(missing), strict=True)) if missing else {}
    vocabulary.learn(vectors)
    return vocabulary.similar_terms(
        words, vectors, lambda stems: np.array([document_frequency(stem) for stem in stems])
    )


def test_similar_words_are_found(embed: RecordingEmbedder) -> None:
    vocabulary = vocabulary_of("puppy", "carburettor", "kitten", "tuesday")
    assert similar_terms(vocabulary, "dog", embed)[0] == "puppi"
    assert "carburettor" not in similar_terms(vocabulary, "dog", embed)


def test_a_large_vocabulary_leaves_out_words_of_one_document() -> None:
    vocabulary, frequencies = (
        Vocabulary(384, rare_words_up_to=2),
        {"hound": 1, "puppi": 1, "kitten": 1},
    )
    for word in ("hound", "puppy", "kitten"):
        vocabulary.add(stems_of([word]), [word], frequencies.__getitem__)
    assert len(vocabulary) == 2
    frequencies["kitten"] = 2
    vocabulary.add(["kitten"], ["kittens"], frequencies.__getitem__)
    assert len(vocabulary) == 3


def test_the_shortlist_of_a_large_vocabulary_finds_nearly_all_similar_terms(
    embed: RecordingEmbedder,
) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md")))
    words = [word for word in dict.fromkeys(words_in(text)) if word.isalpha()]
    vocabulary = vocabulary_of(*words)
    queries = dict(list(zip(stems_of(words), words, strict=True))[::10])
    exact = lookup(vocabulary, queries, embed)
    vocabulary.exact_up_to, vocabulary.shortlist = len(vocabulary) // 2, len(vocabulary) // 10
    quick = lookup(vocabulary, queries, embed)
    common = [len({s for s, _ in quick[q]} & {s for s, _ in exact[q]}) for q in queries]
    assert sum(common) >= 0.97 * sum(len(similar) for similar in exact.values())
    assert sum(len(similar) for similar in exact.values()) > 2 * len(queries)


def test_words_added_later_and_left_after_pruning_are_in_the_shortlist(
    embed: RecordingEmbedder,
) -> None:
    vocabulary = vocabulary_of("carburettor", "tuesday", "sonata", "invoice")
    vocabulary.exact_up_to = vocabulary.shortlist = 2
    assert similar_terms(vocabulary, "dog", embed) == []
    vocabulary.add(["puppi"], ["puppy"], lambda stem: 1)
    assert similar_terms(vocabulary, "dog", embed) == ["puppi"]
    vocabulary.prune(lambda stem: int(stem != "tuesday"))
    assert similar_terms(vocabulary, "dog", embed) == ["puppi"]


def test_words_are_embedded_once_in_one_batch(embed: RecordingEmbedder) -> None:
    vocabulary = vocabulary_of("puppy", "kitten")
    similar_terms(vocabulary, "puppy", embed)
    similar_terms(vocabulary, "kitten", embed)
    assert embed.calls == [["puppy", "kitten"]]


def test_words_of_deleted_documents_are_not_similar_terms(embed: RecordingEmbedder) -> None:
    vocabulary = vocabulary_of("puppy", "hound")
    similar = lookup(vocabulary, {"dog": "dog"}, embed, {"hound": 1, "puppi": 0}.__getitem__)
    assert [stem for stem, _ in similar["dog"]] == ["hound"]


def test_words_with_digits_have_no_similar_terms(embed: RecordingEmbedder) -> None:
    vocabulary = vocabulary_of("a1b2", "2023", "street")
    assert len(vocabulary) == 1
    assert similar_terms(vocabulary, "7f3e", embed) == []
    assert embed.calls == [["street"]]


def test_pruning_drops_words_and_keeps_the_others(embed: RecordingEmbedder) -> None:
    vocabulary = vocabulary_of("carburettor", "puppy", "kitten")
    similar_terms(vocabulary, "dog", embed)
    vocabulary.prune(lambda stem: int(stem != "carburettor"))
    assert similar_terms(vocabulary, "dog", embed)[0] == "puppi"
    assert "carburettor" not in str(vars(vocabulary))
