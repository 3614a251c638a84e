"""SmolLM2 on the CPU: built from its GGUF file, it turns a conversation into text, greedily."""

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

__all__ = ["Progress", "SmolLM", "load_smollm"]

Progress = Callable[[str, float], None]

# How llama.cpp names the weights, and how transformers does.
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
    """A loaded model with its tokenizer; may be used by several threads at once."""

    def __init__(self, model: LlamaForCausalLM, tokenizer: Tokenizer, start: int, end: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._start, self._end = start, end
        self._past: tuple[list[int], Any] | None = None
        self._lock = Lock()

    @property
    def window(self) -> int:
        """How many tokens prompt and reply may have together."""
        return int(self._model.config.max_position_embeddings)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; markers of roles in it are taken as ordinary text."""
        return list(self._tokenizer.encode(text).ids)

    def prompt(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Return the tokens of a conversation of (role, text) up to where the reply begins."""
        tokens: list[int] = []
        for role, text in turns:
            tokens += [self._start, *self.encode(f"{role}\n{text}"), self._end, *self.encode("\n")]
        return [*tokens, self._start, *self.encode("assistant\n")]

    def reply(self, prompt: Sequence[int], at_most: int) -> Iterator[str]:
        """Yield the most likely reply piece by piece, until its end or `at_most` tokens.

        Raises:
            InvalidInputError: prompt and reply do not fit into the window.
        """
        if len(prompt) + at_most > self.window:
            raise InvalidInputError(
                f"a prompt of {len(prompt)} tokens leaves no room for {at_most} more in a window "
                f"of {self.window}; lower token_budget or max_new_tokens"
            )
        said: list[int] = []
        shown = ""
        for token in self._tokens(list(prompt), at_most):
            said.append(token)
            text = self._tokenizer.decode(said)
            # A character of several tokens is no character before its last one.
            if not text.endswith("\ufffd"):
                yield text[len(shown) :]
                shown = text

    def _tokens(self, prompt: list[int], at_most: int) -> Iterator[int]:
        import torch

        done, cache = self._take_past(prompt)
        whole = True
        try:
            for _ in range(at_most):
                whole = False
                with torch.inference_mode():
                    rest = torch.tensor([prompt[len(done) :]])
                    past = {self._past_name: cache}
                    out = self._model(rest, **past, use_cache=True, logits_to_keep=1)
                done, cache, whole = list(prompt), out[self._past_name], True
                token = int(out.logits[0, -1].argmax())
                if token == self._end or _turns_in_circles(prompt, token):
                    return
                prompt.append(token)
                yield token
        finally:
            # After Ctrl-C some layers may have seen the last token and others not.
            if whole:
                with self._lock:
                    self._past = (done, cache)

    @cached_property
    def _past_name(self) -> str:
        """What transformers calls what a model keeps of a prompt: "cache" in newer versions."""
        names = signature(self._model.forward).parameters
        return "cache" if "cache" in names else "past_key_values"

    def _take_past(self, prompt: Sequence[int]) -> tuple[list[int], Any]:
        """What was computed for the last prompt, as far as this one begins in the same way.

        A conversation repeats its beginning with every turn, so most of a prompt needs no work.
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


def _turns_in_circles(tokens: Sequence[int], token: int, least: int = 16) -> bool:
    """Whether the same few tokens have followed one another `least` tokens long, over and over."""
    last = [*tokens[-2 * least :], token]
    return any(
        last[-n * times :] == last[-n:] * times
        for n in range(1, 9)
        if (times := max(3, -(-least // n)))
    )


def load_smollm(path: Path, progress: Progress | None = None) -> SmolLM:
    """Read the model; takes some seconds and 600 MB of memory.

    Args:
        progress: called with what is being done and the share that is done, in [0, 1].

    Raises:
        DataFormatError: the file is not of a model of Llama's architecture.
        ImportError: torch, transformers or gguf is not installed.
    """
    tell = progress or (lambda doing, share: None)
    tell("loading torch and transformers", 0.0)
    for name in ("gguf", "torch", "transformers.models.llama"):
        import_module(name)
    tell("reading the model", 0.5)
    file = read_gguf(path)
    if file.metadata.get("general.architecture") != "llama":
        raise DataFormatError(f"{path} holds no model of Llama's architecture")
    model = _model(file, tell)
    tell("ready", 1.0)
    values = file.metadata
    return SmolLM(
        model,
        _tokenizer(values),
        values["tokenizer.ggml.bos_token_id"],
        values["tokenizer.ggml.eos_token_id"],
    )


def _model(file: Gguf, tell: Progress) -> LlamaForCausalLM:
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
            weights = _by_halves(weights, heads[kind])
        layer = f"model.layers.{block[1]}." if block else ""
        state[f"{layer}{_NAMES[kind]}.weight"] = torch.from_numpy(np.array(weights))
        tell("reading the model", 0.5 + 0.5 * n / len(file.tensors))
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    with _quiet():
        model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(
            None, config=LlamaConfig.from_dict(shape), state_dict=state
        )
    return model


def _by_halves(weights: Any, heads: int) -> Any:
    """Rows as transformers rotates them; llama.cpp keeps the two halves of a head interleaved."""
    rows = weights.shape[0] // heads // 2
    return weights.reshape(heads, rows, 2, -1).swapaxes(1, 2).reshape(weights.shape)


def _tokenizer(values: dict[str, Any]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: n for n, token in enumerate(values["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    # Special tokens are not made known, so no text can contain one.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and warning, and put its settings back afterwards."""
    logging: Any = import_module("transformers.utils.logging")
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
