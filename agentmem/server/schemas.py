"""The bodies of requests and responses under `/v1`; OpenAPI describes them.

Requests leave out what is not given, so that the defaults of the methods are written down once, in
`MemoryController`. Responses are built from what the methods return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
)

from agentmem.arguments import moment
from agentmem.controller.timeline import Event
from agentmem.documents.reading import DocumentText, Section, read_text
from agentmem.facts.views import Fact
from agentmem.feedback.plans import Plan
from agentmem.provenance import Trust, trust_of
from agentmem.recall.context import Context, ContextItem, Form, RecallRouting
from agentmem_retrievers import RecalledMemory, SearchResult
from agentmem_stores import Granularity, InvalidInputError, Memory, State
from agentmem_stores.records import clean_text

__all__ = [
    "AddManyRequest", "AddRequest", "CheckOut", "CheckRequest", "CompactionOut",
    "ConsolidateRequest", "ConsolidationOut", "Count", "DeletionOut", "DocumentOut",
    "DocumentRequest", "EdgeOut", "EditRequest", "EmbedderOut", "EventOut", "FactOut",
    "FeedbackRequest", "GraphOut", "HitOut", "Ids", "ItemOut", "LearnedOut", "MemoryOut",
    "MemoryPage", "MessageIn", "NodeOut", "OpenSession", "OutcomeRequest", "OwnerOut",
    "PlanOut", "PlanRequest", "ProfileLineOut", "RecallOut", "RecallRequest", "RecognitionOut",
    "RecognizeRequest", "ReinforceRequest", "RoutingOut", "SearchOut", "SearchRequest", "SectionIn",
    "StatsOut", "SweepOut", "SweepRequest", "WhoOut",
]  # fmt: skip

T = TypeVar("T", bound=BaseModel)

# More hits are almost certainly a mistake, and would delay the requests of others.
MAX_K = 1000
_K = Annotated[int, Field(ge=1, le=MAX_K)]


def _clean(value: Any) -> Any:
    """Replace lone surrogates, which JSON can hold and a string of pydantic's cannot."""
    return clean_text(value)[0] if isinstance(value, str) else value


def _day(value: Any) -> Any:
    """Read a date as its start in UTC, as the methods do."""
    try:
        return moment("time", date.fromisoformat(value))
    except (TypeError, ValueError):
        return value


_String = Annotated[str, BeforeValidator(_clean)]
_Text = Annotated[_String, Field(min_length=1)]
# Numbers that clients count with are ids too.
_Id = Annotated[str, Field(coerce_numbers_to_str=True)]
_Moment = Annotated[AwareDatetime, BeforeValidator(_day)]


