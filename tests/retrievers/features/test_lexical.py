"""Lexical matching: stems, BM25 that stays right while documents come and go, expansion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem_retrievers.features.lexical import (
    MAX_POSTINGS,
    TermExpansion,
    TermStats,
    bm25,
    idf,
)
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.text.tokenize import tokenize

words = st.lists(st.sampled_from("abcdefg"), max_size=8)


def index_of(*documents: list[str]) -> InvertedIndex:
    index = InvertedIndex()
    for document in documents:
        index.add(document)
    return index


def scores(index: InvertedIndex, term: str, k1: float, b: float) -> list[float]:
    stats, rows = TermStats(index, [term]), np.arange(index.n_numbers)
    frequencies = stats.frequencies(rows)
    return list(bm25(frequencies, stats.lengths(rows), stats.mean_length, stats.idf, k1, b))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("What did she research?", ["research"]),
        ("Adopting dogs, adopted dog's", ["adopt", "dog", "adopt", "dog"]),
        ("It\u2019s Biscuit\u2019s bowl", ["biscuit", "bowl"]),
        ("我喜欢猫", ["我", "我喜", "喜", "喜欢", "欢", "欢猫", "猫"]),
        ("?!", []),
    ],
)
def test_keeps_the_stems_of_words_that_carry_meaning(text: str, terms: list[str]) -> None:
    assert tokenize(text) == terms


def test_bm25_is_the_formula() -> None:
    index = index_of(["a", "b", "a"], ["b"], ["c", "c"])
    rarity = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    tf = 2 * 2.2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert scores(index, "a", 1.2, 0.75) == pytest.approx([rarity * tf, 0, 0])


@given(st.lists(words, min_size=1, max_size=8), st.data())
def test_removed_documents_leave_no_trace(documents: list[list[str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(documents) - 1), max_size=len(documents)))
    index = index_of(*documents)
    for number in gone:
        index.remove(number)
    remaining = [i for i in range(len(documents)) if i not in gone]
    fresh = index_of(*(documents[i] for i in remaining))
    for term in "abcdefg":
        actual, expected = scores(index, term, 0.9, 0.4), scores(fresh, term, 0.9, 0.4)
        assert [actual[i] for i in remaining] == pytest.approx(expected)
        assert not any(actual[i] for i in gone)


def test_expansion_reads_a_bounded_number_of_postings() -> None:
    index = index_of(*([["rare", "common"]] + [["common"]] * MAX_POSTINGS))
    assert TermExpansion(index, {"common": ()}).rows.tolist() == []
    both = TermExpansion(index, {"common": (), "rare": ()})
    assert both.rows.tolist() == [0]
    assert (both.best > 0).all(), "still counts where it is found"


def test_similar_terms_that_are_too_common_to_be_read_do_not_count() -> None:
    documents = [["rare", "near"], ["near", "common"], *([["common"]] * MAX_POSTINGS)]
    index = index_of(*documents)
    expansion = TermExpansion(index, {"rare": [("near", 0.9), ("common", 0.9)]})
    assert expansion.rows.tolist() == [0, 1]
    assert expansion.similar[0].tolist() == pytest.approx([0.81 * float(idf(len(index), 2.0))] * 2)
    assert expansion.at(expansion.best[0], np.array(2)) == 0


def test_frequencies_of_any_rows() -> None:
    index = index_of(["a", "a"], ["b"], ["a", "b"])
    rows = np.array([2, -1, 0, 1])
    assert TermStats(index, ["a", "b"]).frequencies(rows).tolist() == [[1, 0, 2, 0], [1, 0, 0, 1]]


def test_coverage_is_the_share_of_idf() -> None:
    index = index_of(["rare", "common"], ["common"], ["common"])
    coverage = TermStats(index, ["rare", "common"]).coverage()
    assert coverage[0] == pytest.approx(1)
    assert 0 < coverage[1] < 0.3


def test_the_best_similar_term_of_a_document_counts() -> None:
    index = index_of(["dog", "puppi"], ["puppi"], ["cat"], ["car"])
    expansion = TermExpansion(index, {"dog": [("puppi", 0.8), ("cat", 0.5)]})
    rare, common = float(idf(4, 1.0)), float(idf(4, 2.0))
    assert expansion.at(expansion.best[0], np.arange(4)) == pytest.approx(
        [rare, 0.64 * common, 0.25 * rare, 0]
    )
    assert expansion.at(expansion.similar[0], np.arange(4)) == pytest.approx(
        [0.64 * common, 0.64 * common, 0.25 * rare, 0]
    )


def test_a_similar_term_covers_no_more_than_the_term() -> None:
    index = index_of(["dog"], ["dog"], ["dog"], ["terrier"])
    expansion = TermExpansion(index, {"dog": [("terrier", 1.0)]})
    assert expansion.at(expansion.covered[0], np.array(3)) == pytest.approx(expansion.idf[0])
    assert expansion.at(expansion.best[0], np.array(3)) > expansion.idf[0]
