"""Run a task: one conversation after the other, each in a memory of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from agentmem.evaluation.cache import IngestCache, IngestedConversation
from agentmem.evaluation.tasks import FixedClock, MemoryUnderTest, Outcome, Task, end_of
from agentmem.progress import NullProgress, Progress

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue
    from agentmem.rerank.refiner import Refiner
    from agentmem_retrievers import SearchSettings

__all__ = ["Results", "ablations", "describe", "run", "settings_of", "without_parts"]

# Each of a pair makes up for the other, so their worth shows only without both.
_PAIRS = {
    "lexical and soft": frozenset({"lexical", "soft"}),
    "currency and retention": frozenset({"currency", "retention"}),
}


def without_parts() -> tuple[str, ...]:
    """Return the names of the ablations that leave out a part of the search, or a pair of parts."""
    from agentmem_retrievers import PARTS

    # What only recalls do changes no search.
    return (*(part for part in PARTS if part not in {"router", "topics"}), *_PAIRS)


def ablations() -> tuple[str, ...]:
    """Return the names of all ablations: `without_parts`, and options that are off by default."""
    return (*without_parts(), *_options())


def _options() -> Mapping[str, SearchSettings]:
    """What is off by default; "fixed router" trusts all granularities alike."""
    from agentmem_retrievers import SearchSettings

    return {
        "associations": SearchSettings(associated=True),
        "router": SearchSettings(routed=True),
        "fixed router": SearchSettings(routed=True, off=frozenset({"router"})),
    }


def describe(ablation: str) -> str:
    """Return what an ablation changes.

    >>> describe("lexical"), describe("router")
    ('without lexical', 'with router')
    """
    return f"with {ablation}" if ablation in _options() else f"without {ablation}"


def settings_of(ablation: str) -> SearchSettings:
    """Return the search settings of an ablation."""
    from agentmem_retrievers import SearchSettings

    option = _options().get(ablation)
    return option or SearchSettings(off=_PAIRS.get(ablation, frozenset({ablation})))


@dataclass
class Results:
    """The outcomes of a task.

    Attributes:
        outcomes: one for each question, with the default search.
        ablated: outcomes by ablation.
        consolidated: outcomes after consolidation, if requested.
        elsewhere: confidences of the questions asked of another conversation.
        left_out: number of questions without evidence.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    ablated: dict[str, list[Outcome]] = field(default_factory=dict)
    consolidated: list[Outcome] = field(default_factory=list)
    elsewhere: list[float] = field(default_factory=list)
    left_out: int = 0


def run(
    task: Task,
    cache: IngestCache,
    *,
    k: int = 10,
    ablate: Sequence[str] = (),
    consolidate: bool = False,
    refiners: Sequence[Refiner] = (),
    progress: Progress | None = None,
) -> Results:
    """Ask every question of a task of the memory of its conversation.

    At most one conversation's memory is open at a time.

    Args:
        k: how many memories a search returns.
        ablate: names from `ablations`; every question is asked again with each.
        consolidate: ask again after `MemoryController.consolidate`, on a copy.
        refiners: stages after the search, see `MemoryController`.
    """
    results, reporter = Results(), progress or NullProgress()

    def session(conversation: IngestedConversation) -> _Session:
        return _Session(task, conversation, k, refiners, reporter)

    first: Dialogue | None = None
    previous: list[Outcome] = []
    dialogues = 0
    for dialogue in task.dialogues():
        with cache.open(dialogue, reporter) as conversation:
            if task.unanswerable_elsewhere and dialogues:
                results.elsewhere += session(conversation).confidences(previous)
            previous = session(conversation).ask(results, ablate)
        if consolidate:
            with cache.consolidated(dialogue, reporter) as conversation:
                results.consolidated += session(conversation).ask_again()
        first = first or dialogue
        dialogues += 1
    if task.unanswerable_elsewhere and first is not None and dialogues > 1:
        # The questions of the last conversation are asked of the first.
        with cache.open(first, reporter) as conversation:
            results.elsewhere += session(conversation).confidences(previous)
    return results


@dataclass(frozen=True)
class _Session:
    """Asks the memory of one conversation."""

    task: Task
    conversation: IngestedConversation
    k: int
    refiners: Sequence[Refiner]
    progress: Progress

    def ask(self, results: Results, ablate: Sequence[str]) -> list[Outcome]:
        """Ask with the default search, then with each ablation; return the former outcomes."""
        questions, left_out = self.task.count(self.conversation.dialogue)
        results.left_out += left_out
        stages = {ablation: f"asking {describe(ablation)}" for ablation in ablate}
        for stage in ("asking", *stages.values()):
            self.progress.expect(stage, questions)
        embeddings = _QueryCache(self.conversation.embeddings)
        memory = self._memory(embeddings)
        # Loading the derived index is not part of a question's time.
        memory.search("warm up", memory.end)
        outcomes = list(self._outcomes(memory, "asking", answer=True))
        results.outcomes += outcomes
        for ablation, stage in stages.items():
            ablated = self._memory(embeddings, settings=settings_of(ablation))
            rows = results.ablated.setdefault(ablation, [])
            rows += self._outcomes(ablated, stage, answer=False)
        return outcomes

    def ask_again(self) -> list[Outcome]:
        """Ask everything once, without answers."""
        stage = "asking again"
        self.progress.expect(stage, self.task.count(self.conversation.dialogue)[0])
        memory = self._memory(self.conversation.embeddings)
        return list(self._outcomes(memory, stage, answer=False))

    def confidences(self, outcomes: Sequence[Outcome]) -> list[float]:
        """Ask questions about another conversation; return the confidence of each search."""
        memory = self._memory(self.conversation.embeddings)
        self.progress.expect("asking another", len(outcomes))
        values = []
        for outcome in outcomes:
            result, _ = memory.search(outcome.text, memory.end + outcome.delay)
            values.append(result.confidence)
            self.progress.advance("asking another", 1)
        return values

    def _outcomes(self, memory: MemoryUnderTest, stage: str, *, answer: bool) -> Iterator[Outcome]:
        for outcome in self.task.ask(memory, self.conversation.dialogue, answer=answer):
            self.progress.advance(stage, 1)
            yield outcome

    def _memory(self, embeddings: Embeddings, **options: Any) -> MemoryUnderTest:
        from agentmem.controller.controller import MemoryController

        clock = FixedClock()
        # Several controllers share the store, which the cache closes.
        memory = MemoryController(
            self.conversation.store,
            embeddings=embeddings,
            clock=clock,
            linger=None,
            refiners=self.refiners,
            **options,
        )
        end = end_of(self.conversation.dialogue)
        return MemoryUnderTest(memory, clock, self.conversation.scope, end, self.k)


class _QueryCache(Embeddings):
    """Embeds each query once, although the controller of every ablation embeds it."""

    def __init__(self, inner: Embeddings) -> None:
        self._inner = inner
        self._queries: dict[str, list[float]] = {}

    def __getattr__(self, name: str) -> Any:
        # The inner embeddings' spec, window, token counter and word embeddings.
        return getattr(self._inner, name)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        if text not in self._queries:
            self._queries[text] = self._inner.embed_query(text)
        return self._queries[text]
