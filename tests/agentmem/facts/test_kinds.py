"""Facts of messages of many kinds: nothing false, plain statements found, changes followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentmem import InMemoryStore, MemoryController, Scope
from tests.agentmem.facts.kinds import CHANGES, FOUND, NOTHING
from tests.agentmem.facts.test_extraction import extracted
from tests.torture._embedding import WordEmbeddings

START = datetime(2024, 3, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize("kind", NOTHING)
def test_nothing_is_stated_of_the_user(kind: str) -> None:
    texts = [v for text in NOTHING[kind] for v in (text, text.replace("'", "\u2019"))]
    false = {text: found for text in texts if (found := _of_user(text))}
    assert false == {}


def _of_user(text: str) -> set[tuple[str, str, str]]:
    return {fact for fact in extracted(text) if fact[0] == "user"}


def test_plain_statements_are_found() -> None:
    missing = {
        text: want
        for text, wanted in FOUND.items()
        for want in wanted
        if not any(f[:2] == want[:2] and want[2] in f[2] for f in extracted(text))
    }
    assert missing == {}


def test_facts_follow_changes() -> None:
    wrong = {}
    for texts, gone, known in CHANGES:
        shown = _shown_after(texts)
        still = [word for word in gone if word in shown]
        missing = [word for word in known if word not in shown]
        if still or missing:
            wrong[" / ".join(texts)] = (still, missing)
    assert wrong == {}


def _shown_after(texts: list[str]) -> str:
    with MemoryController(
        InMemoryStore(WordEmbeddings.spec),
        scope=Scope("ada"),
        embeddings=WordEmbeddings(),
        clock=lambda: START + timedelta(days=60),
        linger=None,
    ) as memory:
        for day, text in enumerate(texts):
            memory.add(text, session_id=f"s{day}", timestamp=START + timedelta(days=day))
            memory.end_session(f"s{day}")
        facts = [f"{f.subject} {f.attribute} {f.value}" for f in memory.facts()]
        return " | ".join([*facts, *(line.text for line in memory.profile())])
