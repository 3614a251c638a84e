"""The vocabulary of a scope, with word embeddings to find similar terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.quantized import (
    Codes,
    decode_tokens,
    encode_tokens,
    hamming_distances,
)
from agentmem_stores import Vectors, token_code_bytes

__all__ = ["Embed", "SimilarTerm", "Vocabulary"]

# Returns embeddings of texts, float32 of shape (n, dimension), rows of unit length.
Embed = Callable[[Sequence[str]], Vectors]

# A stem of the scope and its cosine to the query's word.
SimilarTerm = tuple[str, float]

# At most this many similar terms besides the word itself, none with a smaller cosine.
MAX_SIMILAR = 12
MIN_COSINE = 0.45


class Vocabulary:
    """One word for each stem, and the word's embedding.

    Words are added when they are written and embedded when a search first needs them. Words with
    digits are left out: the look of a number or key says nothing about its meaning.

    Args:
        dimension: of the embeddings.
        rare_words_up_to: a vocabulary of this size admits only words that occur in more than one
            document; about half of all words occur in one.
        exact_up_to: a vocabulary of this size is compared word by word; the embeddings of a
            larger one do not fit the processor's cache.
        shortlist: of a larger vocabulary, this many words with the least Hamming distance to the
            query's word are compared.
    """

    def __init__(
        self,
        dimension: int,
        *,
        rare_words_up_to: int = 8192,
        exact_up_to: int = 4096,
        shortlist: int = 256,
    ) -> None:
        self.rare_words_up_to = rare_words_up_to
        self.exact_up_to = exact_up_to
        self.shortlist = shortlist
        self._rows: dict[str, int] = {}
        self._words: list[str] = []
        self._stems: list[str] = []
        # Grown ahead, so that a new word does not copy all embeddings.
        self._buffer = np.zeros((64, dimension), dtype=np.float32)
        self._n_embedded = 0
        # Sign codes of the embeddings, transposed; filled when `exact_up_to` is exceeded.
        self._codes: Codes = np.empty((token_code_bytes(dimension) // 8, 0), dtype=np.uint64)
        self._n_persisted = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, stem: object) -> bool:
        return stem in self._rows

    @property
    def stems(self) -> tuple[str, ...]:
        """All stems, in the order in which they came."""
        return tuple(self._stems)

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each stem."""
        return tuple(self._words)

    def add(
        self, stems: Sequence[str], words: Sequence[str], document_frequency: Callable[[str], int]
    ) -> None:
        """Add the stems that are new, each with its word.

        Args:
            document_frequency: how many documents contain a stem, the present one included.
        """
        for stem, word in zip(stems, words, strict=True):
            if stem in self._rows or not word.isalpha():
                continue
            if len(self._rows) < self.rare_words_up_to or document_frequency(stem) > 1:
                self._rows[stem] = len(self._words)
                self._words.append(word)
                self._stems.append(stem)

    def prune(self, document_frequency: Callable[[str], int]) -> None:
        """Drop the stems that no document contains any more."""
        stems = [stem for stem in self._rows if document_frequency(stem)]
        rows = [self._rows[stem] for stem in stems]
        embedded = [row for row in rows if row < self._n_embedded]
        self._buffer = self._buffer[embedded]
        self._n_embedded = len(embedded)
        self._codes = np.empty((len(self._codes), 0), dtype=np.uint64)
        self._n_persisted = min(self._n_persisted, self._n_embedded)
        self._words = [self._words[row] for row in rows]
        self._stems = stems
        self._rows = {stem: row for row, stem in enumerate(stems)}

    def embed_new_words(self, embed: Embed) -> None:
        """Embed the words added since the last call, in one batch."""
        new = self._words[self._n_embedded :]
        if not new:
            return
        vectors, count = embed(new), len(self._words)
        if count > len(self._buffer):
            buffer = np.zeros((count + count // 4, vectors.shape[1]), dtype=np.float32)
            buffer[: self._n_embedded] = self._buffer[: self._n_embedded]
            self._buffer = buffer
        self._buffer[self._n_embedded : count] = vectors
        self._n_embedded = count

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Add the vocabulary to a file."""
        into.strings[f"{name}.words"], into.strings[f"{name}.stems"] = self._words, self._stems
        into.arrays[f"{name}.vectors"] = self._buffer[: self._n_embedded]
        self._n_persisted = self._n_embedded

    def unpersisted_share(self) -> float:
        """Return the share of the embeddings that no file has yet."""
        return 1 - self._n_persisted / self._n_embedded if self._n_embedded else 0.0

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str, dimension: int) -> Vocabulary:
        """Return the vocabulary that `to_arrays` was called on."""
        vocabulary = cls(dimension)
        vocabulary._words = file.strings[f"{name}.words"]
        vocabulary._stems = file.strings[f"{name}.stems"]
        vocabulary._rows = {stem: row for row, stem in enumerate(vocabulary._stems)}
        vocabulary._buffer = file.arrays[f"{name}.vectors"]
        vocabulary._n_embedded = vocabulary._n_persisted = len(vocabulary._buffer)
        return vocabulary

    def similar_terms(
        self, words: Mapping[str, str], embed: Embed, document_frequency: Callable[[str], int]
    ) -> dict[str, list[SimilarTerm]]:
        """Return the stems most similar to each query term, nearest first.

        Args:
            words: the query's stems, each with its word.
            document_frequency: stems with a frequency of 0 are left out.
        """
        self.embed_new_words(embed)
        known, unknown = {}, []
        for stem, word in words.items():
            if stem in self._rows:
                known[stem] = self._buffer[self._rows[stem]]
            elif word.isalpha() and self._rows:
                unknown.append(stem)
        if unknown:
            known.update(zip(unknown, embed([words[s] for s in unknown]), strict=True))
        similar: dict[str, list[SimilarTerm]] = {stem: [] for stem in words}
        if known:
            compared = self._compare(np.stack(list(known.values())))
            for stem, (rows, cosines) in zip(known, compared, strict=True):
                similar[stem] = self._nearest(rows, cosines, document_frequency)
        return similar

    def _compare(self, queries: Vectors) -> Iterator[tuple[NDArray[np.intp], NDArray[np.floating]]]:
        """Yield for each query the rows compared, ascending, and their cosines."""
        embedded = self._buffer[: self._n_embedded]
        if self._n_embedded <= self.exact_up_to:
            everything = np.arange(self._n_embedded)
            for cosines in (embedded @ queries.T).T:
                yield everything, cosines
            return
        n_coded = self._codes.shape[1]
        if n_coded < self._n_embedded:
            new = decode_tokens(encode_tokens(embedded[n_coded:]), embedded.shape[1])
            self._codes = np.concatenate([self._codes, new.T], axis=1)
        codes = decode_tokens(encode_tokens(queries), queries.shape[1])
        for query, distances in zip(queries, hamming_distances(self._codes, codes), strict=True):
            # Counting finds the distance of the last word of the shortlist faster than sorting.
            furthest = np.searchsorted(np.bincount(distances).cumsum(), self.shortlist + 1)
            rows = np.flatnonzero(distances <= furthest)
            yield rows, np.take(embedded, rows, axis=0) @ query

    def _nearest(
        self,
        rows: NDArray[np.intp],
        cosines: NDArray[np.floating],
        document_frequency: Callable[[str], int],
    ) -> list[SimilarTerm]:
        similar = np.flatnonzero(cosines >= MIN_COSINE)
        similar = similar[np.argsort(-cosines[similar], kind="stable")]
        terms: list[SimilarTerm] = []
        for place in similar.tolist():
            stem = self._stems[rows[place]]
            # Words of deleted documents stay until the next `prune`.
            if document_frequency(stem):
                terms.append((stem, float(cosines[place])))
                if len(terms) > MAX_SIMILAR:
                    break
        return terms
