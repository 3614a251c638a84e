"""The words of a scope, and which of them mean much the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.context import Rows
from agentmem_retrievers.index.token_codes import (
    Bits,
    decode_tokens,
    encode_tokens,
    hamming_distances,
)
from agentmem_stores import Vectors, token_code_bytes

__all__ = ["Embed", "SimilarTerm", "Vocabulary"]

# Returns embeddings of texts, float32 of shape (n, dimension), rows of unit length.
Embed = Callable[[Sequence[str]], Vectors]

# A word of the scope, by its stem, and its cosine to the word that was asked for.
SimilarTerm = tuple[str, float]

Alike = NDArray[np.floating]

# A word has this many kin at most, none of them less alike.
MOST_KIN = 12
LEAST_ALIKE = 0.45
# All words are compared with each that is asked for. Of a scope with more than these, those that
# stand in one document alone are left out, which are about half of all.
ALL_WORDS = 8192
# Of more words than the first, which do not fit a processor's cache, those are compared whose
# signs differ least from those of the word that is asked for.
COMPARED, ALIKE_IN_SIGNS = 4096, 256


class Vocabulary:
    """One written word for each stem, and its embedding.

    Words are noted when they are written and embedded when they are next needed. Those with
    digits are not: what a number or a key looks like says nothing of what it stands for.
    """

    def __init__(self, dimension: int) -> None:
        self._rows: dict[str, int] = {}
        self._written: list[str] = []
        self._stems: list[str] = []
        # With room for more, so that a new word does not copy all others.
        self._room = np.zeros((64, dimension), dtype=np.float32)
        self._embedded = 0
        # Of the embeddings, as far as they were needed; see `_sign_columns`.
        self._signs: Bits = np.empty((token_code_bytes(dimension) // 8, 0), dtype=np.uint64)
        # How many of them were, when they were last written down.
        self._frozen = 0

    @property
    def _vectors(self) -> Vectors:
        return self._room[: self._embedded]

    def __len__(self) -> int:
        return len(self._rows)

    def note(self, stems: Sequence[str], words: Sequence[str], held: Callable[[str], int]) -> None:
        """Take in stems that are new, each with the word that it is the stem of.

        Args:
            held: in how many documents a stem stands, this one included.
        """
        for stem, word in zip(stems, words, strict=True):
            if stem in self._rows or not word.isalpha():
                continue
            if len(self._rows) < ALL_WORDS or held(stem) > 1:
                self._rows[stem] = len(self._written)
                self._written.append(word)
                self._stems.append(stem)

    def prune(self, held: Callable[[str], int]) -> None:
        """Let go of the words that stand in no document any more."""
        kept = [stem for stem in self._rows if held(stem)]
        rows = [self._rows[stem] for stem in kept]
        embedded = [row for row in rows if row < len(self._vectors)]
        self._room = self._vectors[embedded]
        self._embedded = len(embedded)
        self._signs = np.empty((len(self._signs), 0), dtype=np.uint64)
        self._frozen = min(self._frozen, self._embedded)
        self._written = [self._written[row] for row in rows]
        self._stems = kept
        self._rows = {stem: row for row, stem in enumerate(kept)}

    def learn(self, embed: Embed) -> None:
        """Embed the words that have been noted since the last time, in one batch."""
        fresh = self._written[self._embedded :]
        if not fresh:
            return
        vectors, known = embed(fresh), len(self._written)
        if known > len(self._room):
            room = np.zeros((known + known // 4, vectors.shape[1]), dtype=np.float32)
            room[: self._embedded] = self._vectors
            self._room = room
        self._room[self._embedded : known] = vectors
        self._embedded = known

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Write down everything."""
        into.strings[f"{name}.written"], into.strings[f"{name}.stems"] = self._written, self._stems
        into.arrays[f"{name}.vectors"] = self._vectors
        self._frozen = self._embedded

    def unkept(self) -> float:
        """The share of the words that were embedded since they were last written down."""
        return 1 - self._frozen / self._embedded if self._embedded else 0.0

    @classmethod
    def from_arrays(cls, frozen: ArrayFile, name: str, dimension: int) -> Vocabulary:
        """Take over what was written down."""
        vocabulary = cls(dimension)
        vocabulary._written = frozen.strings[f"{name}.written"]
        vocabulary._stems = frozen.strings[f"{name}.stems"]
        vocabulary._rows = {stem: row for row, stem in enumerate(vocabulary._stems)}
        vocabulary._room = frozen.arrays[f"{name}.vectors"]
        vocabulary._embedded = vocabulary._frozen = len(vocabulary._room)
        return vocabulary

    def similar_terms(
        self, asked: Mapping[str, str], embed: Embed, held: Callable[[str], int]
    ) -> dict[str, list[SimilarTerm]]:
        """Return for each asked stem the words of the scope that are alike, nearest first.

        Args:
            asked: stems, each with the word that it is the stem of.
            held: in how many documents a stem stands; what stands in none is nobody's kin.
        """
        vectors = self._vectors_of(asked, embed)
        found: dict[str, list[SimilarTerm]] = {stem: [] for stem in asked}
        if vectors:
            compared = self._compared(np.stack(list(vectors.values())))
            for stem, (rows, alike) in zip(vectors, compared, strict=True):
                found[stem] = self._nearest(rows, alike, held)
        return found

    def _compared(self, asked: Vectors) -> Iterator[tuple[Rows, Alike]]:
        """The words that may be like each of those asked for, ascending, and their cosines."""
        if self._embedded <= COMPARED:
            everything = np.arange(self._embedded)
            yield from ((everything, alike) for alike in (self._vectors @ asked.T).T)
            return
        signs = decode_tokens(encode_tokens(asked), asked.shape[1])
        for vector, differ in zip(
            asked, hamming_distances(self._sign_columns(), signs), strict=True
        ):
            # As many as differ by so much or less; counting them is faster than sorting.
            enough = np.searchsorted(np.bincount(differ).cumsum(), ALIKE_IN_SIGNS + 1)
            rows = np.flatnonzero(differ <= enough)
            yield rows, np.take(self._vectors, rows, axis=0) @ vector

    def _sign_columns(self) -> Bits:
        """The signs of all embeddings, shape (64-bit integers, words)."""
        known = self._signs.shape[1]
        if known < self._embedded:
            new = decode_tokens(encode_tokens(self._vectors[known:]), self._vectors.shape[1])
            self._signs = np.concatenate([self._signs, new.T], axis=1)
        return self._signs

    def _nearest(self, rows: Rows, alike: Alike, held: Callable[[str], int]) -> list[SimilarTerm]:
        wanted = MOST_KIN + 1
        while True:
            best = _best(alike, wanted)
            stems = [self._stems[i] for i in rows[best]]
            similar_terms = [
                (s, float(alike[i])) for s, i in zip(stems, best, strict=True) if held(s)
            ]
            # Where words are gone that stood there, those behind them are looked at as well.
            if len(similar_terms) > MOST_KIN or len(best) < wanted:
                return similar_terms[: MOST_KIN + 1]
            wanted *= 2

    def _vectors_of(self, asked: Mapping[str, str], embed: Embed) -> dict[str, Vectors]:
        self.learn(embed)
        vectors = {s: self._vectors[self._rows[s]] for s in asked if s in self._rows}
        strange = [s for s, word in asked.items() if s not in vectors and word.isalpha()]
        if strange and self._rows:
            vectors.update(zip(strange, embed([asked[s] for s in strange]), strict=True))
        return vectors


def _best(alike: Alike, most: int) -> NDArray[np.intp]:
    """The places of the most alike, at most so many, best first."""
    enough = np.flatnonzero(alike >= LEAST_ALIKE)
    return enough[np.argsort(-alike[enough], kind="stable")][:most]
