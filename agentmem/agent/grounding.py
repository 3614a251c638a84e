"""Check whether memories support a reply, and quote a memory where they do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agentmem.prompting.quoting import quote
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Memory

__all__ = ["quotation", "supporting_memory", "unsupported_terms"]

# Words that a reply may contain without support.
_FRAMING = frozenset(tokenize("yes no know sorry remember said told say called name"))


def unsupported_terms(reply: str, question: str, memories: Collection[Memory]) -> list[str]:
    """Return the stems of a reply that are neither in the question nor in the memories.

    Example:
        >>> unsupported_terms("You live in Lisbon.", "Where do I live?", [])
        ['lisbon']
    """
    known = {*tokenize(question), *_FRAMING}
    for memory in memories:
        known.update(tokenize(memory.text))
    return [term for term in dict.fromkeys(tokenize(reply)) if term not in known]


def supporting_memory(reply: str, question: str, memories: Sequence[Memory]) -> Memory | None:
    """Return the memory that contains most of the words that a reply adds to the question.

    Args:
        memories: those in the prompt, best first.

    Returns:
        None if the reply adds nothing that any memory says.
    """
    added = {*tokenize(reply)} - {*tokenize(question)} - _FRAMING
    shares = [len(added & {*tokenize(memory.text)}) for memory in memories]
    if not any(shares):
        return None
    return memories[max(range(len(memories)), key=lambda n: (shares[n], -n))]


def quotation(memory: Memory, max_chars: int) -> str:
    """Return what the user said, with its date, as a reply."""
    return f"You said on {memory.said_at:%Y-%m-%d}: {quote(memory.text, max_chars)}"
