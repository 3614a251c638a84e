"""`Context`: what a recall returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agentmem_retrievers import SearchResult
from agentmem_retrievers.notebook import html_table
from agentmem_stores import Granularity, Memory

__all__ = ["Context", "ContextItem", "Form", "RecallRouting"]


class Form(StrEnum):
    """How a memory is shown.

    A `TURN` is shown in full, an `EXCERPT` is its best sentences. A `PASSAGE` is the best
    sentences of consecutive turns. `SUMMARY`, `DAY` and `TOPIC` cover many turns. A `FACT` is one
    attribute of a person. `PINNED` memories are shown whatever the question is.
    """

    TURN = "turn"
    EXCERPT = "excerpt"
    PASSAGE = "passage"
    SUMMARY = "summary"
    DAY = "day"
    TOPIC = "topic"
    FACT = "fact"
    PINNED = "pinned"


@dataclass(frozen=True)
class RecallRouting:
    """What the router decided, and why.

    Attributes:
        breadth: probability that the question is broad, in [0, 1]: 0 wants a precise answer, 1
            wants an overview.
        turns: how many turns the question is worth, before the token budget cuts them off.
        entropy: of the distribution of scores over turns, in nats.
        entropies: normalized entropy H / ln n by granularity, in [0, 1]: 0 is certain of one
            memory, 1 is undecided between all.
        shares: the largest share of the token budget that each granularity may use; turns use what
            the others leave.
        archive: whether archived memories were found, because the search was unsure without them.
        concentration: what part of the entropy lies within sessions, in [0, 1]: at 1 one session
            has the evidence, at 0 each turn with evidence is of another one.
    """

    breadth: float
    turns: int
    entropy: float
    entropies: Mapping[Granularity, float]
    shares: Mapping[Granularity, float]
    archive: bool = False
    concentration: float = 1.0

    def __str__(self) -> str:
        """Return the decision as one line that a person understands."""
        kind = "a broad question" if self.breadth >= 0.5 else "a precise question"
        detail = (Granularity.TURN, Granularity.SESSION)
        coarse = [g.value for g, share in self.shares.items() if share and g not in detail]
        parts = [f"{kind}, worth {self.turns} turns"]
        if coarse:
            parts.append(f"with an overview from {', '.join(coarse)} memories")
        elif Granularity.SESSION in self.shares:
            parts.append("with passages around them")
        elif self.breadth >= 0.5:
            parts.append("whose evidence is scattered over sessions")
        if self.archive:
            parts.append("looked into the archive")
        return "; ".join(parts)


@dataclass(frozen=True)
class ContextItem:
    """One line of a context.

    Attributes:
        id: names the line within the text, such as m1.
        memory: what is shown.
        form: how it is shown.
        text: the rendered line.
        tokens: of the line.
        turn_ids: the turns whose words it shows.
        score: of the memory in the search; 0 for what was not ranked.
        archived: whether the memory comes from the archive.
        reason: why it was chosen; empty without `explain=True`.
    """

    id: str
    memory: Memory
    form: Form
    text: str
    tokens: int
    turn_ids: tuple[str, ...]
    score: float = 0.0
    archived: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Context:
    """The memories that a token budget is best spent on, in the order in which they were said.

    Attributes:
        query: the text of the query.
        text: quoted, dated lines with ids, one for each item; empty without any.
        items: what the lines show.
        tokens: of `text`, as `MemoryController.recall` counted them.
        routing: what the router decided.
        confidence: probability that the answer was ever said, in [0, 1].
        hits: the search behind it, for `reinforce` and `feedback`.
    """

    query: str
    text: str
    items: Sequence[ContextItem]
    tokens: int
    routing: RecallRouting
    confidence: float
    hits: SearchResult

    @classmethod
    def nothing(cls, hits: SearchResult) -> Context:
        """Return an empty context, for a search that found nothing or was not needed."""
        routing = RecallRouting(0.0, 0, 0.0, {}, {})
        return cls(hits.query, "", (), 0, routing, hits.confidence, hits)

    def _repr_html_(self) -> str:
        """Return a table for notebooks; texts are escaped."""
        return html_table(
            f"{self.query} ({self.tokens} tokens, confidence {self.confidence:.2f}; "
            f"{self.routing})",
            ("id", "form", "score", "line"),
            [(item.id, item.form.value, f"{item.score:.3f}", item.text) for item in self.items],
        )

    @property
    def ids(self) -> dict[str, str]:
        """The memory id for each line id, such as m1."""
        return {item.id: item.memory.id for item in self.items}
