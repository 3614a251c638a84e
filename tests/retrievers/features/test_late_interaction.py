"""Late interaction of the tokens of questions and turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem_retrievers.features.late_interaction import LateInteraction, QueryToken
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.quantized import TokenCodes, decode_tokens, encode_tokens
from agentmem_retrievers.index.table import ContextWindow
from agentmem_stores import token_code_bytes

DIMENSION = 100


def words(count: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return drawn.astype(np.float32)


counts = st.lists(st.integers(0, 9), max_size=200)


class TestTokenCodes:
    @given(counts, st.data())
    def test_each_row_has_its_codes(self, held: list[int], data: st.DataObject) -> None:
        """Whether they are in memory, were read from a file, or some of each."""
        packed = [encode_tokens(words(n, seed)) for seed, n in enumerate(held)]
        first = data.draw(st.integers(0, len(held)))
        codes = TokenCodes(DIMENSION)
        for row in packed[:first]:
            codes.add(row)
        signs = TokenCodes(DIMENSION, *codes.all())
        for row in packed[first:]:
            signs.add(row)
        rows = np.array(data.draw(st.permutations(range(len(held)))), dtype=np.intp)
        bits, sizes = signs.of(rows)
        assert sizes.tolist() == [held[row] for row in rows]
        assert bits.tobytes() == b"".join(packed[row] for row in rows)
        assert signs.all()[0].tobytes() == b"".join(packed)

    def test_cleared_rows_are_zero(self) -> None:
        signs = TokenCodes(DIMENSION)
        for seed in range(3):
            signs.add(encode_tokens(words(2, seed)))
        bits, ends = signs.all()
        for codes in (signs, TokenCodes(DIMENSION, bits.copy(), ends.copy())):
            codes.clear(1)
            actual, _ = codes.of(np.arange(3))
            assert actual.any(axis=1).tolist() == [True, True, False, False, True, True]

    def test_a_bit_is_the_sign_of_a_component(self) -> None:
        packed = encode_tokens(np.array([[1.0, -1.0, 0.0, 2.0]], dtype=np.float32))
        assert len(packed) == token_code_bytes(4) == 8
        assert packed[0] == 0b10010000
        assert decode_tokens(packed, 4).shape == (1, 1)


class TestLateInteraction:
    def index(self) -> InvertedIndex:
        index = InvertedIndex()
        for terms in (["tea"], ["tea", "garden"], ["tea"]):
            index.add(terms)
        return index

    def test_is_the_greatest_similarity_of_each_token_weighted_by_idf(self) -> None:
        """ColBERT, eq. 3, over the share of signs that agree."""
        query, documents = words(2, 1), [words(3, 2), words(0, 3), words(4, 4)]
        signs = TokenCodes(DIMENSION)
        for embeddings in documents:
            signs.add(encode_tokens(embeddings))
        tokens = [
            QueryToken("tea", encode_tokens(query[:1])),
            QueryToken("garden", encode_tokens(query[1:])),
        ]
        rows = np.arange(3)
        late = LateInteraction(signs, self.index(), tokens, DIMENSION)
        none = np.full(3, -1)
        around = ContextWindow.of({0: rows, -1: none, 1: none, -2: none, 2: none}, n_rows=3)
        features = late.compute(around, np.array([0, 0, 1]))

        idf = np.log(1 + (3 - np.array([3.0, 1.0]) + 0.5) / (np.array([3.0, 1.0]) + 0.5))
        expected = []
        for embeddings in documents:
            alike = np.sign(query) @ np.sign(embeddings).T / DIMENSION
            best = alike.max(axis=1) if len(embeddings) else np.zeros(2)
            expected.append(float(idf @ np.maximum(best, 0) / idf.sum()))
        np.testing.assert_allclose(features["late.turn"], expected, atol=1e-6)
        np.testing.assert_allclose(features["late.near"], expected, atol=1e-6)
        both = max(expected[:2])
        np.testing.assert_allclose(features["late.session"], [both, both, expected[2]], atol=1e-6)

    def test_distinguishes_strong_rare_and_missing_matches(self) -> None:
        query, documents = words(4, 1), [words(3, 2), words(0, 3), words(4, 4)]
        signs = TokenCodes(DIMENSION)
        for embeddings in documents:
            signs.add(encode_tokens(embeddings))
        names = ["tea", "garden", "spade", "rake"]
        tokens = [
            QueryToken(name, encode_tokens(query[i : i + 1])) for i, name in enumerate(names)
        ]  # tea stands in three of three, garden in one, the others in none
        beside = {0: np.arange(3), -1: np.array([-1, 0, 1]), 1: np.array([1, 2, -1])}
        around = ContextWindow.of(beside | {-2: np.full(3, -1), 2: np.full(3, -1)}, n_rows=3)
        features = LateInteraction(signs, self.index(), tokens, DIMENSION).compute(
            around, np.zeros(3, np.int32)
        )

        holding = np.array([3.0, 1.0, 0.0, 0.0])
        idf = np.log(1 + (3 - holding + 0.5) / (holding + 0.5))
        alike = [np.maximum(np.sign(query) @ np.sign(e).T / DIMENSION, 0) for e in documents]
        best = np.stack([a.max(axis=1, initial=0.0) for a in alike], axis=1)
        expected = {
            "late.turn_strong": idf @ best**2 / idf.sum(),
            "late.turn_rare": idf**2 @ best / (idf**2).sum(),
            "late.turn_least": best[1:].min(axis=0),
            "late.previous": idf @ np.maximum(best, best[:, [1, 0, 1]] * [0, 1, 1]) / idf.sum(),
            "late.next": idf @ np.maximum(best, best[:, [1, 2, 0]] * [1, 1, 0]) / idf.sum(),
            "late.precision": [a.max(axis=0).mean() if a.size else 0.0 for a in alike],
            "late.close": [np.log1p((a.max(axis=0) ** 4).sum()) if a.size else 0 for a in alike],
        }
        for name, values in expected.items():
            np.testing.assert_allclose(features[name], values, atol=1e-6, err_msg=name)

    def test_neighbors_count_less(self) -> None:
        query = words(1, 1)
        signs = TokenCodes(DIMENSION)
        signs.add(encode_tokens(query))
        signs.add(b"")
        late = LateInteraction(
            signs, self.index(), [QueryToken("tea", encode_tokens(query))], DIMENSION
        )
        none, rows = np.full(2, -1), np.arange(2)
        beside = {0: rows, -1: np.array([-1, 0]), 1: np.array([1, -1]), -2: none, 2: none}
        features = late.compute(ContextWindow.of(beside, n_rows=2), np.zeros(2, np.int32))
        assert features["late.near"].tolist() == pytest.approx([1.0, 0.9])

    def test_without_tokens_features_are_zero(self) -> None:
        signs = TokenCodes(DIMENSION)
        signs.add(b"")
        around = ContextWindow.of({offset: np.arange(1) for offset in range(-2, 3)}, n_rows=1)
        for tokens in ([], [QueryToken("tea", encode_tokens(words(1, 1)))]):
            late = LateInteraction(signs, self.index(), tokens, DIMENSION)
            features = late.compute(around, np.zeros(1, np.int32))
            assert features["late.near"].tolist() == [0.0]