class _Request(BaseModel):
    """A body whose unknown fields are refused, because most likely they are misspelled."""

    model_config = ConfigDict(extra="forbid")

    def options(self, *without: str) -> dict[str, Any]:
        """Return the fields that were given, but for some."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in without}


class MessageIn(BaseModel):
    """A message in the form of a chat API; further fields are read as `MemoryController.add` does.

    `content` may be a list of parts, as in OpenAI's and Anthropic's APIs.
    """

    model_config = ConfigDict(extra="allow")

    role: str = "user"
    # The methods read it, and leave out what has no words.
    content: SkipValidation[str | list[Any] | None] = None
    timestamp: Annotated[datetime, BeforeValidator(_day)] | None = None
    speaker: _String | None = None
    importance: float | None = Field(default=None, ge=0, le=1)
    metadata: dict[str, Any] | None = None
    id: _Id | None = None

    def message(self) -> dict[str, Any]:
        """Return it as the controller takes it."""
        return self.model_dump(exclude_unset=True)


class AddRequest(_Request):
    """Messages to store as turns of a session.

    A list of several may be a history that was sent before; then only what is new is stored. One
    message, or a list with strings, is new, unless `history` is true. With `history: false` each
    is new. `answered` are ids of turns that these answer.
    """

    messages: list[MessageIn | _String] = Field(min_length=1, max_length=10_000)
    session_id: _Id | None = None
    timestamp: _Moment | None = None
    importance: float = Field(default=0.0, ge=0, le=1)
    metadata: dict[str, Any] | None = None
    expires_at: _Moment | None = None
    history: bool | None = None
    answered: list[str] = []


class AddManyRequest(_Request):
    """Whole conversations, by session id; with `history: false` each message is new."""

    sessions: dict[str, list[MessageIn | _String]]
    expires_at: _Moment | None = None
    history: bool = True


class Ids(BaseModel):
    """Ids of memories, in order; with `?full=true` the memories too."""

    ids: list[str]
    memories: list[MemoryOut] | None = None

    @classmethod
    def of(cls, memories: Sequence[Memory], *, full: bool) -> Self:
        """Return memories."""
        fields: dict[str, Any] = (
            {"memories": [MemoryOut.of(memory) for memory in memories]} if full else {}
        )
        return cls.model_construct(ids=[memory.id for memory in memories], **fields)


class OpenSession(BaseModel):
    """The session that is open."""

    session_id: str | None


class EditRequest(_Request):
    """A new text of a memory, its importance, or when it expires (null for never)."""

    text: _Text | None = None
    timestamp: _Moment | None = None
    importance: float | None = Field(default=None, ge=0, le=1)
    expires_at: _Moment | None = None


class _FilteredRequest(_Request):
    """What a search is restricted to; see docs/filters.md."""

    session_id: _Id | None = None
    role: str | None = None
    speaker: _String | None = None
    since: _Moment | None = None
    until: _Moment | None = None
    filter: dict[str, Any] | None = None
    min_confidence: float = Field(default=0.0, ge=0, le=1)


class SearchRequest(_FilteredRequest):
    """A question, and what `MemoryController.search` takes beside it."""

    query: _Text
    k: _K = 5
    granularity: Granularity = Granularity.TURN
    as_of: _Moment | None = None
    include_archived: bool = False
    explain: bool = False
    reinforce: bool = True
    hops: int = Field(default=1, ge=1, le=8)


class RecallRequest(_FilteredRequest):
    """A question or the last turns of a conversation, and what `MemoryController.recall` takes."""

    query: _Text | Annotated[list[MessageIn | _String], Field(min_length=1, max_length=1000)]
    max_tokens: int = Field(default=800, ge=1, le=1_000_000)
    as_of: _Moment | None = None
    exclude: list[str] = []
    min_trust: Trust = Trust.EXTERNAL
    granularity: Granularity | None = None
    explain: bool = False
    reinforce: bool = True

    def cue(self) -> str | list[Any]:
        """Return the question or the turns as the controller takes them."""
        if isinstance(self.query, str):
            return self.query
        return [turn if isinstance(turn, str) else turn.message() for turn in self.query]


class SectionIn(_Request):
    """A part of a document's text, as the reader of its format divides it."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    headings: list[str] = []
    page: int | None = None


class DocumentRequest(_Request):
    """A document's text; `source` names it. Without `sections`, headings of Markdown divide it."""

    text: _Text
    sections: list[SectionIn] | None = Field(default=None, max_length=100_000)
    title: _Text | None = None
    source: _Text | None = None
    metadata: dict[str, Any] | None = None
    expires_at: _Moment | None = None

    def document(self) -> DocumentText:
        """Return the text with its sections.

        Raises:
            EmptyTextError: there is nothing but white space.
            InvalidInputError: a section lies outside of the text.
        """
        document = read_text(self.text)
        if self.sections is None:
            return document
        sections = [Section(s.start, s.end, tuple(s.headings), s.page) for s in self.sections]
        if any(not s.start <= s.end <= len(document.text) for s in sections):
            raise InvalidInputError("sections must lie within the text, start before end")
        return DocumentText(document.text, sections)


class RecognizeRequest(_Request):
    """A text that may be known."""

    text: _Text


class FeedbackRequest(_Request):
    """Which hits of a search were useful."""

    cited: list[str]
    shown: list[str] | None = None


class ReinforceRequest(_Request):
    """Ids of the hits that were used; by default all."""

    shown: list[str] | None = None


class PlanRequest(_Request):
    """A goal, and the steps towards it."""

    goal: _Text
    steps: list[_Text]
    outcome: bool | str | None = None
    sources: list[str] = []


class OutcomeRequest(_Request):
    """Whether a plan worked: `success` or `failure`."""

    outcome: bool | str


class SweepRequest(_Request):
    """When retention is computed; by default now."""

    now: _Moment | None = None


class ConsolidateRequest(_Request):
    """How much work to do at most, and how many turns to keep active."""

    budget: int | None = Field(default=None, ge=0)
    keep: int | None = Field(default=None, ge=0)


class CheckRequest(_Request):
    """Whether to rebuild what is derived and damaged."""

    repair: bool = False


class _Response(BaseModel):
    """Built from an object with the same attributes."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return it for what a method returned."""
        return cls.model_validate(value)


