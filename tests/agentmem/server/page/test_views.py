"""What the templates are given: curves, reasons, budgets, the graph and dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import ForgettingCurve, Granularity, InMemoryStore, Memory, MemoryController, State
from agentmem.feedback.reinforcement import after_recall
from agentmem.server.page.curve import forgetting_curve
from agentmem.server.page.lists import archived_ids, linked_turns, overview
from agentmem.server.page.network import network, topic_views
from agentmem.server.page.reasons import largest_share, reasons
from agentmem.server.page.views import Presenter, budget_segments, highlighted, relative_time
from agentmem.testing import ManualClock
from agentmem_stores import Batch, Edge, Scope

START = datetime(2026, 1, 1, tzinfo=UTC)
ADA = Scope("ada", tz="Europe/Lisbon")
CURVE = ForgettingCurve()


def a_memory(**fields: object) -> Memory:
    memory = Memory("m1", ADA, Granularity.TURN, "I like tea.", "s1", START, START, strength=30.0)
    return replace(memory, **fields)  # type: ignore[arg-type]


def day(n: float) -> datetime:
    return START + timedelta(days=n)


def past_at(data: dict[str, list[float]], moment: datetime) -> float:
    """The last value of the past that is drawn up to a moment."""
    return [y for x, y in zip(data["x"], data["past"], strict=True) if x <= moment.timestamp()][-1]


def test_a_curve_goes_through_the_retention_at_each_recall_and_now() -> None:
    memory = a_memory()
    before = {}
    for n in (10, 25, 90):
        before[n] = CURVE.retention_of(memory, day(n))
        memory = after_recall(memory, CURVE, day(n))
    view = forgetting_curve(memory, [], CURVE, day(120))
    assert [mark.kind for mark in view.marks] == ["said", "recalled", "recalled", "recalled"]
    assert [mark.retention for mark in view.marks[1:]] == pytest.approx(list(before.values()))
    for n, expected in before.items():
        assert past_at(view.data, day(n)) == pytest.approx(expected)
        assert past_at(view.data, day(n) + timedelta(seconds=1)) == 1.0
    assert past_at(view.data, day(120)) == pytest.approx(CURVE.retention_of(memory, day(120)))
    assert view.marks[-1].strength == memory.strength
    assert view.unrecorded == 0


def test_the_future_falls_below_the_threshold_when_it_says() -> None:
    view = forgetting_curve(a_memory(), [], CURVE, day(5))
    assert view.fades_at is not None
    assert CURVE.retention_of(a_memory(), view.fades_at) == pytest.approx(CURVE.archive_below)
    assert forgetting_curve(a_memory(), [], CURVE, day(400)).fades_at is None


def test_an_edit_starts_the_curve_again() -> None:
    former = a_memory(id="m1@1", version_of="m1", state=State.SUPERSEDED)
    now = a_memory(text="I like coffee.", said_at=day(40), version=2, strength=50.0)
    view = forgetting_curve(now, [former], CURVE, day(60))
    assert [mark.kind for mark in view.marks] == ["said", "edited"]
    assert past_at(view.data, day(40)) == pytest.approx(CURVE.retention(40, 30.0))
    assert past_at(view.data, day(60)) == pytest.approx(CURVE.retention(20, 50.0))


def test_recalls_known_only_by_number_are_not_invented() -> None:
    memory = a_memory(recall_count=3, last_recalled_at=day(50), strength=80.0)
    view = forgetting_curve(memory, [], CURVE, day(70))
    assert view.unrecorded == 3
    assert [(mark.kind, mark.at, mark.retention) for mark in view.marks] == [
        ("recalled", day(50), None)
    ]
    assert view.data["x"][0] == day(50).timestamp()


def test_the_times_of_a_curve_ascend() -> None:
    memory = a_memory()
    for n in (0, 10, 10, 10.000001):
        memory = after_recall(memory, CURVE, day(n))
    data = forgetting_curve(memory, [], CURVE, day(10.000002)).data
    assert data["x"] == sorted(set(data["x"]))
    assert len(data["x"]) == len(data["past"]) == len(data["future"])


def test_a_pinned_memory_stays_at_one() -> None:
    view = forgetting_curve(a_memory(metadata={"pinned": True}), [], CURVE, day(500))
    assert set(view.data["future"]) == {1.0}
    assert view.fades_at is None


def test_archiving_is_marked_where_it_happened() -> None:
    memory = a_memory(state=State.ARCHIVED, state_changed_at=day(30))
    mark = forgetting_curve(memory, [], CURVE, day(60)).marks[-1]
    assert (mark.kind, mark.at) == ("archived", day(30))
    assert mark.retention == pytest.approx(CURVE.retention(30, 30.0))


def test_reasons_sum_to_the_score_and_share_a_scale() -> None:
    parts = {"late.turn": 3.0, "late.near": -1.0, "time.named": -0.5, "lexical.key": 0.001}
    assert largest_share([parts]) == 2.0
    views = reasons(parts, 2.0)
    assert [(reason.label, reason.share) for reason in views] == [
        ("Meaning word by word", 2.0),
        ("Time", -0.5),
    ]
    assert (views[0].x, views[0].width) == (50.0, 50.0)
    assert (views[1].x, views[1].width) == (37.5, 12.5)


def test_words_of_the_query_are_marked_whatever_their_form() -> None:
    pieces = highlighted("I baked <b>breads</b>, twice.", "What bread did I bake?")
    assert [piece.text for piece in pieces if piece.marked] == ["baked", "breads"]
    assert "".join(piece.text for piece in pieces) == "I baked <b>breads</b>, twice."


def test_moments_are_those_of_the_owner() -> None:
    moment = Presenter(ADA, CURVE, day(0)).moment(datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    assert moment.date == "2 Jul 2026"
    assert moment.full == "Thursday, 2 July 2026, 00:30"


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(days=45), "1 month ago"),
        (timedelta(days=-800), "in 2 years"),
    ],
)
def test_relative_times(ago: timedelta, expected: str) -> None:
    assert relative_time(START - ago, START) == expected


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    clock = ManualClock(START)
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock
    ) as controller:
        yield controller


def test_the_parts_of_a_budget_add_up(memory: MemoryController) -> None:
    memory.add(["I adopted a beagle called Biscuit.", "My beagle loves cheese."], session_id="s1")
    context = memory.recall("What is my dog called?", max_tokens=300)
    *spent, unused = budget_segments(context, 300)
    assert unused.form == "unused"
    assert unused.tokens == 300 - context.tokens
    assert sum(part.width for part in spent) == pytest.approx(100 * context.tokens / 300, abs=0.01)
    assert unused.x + unused.width == pytest.approx(100, abs=0.01)


def test_a_graph_draws_the_best_linked_messages(memory: MemoryController) -> None:
    turns = memory.add([f"Biscuit number {n} barks." for n in range(6)], session_id="s1")
    edges = {turn.id: [Edge(turns[0].id, 0.5)] for turn in turns[1:5]}
    patch = [replace(turn, edges=tuple(edges.get(turn.id, ()))) for turn in turns]
    memory.services.memories.write(Batch(ADA, patch=patch))
    index = memory.services.memories.index(ADA)
    links = linked_turns(index, None, 3)
    assert next(iter(links.graph)) == turns[0].id
    assert (len(links.graph), links.unlinked, links.left_out) == (3, 1, 2)
    topic = a_memory(id="t", granularity=Granularity.TOPIC, sources=(turns[0].id, turns[4].id))
    by_id = {turn.id: turn for turn in turns}
    drawn = network(links, by_id, topic_views([topic]), Presenter(ADA, CURVE, START))
    assert drawn.nodes[0].topic is not None
    assert drawn.nodes[0].degree == drawn.edges == 2
    assert len(drawn.elements["nodes"]) == 3
    assert {edge["data"]["weight"] for edge in drawn.elements["edges"]} == {0.5}
    of_topic = linked_turns(index, {turns[0].id, turns[4].id}, 3)
    assert set(of_topic.graph) == {turns[0].id, turns[4].id}


def test_the_overview_agrees_with_the_verbs(memory: MemoryController) -> None:
    memory.add_many({"s1": ["I had toast.", "I like tea."], "s2": ["I live in Lisbon."]})
    toast = memory.get_all(granularity=Granularity.TURN)[0]
    memory.archive(toast.id)
    index = memory.services.memories.index(ADA)
    later = memory.clock() + timedelta(days=60)
    counts = overview(index, later, few=2, faint=(0.05, 0.99))
    stats = memory.stats()
    active = [m for m in memory.get_all(granularity=Granularity.TURN) if m.id != toast.id]
    retentions = memory.curve.retentions(active, later)
    assert counts.messages == stats.memories["turn"]
    assert counts.conversations == stats.sessions
    assert counts.associations == stats.associations
    assert counts.archived == stats.states["archived"]
    assert counts.mean_retention == pytest.approx(sum(retentions) / 2)
    assert set(counts.recent) == set(counts.fading) == {m.id for m in active}
    assert archived_ids(index) == [toast.id]
