"""SmolLM2 on the CPU, built from its GGUF file, with greedy decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from inspect import signature
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.models.gguf import Gguf, read_gguf
from agentmem_stores import DataFormatError, InvalidInputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM

__all__ = ["LoadProgress", "SmolLM", "load_smollm"]

# Called with what is being done, and the share that is done, in [0, 1].
LoadProgress = Callable[[str, float], None]

# Names of the weights in llama.cpp and in transformers.
_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class SmolLM:
    """A loaded model with its tokenizer. Thread-safe."""

    def __init__(self, model: LlamaForCausalLM, tokenizer: Tokenizer, start: int, end: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._start, self._end = start, end
        # Tokens and KV cache of the last prompt.
        self._past: tuple[list[int], Any] | None = None
        self._lock = Lock()

    @property
    def window(self) -> int:
        """How many tokens a prompt and its reply may have together."""
        return int(self._model.config.max_position_embeddings)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; role markers in it are tokenized as ordinary text."""
        return list(self._tokenizer.encode(text).ids)

    def prompt(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Return the tokens of a conversation of (role, text), up to where the reply begins."""
        tokens: list[int] = []
        for role, text in turns:
            tokens += [self._start, *self.encode(f"{role}\n{text}"), self._end, *self.encode("\n")]
        return [*tokens, self._start, *self.encode("assistant\n")]

    def reply(self, prompt: Sequence[int], at_most: int) -> Iterator[str]:
        """Yield the most likely reply in pieces, until its end or `at_most` tokens.

        Raises:
            InvalidInputError: prompt and reply do not fit into the window.
        """
        if len(prompt) + at_most > self.window:
            raise InvalidInputError(
                f"a prompt of {len(prompt)} tokens leaves no room for {at_most} more in a window "
                f"of {self.window}; lower token_budget or max_new_tokens"
            )
        reply: list[int] = []
        n_yielded = 0
        for token in self._generate(list(prompt), at_most):
            reply.append(token)
            text = self._tokenizer.decode(reply)
            # A character may consist of several tokens; it is incomplete before the last one.
            if not text.endswith("\ufffd"):
                yield text[n_yielded:]
                n_yielded = len(text)

    def _generate(self, prompt: list[int], at_most: int) -> Iterator[int]:
        import torch

        done, cache = self._take_past(prompt)
        is_consistent = True
        try:
            for _ in range(at_most):
                is_consistent = False
                with torch.inference_mode():
                    rest = torch.tensor([prompt[len(done) :]])
                    past = {self._past_name: cache}
                    out = self._model(rest, **past, use_cache=True, logits_to_keep=1)
                done, cache, is_consistent = list(prompt), out[self._past_name], True
                token = int(out.logits[0, -1].argmax())
                if token == self._end or _is_repeating(prompt, token):
                    return
                prompt.append(token)
                yield token
        finally:
            # After Ctrl-C, some layers may have processed the last token and others not.
            if is_consistent:
                with self._lock:
                    self._past = (done, cache)

    @cached_property
    def _past_name(self) -> str:
        """The parameter of the KV cache: "cache" in newer versions of transformers."""
        names = signature(self._model.forward).parameters
        return "cache" if "cache" in names else "past_key_values"

    def _take_past(self, prompt: Sequence[int]) -> tuple[list[int], Any]:
        """Return the cache of the last prompt, as far as this prompt begins with the same tokens.

        A conversation repeats its beginning with every turn, so most of a prompt is cached.
        """
        with self._lock:
            past, self._past = self._past, None
        if past is None:
            return [], None
        tokens, cache = past
        limit = min(len(tokens), len(prompt) - 1)
        same = next((i for i in range(limit) if tokens[i] != prompt[i]), limit)
        if same == 0:
            return [], None
        if same < len(tokens):
            cache.crop(same - len(tokens))
        return tokens[:same], cache


def _is_repeating(tokens: Sequence[int], token: int, least: int = 16) -> bool:
    """Return whether the last `least` or more tokens repeat a sequence of 1 to 8 tokens."""
    last = [*tokens[-2 * least :], token]
    return any(
        last[-n * times :] == last[-n:] * times
        for n in range(1, 9)
        if (times := max(3, -(-least // n)))
    )


def load_smollm(path: Path, progress: LoadProgress | None = None) -> SmolLM:
    """Load the model; takes a few seconds and 600 MB of memory.

    Args:
        progress: called with what is being done and the share that is done, in [0, 1].

    Raises:
        DataFormatError: the file is not a model of the Llama architecture.
        ImportError: torch, transformers or gguf is not installed.
    """
    report = progress or (lambda doing, share: None)
    report("loading torch and transformers", 0.0)
    for name in ("gguf", "torch", "transformers.models.llama"):
        import_module(name)
    report("reading the model", 0.5)
    file = read_gguf(path)
    if file.metadata.get("general.architecture") != "llama":
        raise DataFormatError(f"{path} is not a model of the Llama architecture")
    model = _build_model(file, report)
    report("ready", 1.0)
    values = file.metadata
    return SmolLM(
        model,
        _build_tokenizer(values),
        values["tokenizer.ggml.bos_token_id"],
        values["tokenizer.ggml.eos_token_id"],
    )


def _build_model(file: Gguf, report: LoadProgress) -> LlamaForCausalLM:
    import torch
    from transformers.models.llama import LlamaConfig, LlamaForCausalLM

    values = {key.removeprefix("llama."): value for key, value in file.metadata.items()}
    heads = {"attn_q": values["attention.head_count"], "attn_k": values["attention.head_count_kv"]}
    shape = {
        "vocab_size": values["vocab_size"],
        "hidden_size": values["embedding_length"],
        "intermediate_size": values["feed_forward_length"],
        "num_hidden_layers": values["block_count"],
        "num_attention_heads": heads["attn_q"],
        "num_key_value_heads": heads["attn_k"],
        "max_position_embeddings": values["context_length"],
        "rms_norm_eps": values["attention.layer_norm_rms_epsilon"],
        "rope_theta": values["rope.freq_base"],
        "tie_word_embeddings": True,
    }
    state = {}
    for n, (name, weights) in enumerate(file.weights()):
        *block, kind, _ = name.split(".")
        if kind in heads:
            weights = _deinterleave(weights, heads[kind])
        layer = f"model.layers.{block[1]}." if block else ""
        state[f"{layer}{_NAMES[kind]}.weight"] = torch.from_numpy(np.array(weights))
        report("reading the model", 0.5 + 0.5 * n / len(file.tensors))
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    with _quiet_transformers():
        model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(
            None, config=LlamaConfig.from_dict(shape), state_dict=state
        )
    return model


def _deinterleave(weights: Any, heads: int) -> Any:
    """Return rows in the order of transformers; llama.cpp interleaves the halves of each head."""
    rows = weights.shape[0] // heads // 2
    return weights.reshape(heads, rows, 2, -1).swapaxes(1, 2).reshape(weights.shape)


def _build_tokenizer(values: dict[str, Any]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: n for n, token in enumerate(values["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    # Special tokens are not registered, so that no text can contain one.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence progress bars and warnings of transformers, and restore its settings."""
    logging: Any = import_module("transformers.utils.logging")
    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()
