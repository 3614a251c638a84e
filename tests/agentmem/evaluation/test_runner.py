"""Whole evaluations, with real Chroma stores and the real embedder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import FakeListChatModel

from agentmem import Granularity
from agentmem.evaluation.answers import Answerer
from agentmem.evaluation.cache import IngestCache
from agentmem.evaluation.decay import measure_decay
from agentmem.evaluation.needle import NeedleTask, haystack
from agentmem.evaluation.report import Report, report
from agentmem.evaluation.runner import ablations, run
from agentmem.evaluation.tasks import Evidence, RankingTask, evidence
from agentmem.evaluation.updates import UpdatesTask
from agentmem.formats.dialogue import Dialogue, DialogueQuestion, DialogueSession, DialogueTurn
from agentmem.progress import NullProgress
from agentmem_stores import State

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def dialogue(owner: str, *sessions: list[str], evidence_of: dict[str, list[str]]) -> Dialogue:
    """Return a conversation with turns D1:1, D1:2 and so on, and questions with evidence."""

    def turn(day: int, i: int, text: str) -> DialogueTurn:
        said_at = START + timedelta(days=day, minutes=i)
        return DialogueTurn(
            role="user", speaker=None, text=text, said_at=said_at,
            metadata={"dia_id": f"D{day + 1}:{i + 1}"},
        )  # fmt: skip

    dialogue_sessions = tuple(
        DialogueSession(
            id=f"s{day + 1}",
            started_at=START + timedelta(days=day),
            turns=tuple(turn(day, i, text) for i, text in enumerate(texts)),
        )
        for day, texts in enumerate(sessions)
    )
    questions = tuple(
        DialogueQuestion(
            id=f"{owner}-{i}", text=text, answer="Biscuit", category=str(min(len(turns), 2)),
            evidence_turns=tuple(turns), evidence_sessions=(), asked_at=None,
        )
        for i, (text, turns) in enumerate(evidence_of.items())
    )  # fmt: skip
    return Dialogue(owner=owner, sessions=dialogue_sessions, questions=questions)


ADA = dialogue(
    "ada",
    ["I adopted a beagle called Biscuit.", "The rain does not stop."],
    ["I moved to Porto for a new job.", "Porto has steep streets."],
    evidence_of={
        "What is my beagle called?": ["D1:1"],
        "Tell me of Porto and its streets.": ["D2:1", "D2:2"],
        "Who was never mentioned?": ["D9:9"],
        "And what was nowhere?": [],
    },
)
BEN = dialogue(
    "ben",
    ["My violin lessons begin on Monday.", "The printer is out of paper."],
    evidence_of={"When do my violin lessons begin?": ["D1:1"]},
)


class Counting:
    """Progress that counts announced and completed steps."""

    def __init__(self) -> None:
        self.expected: Counter[str] = Counter()
        self.done: Counter[str] = Counter()

    def expect(self, stage: str, count: int) -> None:
        self.expected[stage] += count

    def advance(self, stage: str, count: int) -> None:
        self.done[stage] += count


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(folder: Path, embeddings: Embeddings) -> IngestCache:
    """A cache that tests share, as runs do."""
    return IngestCache(folder, embeddings)


def evaluate(cache: IngestCache, k: int = 3, **options: object) -> Report:
    task = RankingTask("small", lambda: [ADA, BEN], k=k, **options)  # type: ignore[arg-type]
    return report(task, run(task, cache, k=k), cache)


class TestEvidence:
    def test_contains_only_turns_of_the_conversation(self) -> None:
        [beagle, porto, absent, none] = [evidence(ADA, q) for q in ADA.questions]
        assert beagle is not None
        assert beagle == Evidence(frozenset({"D1:1"}), frozenset({"s1"}))
        assert porto is not None
        assert porto.sessions == {"s2"}
        assert absent is none is None

    def test_unanswerable_questions_have_none(self) -> None:
        unanswerable = replace(ADA.questions[0], id="q_abs")
        assert evidence(ADA, unanswerable) is None


class TestRanking:
    def test_scores_a_small_data_set(self, cache: IngestCache) -> None:
        result = evaluate(cache)
        assert result.overall.n_questions == 3
        assert result.left_out == 2
        assert result.overall.turn["recall_any@1"] == 100.0
        assert result.overall.turn["recall_all@1"] == pytest.approx(200 / 3)
        assert result.overall.session["ndcg@3"] == 100.0
        assert result.confidence_auroc == 1.0
        assert {name: s.n_questions for name, s in result.by_category.items()} == {"1": 2, "2": 1}

    def test_json_is_in_percent(self, cache: IngestCache) -> None:
        data = evaluate(cache).to_json()
        assert set(data) == {
            "dataset", "n_questions", "left_out", "session", "turn", "answers", "by_category",
            "confidence_auroc", "ablation", "consolidated", "latency_ms", "ingest_s_per_1000_turns",
            "versions",
        }  # fmt: skip
        assert data["turn"]["recall_any@3"] == 100.0
        assert data["by_category"]["2"]["turn"]["recall_all@1"] == 0.0
        assert 0 < data["latency_ms"]["p50"] <= data["latency_ms"]["p95"]
        assert data["ingest_s_per_1000_turns"] > 0

    def test_models_answer_from_search_results(self, cache: IngestCache) -> None:
        answers = Answerer(FakeListChatModel(responses=["It is Biscuit."]))
        result = evaluate(cache, answers=answers)
        assert result.overall.answers == {"f1": 50.0, "exact_match": 0.0, "failed": 0.0}

    def test_a_limit_reads_only_what_it_needs(self, cache: IngestCache) -> None:
        def read() -> Iterator[Dialogue]:
            yield ADA
            raise AssertionError

        task = RankingTask("small", read, k=3, limit=2)
        result = report(task, run(task, cache, k=3), cache)
        assert result.overall.n_questions == 2
        assert result.confidence_auroc is None

    def test_every_ablation_asks_all_questions(self, cache: IngestCache) -> None:
        task = RankingTask("small", lambda: [ADA, BEN], k=3)
        result = report(task, run(task, cache, k=3, ablate=ablations()), cache)
        assert tuple(result.ablation) == ablations()
        assert {s.n_questions for s in result.ablation.values()} == {3}
        assert "turn recall_all@3" in result.differences(result.ablation["lexical"])

    def test_consolidates_a_copy(self, cache: IngestCache) -> None:
        task = RankingTask("small", lambda: [ADA, BEN], k=3)
        result = report(task, run(task, cache, k=3, consolidate=True), cache)
        assert result.consolidated is not None
        assert result.consolidated.n_questions == 3
        assert set(result.variants) == {"after consolidate()"}
        with cache.open(ADA, Counting()) as original:
            assert not list(original.store.scan(original.scope, Granularity.DAY))
        with cache.consolidated(ADA, Counting()) as copy:
            assert list(copy.store.scan(copy.scope, Granularity.DAY))


class TestCache:
    def test_a_second_run_ingests_nothing(self, cache: IngestCache) -> None:
        first, progress = evaluate(cache), Counting()
        task = RankingTask("small", lambda: [BEN, ADA], k=3)
        again = report(task, run(task, cache, k=3, progress=progress), cache)
        assert progress.expected["ingesting"] == 0
        assert progress.expected["asking"] == progress.done["asking"] == 3
        assert again.overall == first.overall
        assert again.ingest_s_per_1000_turns == first.ingest_s_per_1000_turns

    def test_an_interrupted_ingest_resumes(self, tmp_path: Path, embeddings: Embeddings) -> None:
        class Interrupting(Counting):
            def advance(self, stage: str, count: int) -> None:
                raise KeyboardInterrupt

        cache = IngestCache(tmp_path, embeddings)
        with pytest.raises(KeyboardInterrupt), cache.open(ADA, Interrupting()):
            pass
        with cache.open(ADA, Counting()) as conversation:
            turns = list(conversation.store.scan(conversation.scope, Granularity.TURN))
        assert sorted(m.text for m in turns) == sorted(
            t.text for s in ADA.sessions for t in s.turns
        )

    def test_fresh_ingests_once_per_run(self, tmp_path: Path, embeddings: Embeddings) -> None:
        progress = Counting()
        for fresh in (False, True):
            cache = IngestCache(tmp_path, embeddings, fresh=fresh)
            for _ in range(2):
                with cache.open(BEN, progress):
                    pass
        assert progress.done["ingesting"] == 2 * 2

    def test_other_questions_need_no_new_ingest(self, cache: IngestCache) -> None:
        progress = Counting()
        with cache.open(ADA, progress), cache.open(replace(BEN, questions=()), progress):
            pass
        assert not progress.done


class TestGenerated:
    def test_needles_are_found(self, cache: IngestCache) -> None:
        generated = haystack(turns=30, needles=2, threads=2, hops=3, questions=2)
        task = NeedleTask(generated)
        result = report(task, run(task, cache), cache)
        assert result.by_category["single needle"].turn["all_found"] == 100.0
        assert result.overall.n_questions == len(generated.questions)

    def test_updates_are_asked_for_as_of_now_and_the_past(self, cache: IngestCache) -> None:
        task = UpdatesTask(users=1, sessions=4, limit=8)
        result = report(task, run(task, cache), cache)
        assert result.overall.n_questions == 8
        assert set(result.overall.turn) == {"newest_first", "newest_at_1", "as_of_right"}
        assert next(iter(result.by_category)) == "known words"

    def test_updates_are_asked_for_over_two_hops(self, cache: IngestCache) -> None:
        task = UpdatesTask(users=1, sessions=4)
        result = report(task, run(task, cache), cache)
        assert result.by_category["two hops"].n_questions == 4
        assert set(result.by_category["two hops"].turn) == {"two_hops_right"}


class TestDecay:
    def test_unneeded_turns_fade_and_searches_find_archived_ones(self, cache: IngestCache) -> None:
        small_talk = [["Yes.", "Okay, see you then!"] for _ in range(6)]
        first = ["The doctor's phone number at the Northgate clinic is 555-0142.", "Hm, okay."]
        asked = {"Which number does the doctor have?": ["D1:1"], "See you when?": ["D3:2"]}
        conversation = dialogue("ada", first, *small_talk, evidence_of=asked)
        shares = measure_decay([conversation], cache, days=3650)
        assert shares["unneeded_archived"] > 0.9
        assert shares["not_swept"] == shares["swept"] > shares["without_archive"]
        assert shares["archive_used"] > 0
        with cache.open(conversation, NullProgress()) as untouched:
            turns = untouched.store.scan(untouched.scope, Granularity.TURN)
            assert all(turn.state is State.ACTIVE for turn in turns)
