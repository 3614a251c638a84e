"""The forgetting curve, for any memory."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.forgetting import rest_days
from agentmem_stores import Granularity, InvalidInputError, Memory, Scope

CURVE = ForgettingCurve()
days = st.floats(0, 10_000)
strengths = st.floats(0.01, 3650)


def memory(**fields: object) -> Memory:
    said_at = datetime(2026, 1, 1, tzinfo=UTC)
    known = {"said_at": said_at, "written_at": said_at, "strength": 10.0} | fields
    return Memory("m", Scope("ada"), Granularity.TURN, "x", "s", **known)  # type: ignore[arg-type]


@given(days, strengths)
def test_retention_is_exp_of_minus_t_over_s(elapsed: float, strength: float) -> None:
    assert CURVE.retention(elapsed, strength) == pytest.approx(math.exp(-elapsed / strength))


@given(st.floats(0.01, 1000), strengths, strengths)
def test_stronger_memories_fade_slower(elapsed: float, a: float, b: float) -> None:
    weak, strong = sorted((a, b))
    assert CURVE.retention(elapsed, strong) >= CURVE.retention(elapsed, weak)


@given(days, days, strengths)
def test_retention_only_falls(a: float, b: float, strength: float) -> None:
    early, late = sorted((a, b))
    assert 0 <= CURVE.retention(late, strength) <= CURVE.retention(early, strength) <= 1


@given(strengths, days, days)
def test_a_longer_rest_strengthens_at_least_as_much(strength: float, a: float, b: float) -> None:
    short, long = sorted((a, b))
    after_short, after_long = (CURVE.strengthened(strength, rest) for rest in (short, long))
    assert strength <= after_short <= after_long <= CURVE.max_days


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_surprise_and_importance_strengthen(a: float, b: float, importance: float) -> None:
    known, new = sorted((a, b))
    assert CURVE.initial_strength(known) <= CURVE.initial_strength(new)
    assert CURVE.initial_strength(new) <= CURVE.initial_strength(new, importance)


def test_two_recalls_a_week_apart_strengthen_more_than_two_in_a_minute() -> None:
    once = CURVE.strengthened(30, 1)
    assert CURVE.strengthened(once, 7) > CURVE.strengthened(once, 1 / 1440)


def test_time_counts_from_the_last_recall() -> None:
    recalled = memory(last_recalled_at=datetime(2026, 1, 9, tzinfo=UTC))
    now = datetime(2026, 1, 11, tzinfo=UTC)
    assert rest_days(recalled, now) == 2
    assert CURVE.retention_of(recalled, now) == pytest.approx(math.exp(-0.2))


def test_recalls_after_the_moment_do_not_count() -> None:
    recalled = memory(last_recalled_at=datetime(2026, 1, 9, tzinfo=UTC))
    assert rest_days(recalled, datetime(2026, 1, 4, tzinfo=UTC)) == 3


def test_future_memories_have_full_retention() -> None:
    future = memory().said_at - timedelta(days=9)
    assert CURVE.retention_of(memory(), future) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_days": 0},
        {"base_days": math.inf},
        {"recall_gain": -1},
        {"importance_gain": math.nan},
        {"archive_below": 1},
    ],
)
def test_rejects_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        ForgettingCurve(**wrong)


def test_rejects_arguments_out_of_range() -> None:
    with pytest.raises(InvalidInputError, match="surprise"):
        CURVE.initial_strength(1.5)
    with pytest.raises(InvalidInputError, match="strength"):
        CURVE.retention(1, 0)
    with pytest.raises(InvalidInputError):
        CURVE.retention(math.nan, 1)
