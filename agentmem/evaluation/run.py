"""Running a task: one conversation after the other, each in a memory of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from agentmem.evaluation.ablation import difference, settings_with
from agentmem.evaluation.cache import IngestCache, Ingested
from agentmem.evaluation.tasks import Asker, Moment, NullProgress, Outcome, Progress, Task, end_of

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue
    from agentmem.rerank.refiner import Refiner

__all__ = ["Results", "run"]


@dataclass
class Results:
    """What came of a task.

    Attributes:
        outcomes: one for each question, all parts at work.
        switched: the outcomes with a part switched, by the name that `parts` gives it.
        consolidated: the outcomes after consolidating, if that was wanted.
        crossed: the confidence of the questions put to the next conversation.
        left_out: how many questions had no evidence.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    switched: dict[str, list[Outcome]] = field(default_factory=dict)
    consolidated: list[Outcome] = field(default_factory=list)
    crossed: list[float] = field(default_factory=list)
    left_out: int = 0


class _Remembering(Embeddings):
    """Embeds every query once, however many controllers ask it."""

    def __init__(self, inner: Embeddings) -> None:
        self._inner = inner
        self._queries: dict[str, list[float]] = {}

    def __getattr__(self, name: str) -> Any:
        # What embeddings may tell of themselves: their spec, window and way of counting tokens.
        return getattr(self._inner, name)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        if text not in self._queries:
            self._queries[text] = self._inner.embed_query(text)
        return self._queries[text]


def _switched(part: str) -> str:
    return f"asking {difference(part)}"


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

    At most one conversation's memory is open at a time, and nothing but the outcomes is kept.

    Args:
        k: how many memories a question finds.
        ablate: the parts of the search to be switched in turn, of `parts`.
        consolidate: ask everything again after `MemoryController.consolidate`, on a copy.
        refiners: stages after the search, see `MemoryController`.
    """
    results, heard = Results(), progress or NullProgress()
    first: Dialogue | None = None
    asked: list[Outcome] = []
    for number, dialogue in enumerate(task.dialogues()):
        with cache.open(dialogue, heard) as found:
            bench = _Bench(task, found, k, refiners, heard)
            if task.crossed and number:
                results.crossed += bench.confidences(asked)
            asked = bench.ask(results, ablate)
        if consolidate:
            with cache.consolidated(dialogue, heard) as found:
                results.consolidated += _Bench(task, found, k, refiners, heard).ask_once()
        # The first conversation is the next one of the last, if there are several.
        first = dialogue if number == 0 else first
        several = number > 0
    if task.crossed and first is not None and several:
        with cache.open(first, heard) as found:
            results.crossed += _Bench(task, found, k, refiners, heard).confidences(asked)
    return results


@dataclass(frozen=True)
class _Bench:
    """The memory of one conversation, about to be asked."""

    task: Task
    found: Ingested
    k: int
    refiners: Sequence[Refiner]
    progress: Progress

    def ask(self, results: Results, ablate: Sequence[str]) -> list[Outcome]:
        """Ask everything as it is, then with each part switched; return what came of the former."""
        questions, left_out = self.task.count(self.found.dialogue)
        results.left_out += left_out
        for stage in ("asking", *map(_switched, ablate)):
            self.progress.expect(stage, questions)
        embeddings = _Remembering(self.found.embeddings)
        asker = self._asker(embeddings)
        # Reading the memory into the search's own index is not what a question takes.
        asker.search("warm up", asker.end)
        outcomes = list(self._outcomes(asker, "asking", answer=True))
        results.outcomes += outcomes
        for part in ablate:
            partly = self._asker(embeddings, settings=settings_with(part))
            asked = self._outcomes(partly, _switched(part), answer=False)
            results.switched.setdefault(part, []).extend(asked)
        return outcomes

    def ask_once(self) -> list[Outcome]:
        """Ask everything of a memory that has been consolidated."""
        stage = "asking again"
        self.progress.expect(stage, self.task.count(self.found.dialogue)[0])
        return list(self._outcomes(self._asker(self.found.embeddings), stage, answer=False))

    def confidences(self, asked: Sequence[Outcome]) -> list[float]:
        """Put questions about another conversation to this one; return how sure it is."""
        asker = self._asker(self.found.embeddings)
        self.progress.expect("asking the next", len(asked))
        sure = []
        for outcome in asked:
            found, _ = asker.search(outcome.text, asker.end + outcome.rest)
            sure.append(found.confidence)
            self.progress.advance("asking the next", 1)
        return sure

    def _outcomes(self, asker: Asker, stage: str, *, answer: bool) -> Iterator[Outcome]:
        for outcome in self.task.ask(asker, self.found.dialogue, answer=answer):
            self.progress.advance(stage, 1)
            yield outcome

    def _asker(self, embeddings: Embeddings, **options: Any) -> Asker:
        from agentmem.controller.controller import MemoryController

        clock = Moment()
        # Several controllers share the store, so none of them is closed: the cache closes it.
        memory = MemoryController(
            self.found.store,
            embeddings=embeddings,
            clock=clock,
            linger=None,
            refiners=self.refiners,
            **options,
        )
        return Asker(memory, clock, self.found.scope, end_of(self.found.dialogue), self.k)