class MemoryOut(BaseModel):
    """A memory."""

    id: str
    text: str
    session_id: str
    granularity: Granularity
    role: str
    speaker: str | None
    position: int
    said_at: datetime
    written_at: datetime
    last_recalled_at: datetime | None
    recall_count: int
    strength: float
    state: State
    state_changed_at: datetime | None
    expires_at: datetime | None
    version: int
    version_of: str | None
    sources: list[str]
    edges: list[tuple[str, float]]
    metadata: dict[str, Any]
    user_id: str
    agent_id: str | None
    trust: Trust
    retention: float | None = None

    @classmethod
    def of(cls, memory: Memory, retention: float | None = None) -> Self:
        """Return a memory; it was validated when it was made, so it is not validated again."""
        values = {name: getattr(memory, name, None) for name in cls.model_fields}
        return cls.model_construct(
            **values
            | {
                "sources": list(memory.sources),
                "edges": [(edge.target, edge.weight) for edge in memory.edges],
                "metadata": dict(memory.metadata),
                "user_id": memory.scope.user_id,
                "agent_id": memory.scope.agent_id,
                "trust": trust_of(memory),
                "retention": retention,
            }
        )


class MemoryPage(BaseModel):
    """Memories, the newest first, and the cursor of the next page; null on the last."""

    memories: list[MemoryOut]
    next_cursor: str | None


class HitOut(BaseModel):
    """A memory that a search found."""

    memory: MemoryOut
    score: float
    retention: float
    archived: bool
    excerpt: str
    contributions: dict[str, float]
    path: list[str]
    duplicates: list[str]
    learned: float

    @classmethod
    def of(cls, hit: RecalledMemory) -> Self:
        """Return a hit."""
        return cls.model_construct(
            memory=MemoryOut.of(hit.memory, hit.retention),
            score=hit.score,
            retention=hit.retention,
            archived=hit.archived,
            excerpt=hit.excerpt,
            contributions=dict(hit.contributions),
            path=list(hit.path),
            duplicates=list(hit.duplicates),
            learned=hit.learned,
        )


class SearchOut(BaseModel):
    """What a search found, best first. `id` names the search in feedback on it."""

    id: str
    query: str
    asked_at: datetime
    confidence: float
    hits: list[HitOut]
    routing: dict[str, dict[str, float]] | None = None

    @classmethod
    def of(cls, result: SearchResult, search_id: str, *, routing: bool = False) -> Self:
        """Return a result; its routing costs as many queries as there are granularities."""
        return cls.model_construct(
            id=search_id,
            query=result.query,
            asked_at=result.asked_at,
            confidence=result.confidence,
            hits=[HitOut.of(hit) for hit in result],
            routing=_routing(result) if routing else None,
        )


def _routing(result: SearchResult) -> dict[str, dict[str, float]]:
    return {
        "weights": _by_name(result.routing.weights),
        "entropies": _by_name(result.routing.entropies),
    }


def _by_name(values: Mapping[Granularity, float]) -> dict[str, float]:
    return {granularity.value: value for granularity, value in values.items()}


class ItemOut(BaseModel):
    """A line of a recalled context."""

    id: str
    memory: MemoryOut
    form: Form
    text: str
    tokens: int
    turn_ids: list[str]
    score: float
    archived: bool
    reason: str

    @classmethod
    def of(cls, item: ContextItem) -> Self:
        """Return a line."""
        return cls.model_construct(
            id=item.id,
            memory=MemoryOut.of(item.memory),
            form=item.form,
            text=item.text,
            tokens=item.tokens,
            turn_ids=list(item.turn_ids),
            score=item.score,
            archived=item.archived,
            reason=item.reason,
        )


class RoutingOut(BaseModel):
    """What the router decided."""

    breadth: float
    turns: int
    entropy: float
    entropies: dict[str, float]
    shares: dict[str, float]
    archive: bool
    concentration: float
    summary: str

    @classmethod
    def of(cls, routing: RecallRouting) -> Self:
        """Return a routing, with one line that a person understands."""
        return cls.model_construct(
            breadth=routing.breadth,
            turns=routing.turns,
            entropy=routing.entropy,
            entropies=_by_name(routing.entropies),
            shares=_by_name(routing.shares),
            archive=routing.archive,
            concentration=routing.concentration,
            summary=str(routing),
        )


