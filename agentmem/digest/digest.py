"""The digest of a session, a summary and keywords, with or without a chat model."""

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

# As `estimate_tokens` counts: about 100 English words, and safely below a window of 254.
SUMMARY_TOKENS = 240
# Eight sentences of 30 tokens fill that limit.
SUMMARY_SENTENCES = 8
# At most as many as a model is asked for, so that both kinds of digest are alike.
KEYWORDS = 12
# Size of a prompt. A model gets the best sentences of a conversation that is longer.
PROMPT_TOKENS = 6000

_log = logging.getLogger("agentmem")


@dataclass(frozen=True)
class Digest:
    """A summary and keywords; the summary is empty only if no turn has text."""

    summary: str
    keywords: tuple[str, ...]


def digest(turns: Turns) -> Digest:
    """Return an extractive digest, of sentences and words of the turns themselves.

    Args:
        turns: pairs of (speaker, text). Turns without text are ignored.
    """
    spoken = sentences(turns)
    text = summary(spoken, max_tokens=SUMMARY_TOKENS, max_sentences=SUMMARY_SENTENCES)
    return Digest(text or _first_text(turns), keywords(spoken, at_most=KEYWORDS))


def _first_text(turns: Turns) -> str:
    """Return the first text, for turns of punctuation or of speakers with very long names."""
    text = next((text.strip() for _, text in turns if text.strip()), "")
    return text[: len(text) * SUMMARY_TOKENS // max(estimate_tokens(text), SUMMARY_TOKENS)]


class Digester:
    """Makes digests: with a chat model if it returns a valid answer, else extractive.

    Args:
        model: any LangChain chat model; it needs neither tools nor a JSON mode.
        timeout: seconds to wait for an answer; None waits without a limit.
    """

    def __init__(self, model: BaseChatModel | None = None, *, timeout: float | None = 60.0) -> None:
        self.model = model
        self.timeout = timeout

    def digest(self, turns: Turns) -> Digest:
        """Return a digest; a failure of the model is logged as a warning and never raised."""
        if self.model is None:
            return digest(turns)
        from agentmem.digest.model_digest import digest_with_model

        excerpt = selection(sentences(turns), max_tokens=PROMPT_TOKENS)
        try:
            text, words = digest_with_model(
                self.model,
                [(s.speaker, s.text) for s in excerpt],
                timeout=self.timeout,
                max_tokens=SUMMARY_TOKENS,
                max_keywords=KEYWORDS,
            )
        except Exception as error:
            # Every provider raises its own errors.
            _log.warning(
                "the model returned no valid digest (%s: %s); using an extractive one",
                type(error).__name__,
                error,
            )
            return digest(turns)
        return Digest(text, words)
