"""An inverted index that is updated in place, and the vocabulary of its terms.

The index says which documents contain a term and how often; the vocabulary has a word for each term
and the word's embedding, by which similar terms are found.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.quantized import SignCodes
from agentmem_stores import Vectors
from agentmem_stores.exact import dot_products

__all__ = ["Embed", "InvertedIndex", "Postings", "SimilarTerm", "Vocabulary"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.uint32]

# The documents that contain a term, ascending, and how often each does.
Postings = tuple[Numbers, Numbers]

_EMPTY: Numbers = np.zeros(0, dtype=np.uint32)

# Returns embeddings of texts, float32 of shape (n, dimension), rows of unit length.
Embed = Callable[[Sequence[str]], Vectors]

# A stem of the scope and its cosine to the query's word.
SimilarTerm = tuple[str, float]

# At most this many similar terms besides the word itself, none with a smaller cosine.
MAX_SIMILAR = 12
MIN_COSINE = 0.45
# Words of questions whose similar terms are cached.
_MAX_CACHED = 1024


class _StoredPostings:
    """Postings read from a file, as compressed sparse rows; they never change.

    The arrays are those of a `scipy.sparse.csr_array` (indptr, indices, data). They are sliced by
    hand: a row takes 0.6 microseconds so and 130 from a csr_array, and a search reads dozens.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._terms: list[str] = []
        self._indptr: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        # How many documents contain each term: a list is read several times as fast as an array.
        self.sizes: list[int] = []
        self._documents: Numbers = _EMPTY
        self._frequencies: Numbers = _EMPTY
        # The transpose: which terms a document contains.
        self._document_indptr: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._document_terms: Numbers = _EMPTY

    def postings(self, term: str) -> Postings:
        number = self.numbers.get(term)
        if number is None:
            return _EMPTY, _EMPTY
        part = slice(int(self._indptr[number]), int(self._indptr[number + 1]))
        return self._documents[part], self._frequencies[part]

    def document_frequency(self, term: str) -> int:
        number = self.numbers.get(term)
        return 0 if number is None else self.sizes[number]

    def terms(self, document: int) -> tuple[str, ...]:
        start, end = self._document_indptr[document : document + 2].tolist()
        return tuple([self._terms[n] for n in self._document_terms[start:end].tolist()])

    @staticmethod
    def to_arrays(
        into: ArrayFile,
        name: str,
        postings: Sequence[tuple[str, Numbers, Numbers]],
        terms: Sequence[Sequence[str]],
    ) -> None:
        into.strings[f"{name}.terms"] = known = [term for term, _, _ in postings]
        number = {term: n for n, term in enumerate(known)}
        flat = [number[term] for term in chain.from_iterable(terms)]
        into.arrays |= {
            f"{name}.indptr": _indptr([len(documents) for _, documents, _ in postings]),
            f"{name}.documents": np.concatenate([_EMPTY, *(d for _, d, _ in postings)]),
            f"{name}.frequencies": np.concatenate([_EMPTY, *(f for _, _, f in postings)]),
            f"{name}.document_indptr": _indptr([len(each) for each in terms]),
            f"{name}.document_terms": np.array(flat, dtype=np.uint32),
        }

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str) -> _StoredPostings:
        stored, arrays = cls(), file.arrays
        stored._terms = file.strings[f"{name}.terms"]
        stored.numbers = {term: n for n, term in enumerate(stored._terms)}
        stored._indptr = arrays[f"{name}.indptr"]
        stored.sizes = np.diff(stored._indptr).tolist()
        stored._documents = arrays[f"{name}.documents"]
        stored._frequencies = arrays[f"{name}.frequencies"]
        stored._document_indptr = arrays[f"{name}.document_indptr"]
        stored._document_terms = arrays[f"{name}.document_terms"]
        return stored