class RecallOut(BaseModel):
    """The memories that a token budget is best spent on, in the order in which they were said."""

    id: str
    query: str
    text: str
    items: list[ItemOut]
    tokens: int
    routing: RoutingOut
    confidence: float
    asked_at: datetime

    @classmethod
    def of(cls, context: Context, search_id: str) -> Self:
        """Return a context."""
        return cls.model_construct(
            id=search_id,
            query=context.query,
            text=context.text,
            items=[ItemOut.of(item) for item in context.items],
            tokens=context.tokens,
            routing=RoutingOut.of(context.routing),
            confidence=context.confidence,
            asked_at=context.hits.asked_at,
        )


class FactOut(_Response):
    """A fact about a person."""

    id: str
    memory: MemoryOut
    subject: str
    attribute: str
    value: str
    date: datetime
    until: datetime | None
    section: str
    one: bool
    retention: float
    supersedes: list[str]
    superseded_by: list[str]
    contradicts: list[str]

    @classmethod
    def of(cls, value: object) -> Self:
        """Return a fact."""
        assert isinstance(value, Fact)
        return _construct(cls, value, memory=MemoryOut.of(value.memory, value.retention))


class ProfileLineOut(_Response):
    """A line of a profile."""

    id: str
    section: str
    text: str
    sources: list[str]
    retention: float
    pinned: bool


class EventOut(_Response):
    """Something that happened from `when` until `until`, exclusive."""

    when: datetime
    until: datetime
    text: str
    dated: bool
    memory: MemoryOut

    @classmethod
    def of(cls, value: object) -> Self:
        """Return an event."""
        assert isinstance(value, Event)
        return _construct(cls, value, memory=MemoryOut.of(value.memory))


class PlanOut(_Response):
    """A plan, and how often it worked."""

    id: str
    goal: str
    steps: list[str]
    succeeded: int
    failed: int
    worth: float
    fit: float
    memory: MemoryOut

    @classmethod
    def of(cls, value: object) -> Self:
        """Return a plan."""
        assert isinstance(value, Plan)
        return _construct(cls, value, memory=MemoryOut.of(value.memory))


def _construct(model: type[T], value: object, **changed: Any) -> T:
    values = {name: getattr(value, name) for name in model.model_fields if name not in changed}
    lists = {name: list(field) for name, field in values.items() if isinstance(field, tuple)}
    return model.model_construct(**values | lists | changed)


class DocumentOut(_Response):
    """A document in memory."""

    id: str
    title: str
    source: str
    session_id: str
    chunks: list[str]
    added: int
    removed: int


class RecognitionOut(BaseModel):
    """How familiar a text is."""

    familiarity: float
    kind: str
    similarity: float
    memory: MemoryOut | None


class LearnedOut(_Response):
    """How many citations a scope has, and how much they count in a search."""

    citations: int
    trust: float


class DeletionOut(_Response):
    """The ids that a deletion affected."""

    deleted: list[str]
    derived: list[str]
    rewritten: list[str]
    unlinked: list[str]


class Count(BaseModel):
    """How many records a method wrote or deleted."""

    count: int


class EmbedderOut(_Response):
    """Name and dimension of an embedder."""

    name: str
    dimension: int


class StatsOut(_Response):
    """How much a scope holds."""

    scope: str
    memories: dict[str, int]
    states: dict[str, int]
    versions: int
    sessions: int
    associations: int
    mean_retention: float
    embedder: EmbedderOut


class NodeOut(BaseModel):
    """A memory in the association graph."""

    id: str
    granularity: Granularity
    text: str
    session_id: str
    said_at: datetime
    state: State
    retention: float


class EdgeOut(BaseModel):
    """An association."""

    source: str
    target: str
    weight: float


class GraphOut(BaseModel):
    """The association graph."""

    nodes: list[NodeOut]
    edges: list[EdgeOut]


class SweepOut(_Response):
    """What a sweep archived, and how many memories stay active."""

    archived: list[str]
    kept: int


class ConsolidationOut(_Response):
    """What a consolidation did."""

    ended: list[str]
    merged: dict[str, str]
    topics: list[str]
    days: list[str]
    archived: list[str]
    finished: bool


class CheckOut(_Response):
    """The problems of a scope; none if it is intact."""

    ok: bool
    problems: list[str]
    repaired: list[str]


class CompactionOut(_Response):
    """Sizes of the store's files in bytes."""

    before: int
    after: int
    wiped: bool


class OwnerOut(_Response):
    """An owner of memories in the store."""

    user_id: str
    agent_id: str | None


class WhoOut(BaseModel):
    """Whose memories a token reads and writes, and the constants that a client needs for that."""

    user_id: str
    agent_id: str | None
    client: str
    read_only: bool
    local: bool
    now: datetime
    curve: dict[str, float]
