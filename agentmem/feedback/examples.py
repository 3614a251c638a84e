"""Learn a task from labeled examples: what the examples recalled for a text say about its label."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from agentmem_stores import EmptyTextError, InvalidInputError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["label_votes"]

Label = TypeVar("Label", bound=Hashable)

# The ridge penalty, in units of a squared cosine. Between 0.1 and 1, accuracy changes by less than
# a point (docs/recall.md).
_PENALTY = 0.3


def label_votes(
    text: str, examples: Sequence[tuple[str, Label]], embeddings: Embeddings
) -> dict[Label, float]:
    """Return how strongly labeled examples support each of their labels, the likeliest first.

    Fits kernel ridge regression to the examples, with the cosine of their embeddings as kernel;
    with the examples that a search returns, that is local learning (Bottou and Vapnik 1992). In a
    vote of nearest neighbors each example counts by its own similarity to the text; here, examples
    that say the same share a vote, and what a label's examples have in common with those of other
    labels does not count.

    Args:
        text: the text to label.
        examples: pairs of text and label; 20 to 30 are enough.
        embeddings: embed the text and the examples, such as `memory.embeddings`.

    Returns:
        A number for each label, about 1 for a sure one and 0 for the others; empty without
        examples.

    Raises:
        EmptyTextError: the text is empty.
        InvalidInputError: an example is not a pair of a text and a label.

    Example:
        >>> examples = [("Wake me at six.", "alarm"), ("Play some jazz.", "music")]
        >>> votes = label_votes("Get me out of bed at seven.", examples, memory.embeddings)
        >>> next(iter(votes))
        'alarm'
    """
    if not isinstance(text, str) or not text.strip():
        raise EmptyTextError("text is empty; pass the text to label")
    pairs = [_checked(example) for example in examples]
    if not pairs:
        return {}
    texts = list(dict.fromkeys([text, *(utterance for utterance, _ in pairs)]))
    vectors = np.asarray(embeddings.embed_documents(texts), dtype=np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    row_of = {each: row for row, each in enumerate(texts)}
    x = vectors[[row_of[utterance] for utterance, _ in pairs]]
    kernel = x @ x.T + _PENALTY * np.eye(len(pairs))
    weights = np.linalg.solve(kernel, x @ vectors[0])
    votes: dict[Label, float] = {}
    for (_, label), weight in zip(pairs, weights.tolist(), strict=True):
        votes[label] = votes.get(label, 0.0) + weight
    return dict(sorted(votes.items(), key=lambda vote: -vote[1]))


def _checked(example: tuple[str, Label]) -> tuple[str, Label]:
    refusal = InvalidInputError(f"{example!r:.100} must be a pair of a text and a label")
    try:
        utterance, label = example
        hash(label)
    except (TypeError, ValueError):
        raise refusal from None
    if not isinstance(utterance, str):
        raise refusal
    return utterance, label
