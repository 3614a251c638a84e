"""A session in a few sentences and keywords, with a chat model or without one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentmem.digest.sentences import sentences
from agentmem.digest.textrank import keywords, selection, summary
from agentmem.embedding.embedder import estimate_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["Digest", "Digester", "Turns", "digest"]

Turns = Sequence[tuple[str, str]]

# As `estimate_tokens` counts: about 100 English words, and safely within a window of 254.
SUMMARY_TOKENS = 240
SUMMARY_SENTENCES = 8
KEYWORDS = 12
# What a model is given of a longer conversation are its best sentences up to this size.
PROMPT_TOKENS = 6000

_log = logging.getLogger("agentmem")


@dataclass(frozen=True)
class Digest:
    """What is kept of a session as a whole; the summary is empty only where no turn has text."""

    summary: str
    keywords: tuple[str, ...]


def digest(turns: Turns) -> Digest:
    """Make a digest of sentences and words taken from the turns themselves.

    Args:
        turns: pairs of speaker and text. Turns without text are passed over.
    """
    said = sentences(turns)
    short = summary(said, max_tokens=SUMMARY_TOKENS, max_sentences=SUMMARY_SENTENCES)
    return Digest(short or _any_text(turns), keywords(said, at_most=KEYWORDS))


def _any_text(turns: Turns) -> str:
    """The first text there is, for turns of bare marks or of speakers with endless names."""
    text = next((text.strip() for _, text in turns if text.strip()), "")
    return text[: len(text) * SUMMARY_TOKENS // max(estimate_tokens(text), SUMMARY_TOKENS)]


class Digester:
    """Makes digests: with the model where there is one and it answers well, else without.

    Args:
        model: any LangChain chat model; it needs neither tools nor a JSON mode.
        timeout: seconds after which an answer is no longer waited for; None waits for ever.
    """

    def __init__(self, model: BaseChatModel | None = None, *, timeout: float | None = 60.0) -> None:
        self.model = model
        self.timeout = timeout

    def digest(self, turns: Turns) -> Digest:
        """Make a digest; a failure of the model is logged as a warning and never raised."""
        if self.model is None:
            return digest(turns)
        from agentmem.digest.model_digest import digest_with_model

        said = selection(sentences(turns), max_tokens=PROMPT_TOKENS)
        try:
            short, words = digest_with_model(
                self.model,
                [(s.speaker, s.text) for s in said],
                timeout=self.timeout,
                max_tokens=SUMMARY_TOKENS,
                max_keywords=KEYWORDS,
            )
        except Exception as error:
            _log.warning(
                "the model made no digest (%s: %s); sentences of the session itself are taken",
                type(error).__name__,
                error,
            )
            return digest(turns)
        return Digest(short, words)
