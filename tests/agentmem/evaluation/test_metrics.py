"""The metrics agree with values computed by hand, and with a direct reading of the formula."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.evaluation.metrics import auroc, cutoffs, ndcg, ranking_scores, recall_all, recall_any
from agentmem.evaluation.metrics import mean_by_name as means

names = st.lists(st.sampled_from("abcdefghijkl"), unique=True)
some = st.sets(st.sampled_from("abcdefghijkl"), min_size=1)
ranks = st.integers(1, 14)


def plain_ndcg(ranked: list[str], relevant: set[str], k: int) -> float:
    def gain(order: list[float]) -> float:
        return sum(g if i < 2 else g / math.log2(i) for i, g in enumerate(order[:k], start=1))

    return gain([float(r in relevant) for r in ranked]) / gain([1.0] * len(relevant))


class TestRecall:
    def test_recall_all_needs_every_piece_of_evidence(self) -> None:
        assert recall_all("abcd", {"a", "c"}, 3) == 1.0
        assert recall_all("abcd", {"a", "d"}, 3) == 0.0

    def test_recall_any_needs_one(self) -> None:
        assert recall_any("abcd", {"d", "c"}, 3) == 1.0
        assert recall_any("abcd", {"d", "x"}, 3) == 0.0

    @given(names, some, ranks)
    def test_recall_all_is_at_most_recall_any(
        self, ranked: list[str], relevant: set[str], k: int
    ) -> None:
        assert recall_all(ranked, relevant, k) <= recall_any(ranked, relevant, k)

    @given(names, some, ranks)
    def test_both_follow_from_the_number_of_hits(
        self, ranked: list[str], relevant: set[str], k: int
    ) -> None:
        n_relevant = sum(name in relevant for name in ranked[:k])
        assert recall_all(ranked, relevant, k) == (n_relevant == len(relevant))
        assert recall_any(ranked, relevant, k) == (n_relevant > 0)


class TestNdcg:
    def test_the_first_two_ranks_are_not_discounted(self) -> None:
        assert ndcg("ab", {"a"}, 10) == ndcg("ba", {"a"}, 10) == 1.0

    def test_value_computed_by_hand(self) -> None:
        # Found at ranks 1 and 4 of three: (1 + 1/log2 4) / (1 + 1 + 1/log2 3).
        assert ndcg("axyb", {"a", "b", "c"}, 10) == pytest.approx(1.5 / (2 + 1 / math.log2(3)))

    def test_the_ideal_ranking_ends_at_k(self) -> None:
        assert ndcg("ab", {"a", "b", "c", "d"}, 2) == 1.0

    @given(names, some, ranks)
    def test_follows_the_formula(self, ranked: list[str], relevant: set[str], k: int) -> None:
        assert ndcg(ranked, relevant, k) == pytest.approx(plain_ndcg(ranked, relevant, k))


class TestScores:
    def test_every_metric_at_every_cutoff(self) -> None:
        result = ranking_scores("ab", {"b"}, (1, 5))
        assert result == {"recall_all@1": 0.0, "recall_all@5": 1.0, "recall_any@1": 0.0,
                         "recall_any@5": 1.0, "ndcg@1": 0.0, "ndcg@5": 1.0}  # fmt: skip

    def test_cutoffs_end_at_k(self) -> None:
        assert cutoffs(10) == (1, 3, 5, 10)
        assert cutoffs(4) == (1, 3, 4)
        assert cutoffs(50) == (1, 3, 5, 10, 30, 50)

    def test_a_mean_is_over_the_questions_that_have_the_metric(self) -> None:
        assert means([{"a": 1.0}, {"a": 0.0, "b": 1.0}]) == {"a": 0.5, "b": 1.0}


class TestAuroc:
    def test_counts_pairs_in_the_right_order(self) -> None:
        assert auroc([0.9, 0.4], [0.1, 0.5]) == 0.75
        assert auroc([0.5], [0.5]) == 0.5

    def test_needs_both_kinds(self) -> None:
        assert auroc([0.9], []) is None