def _indptr(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


class InvertedIndex:
    """Postings of documents numbered 0, 1, 2, … in the order in which they are added.

    A removed document keeps its number, but counts in no statistic.

    Attributes:
        n_documents: how many documents count.
        n_numbers: how many numbers were assigned, those of removed documents included.

    Example:
        >>> index = InvertedIndex()
        >>> index.add(["tea", "garden", "tea"])
        0
        >>> [values.tolist() for values in index.postings("tea")]
        [[0], [2]]
    """

    def __init__(self) -> None:
        self.n_documents = 0
        self.n_numbers = 0
        # Terms whose postings changed since the rest was read from a file.
        self._documents: dict[str, array[int]] = {}
        self._frequencies: dict[str, array[int]] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._stored = _StoredPostings()
        self._lengths = np.zeros(64)
        self._n_terms = 0

    def __len__(self) -> int:
        return self.n_documents

    def add(self, terms: Sequence[str]) -> int:
        """Add a document and return its number."""
        number = self.n_numbers
        if number == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros(max(number, 64))])
        counts = Counter(terms)
        for term, count in counts.items():
            if term not in self._documents:
                self._load(term)
            self._documents[term].append(number)
            self._frequencies[term].append(count)
        self._terms[number] = tuple(counts)
        self._lengths[number] = len(terms)
        self._n_terms += len(terms)
        self.n_numbers += 1
        self.n_documents += 1
        return number

    def remove(self, number: int) -> None:
        """Remove a document."""
        for term in self.terms(number):
            if term not in self._documents:
                self._load(term)
            place = self._documents[term].index(number)
            del self._documents[term][place], self._frequencies[term][place]
        self._terms[number] = ()
        self._n_terms -= int(self._lengths[number])
        self._lengths[number] = 0
        self.n_documents -= 1

    def _load(self, term: str) -> None:
        """Make the postings of a term changeable."""
        documents, frequencies = (
            self._stored.postings(term) if self._stored.numbers else _NO_POSTINGS
        )
        self._documents[term] = array("I", documents.tobytes())
        self._frequencies[term] = array("I", frequencies.tobytes())

    def terms(self, number: int) -> tuple[str, ...]:
        """Return the distinct terms of a document."""
        terms = self._terms.get(number)
        return self._stored.terms(number) if terms is None else terms

    def document_frequency(self, term: str) -> int:
        """Return how many documents contain a term."""
        changed = self._documents.get(term)
        return self._stored.document_frequency(term) if changed is None else len(changed)

    def document_frequencies(self, terms: Iterable[str]) -> Floats:
        """Return how many documents contain each term, shape (terms,)."""
        changed, numbers, sizes = self._documents, self._stored.numbers, self._stored.sizes
        frequencies = []
        for term in terms:
            documents = changed.get(term)
            if documents is not None:
                frequencies.append(len(documents))
            else:
                number = numbers.get(term)
                frequencies.append(0 if number is None else sizes[number])
        return np.array(frequencies, dtype=np.float64)

    def lengths(self) -> Floats:
        """Return the number of terms of every document, a view of shape (n_numbers,)."""
        return self._lengths[: self.n_numbers]

    def mean_length(self) -> float:
        """Return the mean number of terms of the documents that count."""
        return self._n_terms / max(self.n_documents, 1)

    def postings(self, term: str) -> Postings:
        """Return the documents that contain a term, and how often each does."""
        return self.lookup((term,))[term]

    def lookup(self, terms: Iterable[str]) -> dict[str, Postings]:
        """Return the postings of each distinct term, in order."""
        postings: dict[str, Postings] = {}
        for term in terms:
            changed = self._documents.get(term)
            if changed is not None:
                # Copied: an array whose buffer is borrowed cannot grow.
                frequencies = self._frequencies[term]
                postings[term] = (
                    np.array(changed, dtype=np.uint32),
                    np.array(frequencies, dtype=np.uint32),
                )
            elif self._stored.numbers:
                postings[term] = self._stored.postings(term)
            else:
                postings[term] = _NO_POSTINGS
        return postings

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Add the postings to a file."""
        known = self.lookup(sorted({*self._stored.numbers, *self._documents}))
        postings = [(term, *pair) for term, pair in known.items() if len(pair[0])]
        terms = [self.terms(number) for number in range(self.n_numbers)]
        _StoredPostings.to_arrays(into, name, postings, terms)
        into.arrays[f"{name}.lengths"] = self.lengths()

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str, n_documents: int) -> InvertedIndex:
        """Return the index that `to_arrays` was called on.

        Args:
            n_documents: how many documents count.
        """
        index = cls()
        index._stored = _StoredPostings.from_arrays(file, name)
        index._lengths = np.array(file.arrays[f"{name}.lengths"])
        index.n_numbers, index.n_documents = len(index._lengths), n_documents
        index._n_terms = int(index._lengths.sum())
        return index


_NO_POSTINGS: Postings = (_EMPTY, _EMPTY)


@dataclass
class _SimilarWords:
    """The similar words of some words, among the first `count` embeddings of a vocabulary."""

    count: int
    near: dict[str, tuple[NDArray[np.intp], NDArray[np.floating]]] = field(default_factory=dict)


class Vocabulary:
    """One word for each stem, and the word's embedding.

    Words are added when they are written. Whoever needs their embeddings asks `to_embed` for the
    words without one, embeds them, and hands them to `learn`. Words with digits are left out: the
    look of a number or key says nothing about its meaning.

    `learn` and `similar_terms` may run in several threads; `add` and `prune` may not run beside
    any other method.

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
        # Grown ahead, so that a new word does not copy all embeddings. The first rows are
        # `_embedded`, which is replaced as a whole: who compares with it sees no half of a change.
        self._buffer = np.zeros((64, dimension), dtype=np.float32)
        self._embedded: Vectors = self._buffer[:0]
        self._lock = Lock()
        self._similar = _SimilarWords(0)
        # Of the embeddings; filled when `exact_up_to` is exceeded.
        self._codes = SignCodes(dimension)
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
        embedded = [row for row in rows if row < len(self._embedded)]
        self._buffer = self._embedded = self._buffer[embedded]
        self._codes = SignCodes(self._buffer.shape[1])
        self._similar = _SimilarWords(0)
        self._n_persisted = min(self._n_persisted, len(embedded))
        self._words = [self._words[row] for row in rows]
        self._stems = stems
        self._rows = {stem: row for row, stem in enumerate(stems)}

    def to_embed(self, words: Mapping[str, str] | None = None) -> list[str]:
        """Return the words whose embeddings are missing: new ones, then a query's unknown ones.

        Args:
            words: the query's stems, each with its word.
        """
        missing = self._words[len(self._embedded) :]
        if words and self._rows:
            unknown = (w for stem, w in words.items() if stem not in self._rows and w.isalpha())
            missing.extend(unknown)
        return missing

    def learn(self, vectors: Mapping[str, Vectors]) -> None:
        """Take over the embeddings of new words; those of other words are ignored.

        Args:
            vectors: embeddings by word, each of shape (dimension,).
        """
        with self._lock:
            begin = count = len(self._embedded)
            while count < len(self._words) and self._words[count] in vectors:
                count += 1
            if count > len(self._buffer):
                buffer = np.zeros((count + count // 4, self._buffer.shape[1]), dtype=np.float32)
                buffer[:begin] = self._embedded
                self._buffer = buffer
            for row in range(begin, count):
                self._buffer[row] = vectors[self._words[row]]
            self._embedded = self._buffer[:count]

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Add the vocabulary to a file."""
        into.strings[f"{name}.words"], into.strings[f"{name}.stems"] = self._words, self._stems
        into.arrays[f"{name}.vectors"] = self._embedded
        self._n_persisted = len(self._embedded)

    def unpersisted_share(self) -> float:
        """Return the share of the embeddings that no file has yet."""
        return 1 - self._n_persisted / len(self._embedded) if len(self._embedded) else 0.0

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str, dimension: int) -> Vocabulary:
        """Return the vocabulary that `to_arrays` was called on."""
        vocabulary = cls(dimension)
        vocabulary._words = file.strings[f"{name}.words"]
        vocabulary._stems = file.strings[f"{name}.stems"]
        vocabulary._rows = {stem: row for row, stem in enumerate(vocabulary._stems)}
        vocabulary._buffer = vocabulary._embedded = file.arrays[f"{name}.vectors"]
        vocabulary._n_persisted = len(vocabulary._embedded)
        return vocabulary

    def similar_terms(
        self,
        words: Mapping[str, str],
        vectors: Mapping[str, Vectors],
        document_frequencies: Callable[[Sequence[str]], NDArray[np.float64]],
    ) -> dict[str, list[SimilarTerm]]:
        """Return the stems most similar to each query term, nearest first.

        Args:
            words: the query's stems, each with its word.
            vectors: embeddings of the words of `to_embed`.
            document_frequencies: how many documents contain each of some stems; those that none
                contains are left out.
        """
        embedded = self._embedded
        known = {}
        for stem, word in words.items():
            row = self._rows.get(stem)
            if row is not None and row < len(embedded):
                known[stem] = embedded[row]
            elif word in vectors and self._rows:
                known[stem] = vectors[word]
        similar: dict[str, list[SimilarTerm]] = {stem: [] for stem in words}
        near = self._near(embedded, {words[stem]: vector for stem, vector in known.items()})
        for stem in known:
            similar[stem] = self._in_use(*near[words[stem]], document_frequencies)
        return similar

    def _near(
        self, embedded: Vectors, queries: Mapping[str, Vectors]
    ) -> dict[str, tuple[NDArray[np.intp], NDArray[np.floating]]]:
        """Return the rows that are similar to each word, nearest first, and their cosines.

        Questions repeat words, so the answers are cached until other words are embedded.
        """
        cached, count = self._similar, len(embedded)
        if cached.count != count or len(cached.near) > _MAX_CACHED:
            cached = self._similar = _SimilarWords(count)
        near = {word: cached.near[word] for word in queries if word in cached.near}
        missing = [word for word in queries if word not in near]
        if missing:
            compared = self._compare(embedded, np.stack([queries[word] for word in missing]))
            for word, (rows, cosines) in zip(missing, compared, strict=True):
                similar = np.flatnonzero(cosines >= MIN_COSINE)
                similar = similar[np.argsort(-cosines[similar], kind="stable")]
                near[word] = cached.near[word] = rows[similar], cosines[similar]
        return near

    def _compare(
        self, embedded: Vectors, queries: Vectors
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.floating]]]:
        """Yield for each query the rows compared, ascending, and their cosines."""
        if len(embedded) <= self.exact_up_to:
            everything = np.arange(len(embedded))
            for cosines in dot_products(queries, embedded):
                yield everything, cosines
            return
        with self._lock:
            coded = len(self._codes)
            if coded < len(embedded):
                self._codes.put(coded, embedded[coded:])
        near = self._codes.near(queries, self.shortlist + 1)
        for query, rows in zip(queries, near, strict=True):
            # Another thread may have added words meanwhile.
            known = rows[rows < len(embedded)]
            yield known, np.vecdot(np.take(embedded, known, axis=0), query)

    def _in_use(
        self,
        rows: NDArray[np.intp],
        cosines: NDArray[np.floating],
        document_frequencies: Callable[[Sequence[str]], NDArray[np.float64]],
    ) -> list[SimilarTerm]:
        stems = [self._stems[row] for row in rows.tolist()]
        # Words of deleted documents stay until the next `prune`.
        used = document_frequencies(stems) > 0
        terms = zip(stems, cosines.tolist(), used.tolist(), strict=True)
        return [(stem, cosine) for stem, cosine, is_used in terms if is_used][: MAX_SIMILAR + 1]
