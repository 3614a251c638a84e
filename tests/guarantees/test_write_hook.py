"""The hook is called with every text before it is stored; rejected text is in no file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.embeddings import Embeddings

from agentmem import (
    Agent,
    ChromaStore,
    DataFormatError,
    Draft,
    EmbedderSpec,
    Granularity,
    InMemoryStore,
    MemoryController,
    Scope,
    WriteHookError,
)
from agentmem.langchain import AgentMemoryStore, MemoryMiddleware, create_manage_memory_tool
from agentmem.migration import import_mem0
from agentmem.testing import ManualClock, ScriptedChatModel
from demos.redaction import main, redact
from tests.agentmem.langchain.conftest import WordEmbeddings

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA = Scope("ada")
ADDRESS = "ada.lovelace+notes@example.org"
CARD = "4111 1111 1111 1111"
SECRETS = (ADDRESS, "lovelace", CARD, "4111111111111111", "4111-1111-1111-1111", "5500005555555559")
STATEMENT = f"Write to {ADDRESS} or charge {CARD}, 4111111111111111 or 4111-1111-1111-1111."

Hook = Callable[[Draft], Draft | None]


class Watched(WordEmbeddings):
    """Records the texts that it embeds."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.seen += texts
        return [self.embed_query(text) for text in texts]


def controller(hook: Hook | None) -> MemoryController:
    return MemoryController(
        InMemoryStore(EmbedderSpec("words", 64)),
        scope=ADA,
        embeddings=WordEmbeddings(),
        clock=ManualClock(START),
        linger=None,
        before_write=hook,
    )


def write_in_every_way(memory: MemoryController, folder: Path) -> None:
    """Every public way to get a text into a store."""
    known = {"contact": {"mail": [ADDRESS]}, ADDRESS: CARD, "card": 5500005555555559}
    memory.add(STATEMENT, session_id="s", metadata=known)
    memory.add(
        {"role": "user", "content": STATEMENT, "speaker": ADDRESS, "id": "m"}, session_id="s"
    )
    memory.end_session("s")
    memory.update("m", text=f"Rather {ADDRESS}.")
    store = AgentMemoryStore(memory)
    store.put(("a",), "k", {"mail": ADDRESS, "more": [{"card": f"card {CARD}"}]})
    store.put(("a",), "silent", {"mail": ADDRESS}, index=False)
    create_manage_memory_tool(memory).invoke({"content": STATEMENT})
    memory.add_many({"many": [STATEMENT, {"role": "user", "content": "Hm.", "speaker": ADDRESS}]})
    memory.add_plan(f"Reach {ADDRESS}", [STATEMENT, "wait"], "success")
    agent = Agent(ScriptedChatModel([f"I will write to {ADDRESS}."]), memory)
    agent.invoke(STATEMENT, {"configurable": {"session_id": "agent"}})
    graph = create_agent(ScriptedChatModel(["Done."]), [], middleware=[MemoryMiddleware(memory)])
    graph.invoke(
        {"messages": [{"role": "user", "content": STATEMENT}]}, {"configurable": {"thread_id": "t"}}
    )
    import_mem0(
        memory, [{"id": "m0", "memory": STATEMENT, "metadata": {"mail": ADDRESS}}], scope=ADA
    )
    with controller(None) as other:
        other.add(STATEMENT, session_id="imported", metadata=known)
        other.end_session("imported")
        other.export(folder / "raw.jsonl")
    memory.import_(folder / "raw.jsonl")
    memory.consolidate()


def test_redacted_text_is_in_no_file(tmp_path: Path) -> None:
    path, embeddings = tmp_path / "store", Watched()
    with ChromaStore.open(path, WordEmbeddings.spec) as store:
        memory = MemoryController(
            store,
            scope=ADA,
            embeddings=embeddings,
            clock=ManualClock(START),
            linger=None,
            before_write=redact,
        )
        write_in_every_way(memory, tmp_path)
        memories = [m for g in Granularity for m in store.scan(ADA, g)]
        assert {m.session_id for m in memories} >= {"s", "many", "agent", "t", "imported"}
        assert all("[e-mail address]" in text for text in embeddings.seen if "Write to" in text)
        memory.close()
    files = [f for f in path.rglob("*") if f.is_file()]
    content = b"\n".join(f.read_bytes() for f in files)
    assert b"[e-mail address]" in content
    assert b"[card number]" in content
    assert [secret for secret in SECRETS if secret.encode() in content] == []
    # The words of a question are embedded one by one to search with, and stored nowhere.
    texts = [text for text in embeddings.seen if not text.isalpha()]
    assert not any(secret in text for text in texts for secret in SECRETS)
    print(f"{len(files)} files, {len(content)} bytes searched for {len(SECRETS)} secrets")


@pytest.mark.parametrize(
    ("said", "redacted"),
    [
        ("Order 4111 1111 1111 1112", "Order 4111 1111 1111 1112"),
        ("Call 0049 170 1234567", "Call 0049 170 1234567"),
        ("x@y is no address", "x@y is no address"),
        ("<ada@example.org>, bo@example.co.uk!", "<[e-mail address]>, [e-mail address]!"),
        ("378282246310005 and 6011 1111 1111 1117", "[card number] and [card number]"),
        ("\uff14111 1111 1111 1111", "[card number]"),
    ],
)
def test_the_redaction_example_redacts_secrets_only(said: str, redacted: str) -> None:
    assert redact(Draft(said)).text == redacted


def test_the_demo_runs(
    capsys: pytest.CaptureFixture[str], embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentmem.controller.controller.default_embeddings", lambda: embeddings)
    main()
    output = capsys.readouterr().out
    assert "Write to [e-mail address], and pay with [card number]." in output
    assert "4111 1111 1111 1112" in output


def nothing_of_secrets(draft: Draft) -> Draft | None:
    return None if "secret" in draft.text else draft


@pytest.fixture
def choosy() -> Iterator[MemoryController]:
    with controller(nothing_of_secrets) as memory:
        yield memory


def test_rejected_texts_are_not_stored(choosy: MemoryController, tmp_path: Path) -> None:
    [turn] = choosy.add(["a secret", "no such thing"], session_id="s")
    assert [m.text for m in choosy.get_all()] == ["no such thing"]
    assert choosy.add("only a secret", session_id="s") == []
    assert choosy.update(turn.id, text="now a secret") == turn
    assert choosy.get_all() == [turn]
    store = AgentMemoryStore(choosy)
    store.put(("a",), "k", {"text": "fine"})
    store.put(("a",), "k", {"text": ["fine", {"deep": "a secret"}]})
    item = store.get(("a",), "k")
    assert item is not None
    assert item.value == {"text": "fine"}
    answer = create_manage_memory_tool(choosy).invoke({"content": "a secret"})
    assert "nothing of this may be remembered" in answer
    with pytest.raises(WriteHookError, match="rejected this plan"):
        choosy.add_plan("keep a secret", ["say nothing"])
    with controller(None) as other:
        other.add(["a secret", "a secret too", "but this"], session_id="i")
        other.end_session("i")
        other.export(tmp_path / "x.jsonl")
    choosy.import_(tmp_path / "x.jsonl")
    assert not any("secret" in m.text for m in choosy.get_all(limit=None))
    assert choosy.check().ok


def test_an_agent_answers_messages_that_the_hook_rejects(choosy: MemoryController) -> None:
    agent = Agent(ScriptedChatModel(["It is safe with me."]), choosy)
    assert agent.invoke("This is a secret.").text == "It is safe with me."
    assert [m.text for m in choosy.get_all()] == ["It is safe with me."]


def no_draft(draft: Draft) -> Any:
    return {"text": draft.text}


def emptied(draft: Draft) -> Draft:
    return replace(draft, text=" ")


def unstorable(draft: Draft) -> Draft:
    return replace(draft, metadata={"a": object()})


def failing(draft: Draft) -> Draft:
    raise ConnectionError("the redaction service is away")


@pytest.mark.parametrize("broken", [no_draft, emptied, unstorable, failing])
def test_a_failing_hook_rejects_the_write_and_loses_nothing(tmp_path: Path, broken: Hook) -> None:
    hook: list[Hook] = [lambda draft: draft]
    with controller(lambda draft: hook[0](draft)) as memory:
        [turn] = memory.add("Here before.", session_id="s")
        store = AgentMemoryStore(memory)
        store.put(("a",), "k", {"text": "here before"})
        memory.export(tmp_path / "x.jsonl")
        before = sorted(memory.get_all(limit=None), key=lambda m: m.id)
        # Only the last of several texts fails.
        hook[0] = lambda draft: broken(draft) if "bad" in draft.text else draft
        with pytest.raises(WriteHookError, match="nothing was written"):
            memory.add(["good", "bad"], session_id="s")
        with pytest.raises(WriteHookError):
            memory.update(turn.id, text="bad")
        with pytest.raises(WriteHookError):
            store.put(("a",), "k", {"fine": "good", "not": "bad"})
        with pytest.raises(WriteHookError):
            create_manage_memory_tool(memory).invoke({"content": "bad"})
        with pytest.raises(WriteHookError):
            memory.add_plan("good", ["a good step", "a bad one"])
        lines = (tmp_path / "x.jsonl").read_text().splitlines()
        lines[-1] = json.dumps(json.loads(lines[-1]) | {"text": "bad"})
        (tmp_path / "x.jsonl").write_text("\n".join(lines))
        with pytest.raises(WriteHookError):
            memory.import_(tmp_path / "x.jsonl")
        assert sorted(memory.get_all(limit=None), key=lambda m: m.id) == before


def test_the_hook_cannot_change_id_time_or_role() -> None:
    def forging(draft: Draft) -> Draft:
        return replace(draft, text="Changed.", role="system", id="forged", said_at=START)

    with controller(forging) as memory:
        said = {"role": "user", "content": "x", "id": "mine"}
        [turn] = memory.add(said, timestamp=datetime(2025, 1, 1, tzinfo=UTC))
        assert (turn.text, turn.role, turn.id) == ("Changed.", "user", "mine")
        assert turn.said_at.year == 2025


def test_the_documented_example_runs(
    embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("agentmem.controller.controller.default_embeddings", lambda: embeddings)
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "guarantees.md").read_text(encoding="utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/guarantees.md", "exec"), names)
    with names["memory"] as memory:
        [turn] = memory.add(f"Write to {ADDRESS} soon.")
        assert turn.text == "Write to [e-mail address] soon."


@pytest.mark.parametrize("call", ["add", "update", "import", "plan", "note"])
def test_a_hook_may_use_another_owner(call: str, tmp_path: Path) -> None:
    """It runs without the lock of the owner who writes."""
    policy = Scope("policy")
    texts: list[str] = []

    def hook(draft: Draft) -> Draft | None:
        if draft.metadata.get("audited"):
            return draft
        memory.search("What may be stored?", scope=policy)
        memory.add(
            {"role": "system", "content": draft.text, "metadata": {"audited": True}}, scope=policy
        )
        texts.append(draft.text)
        return draft

    memory = controller(None)
    [turn] = memory.add("I live in Lisbon.", session_id="s")
    memory.export(tmp_path / "file.jsonl")
    memory.close()
    memory = controller(hook)
    memory.import_(tmp_path / "file.jsonl")
    calls: dict[str, Callable[[], object]] = {
        "add": lambda: memory.add("I have a dog."),
        "update": lambda: memory.update(turn.id, text="I live in Porto."),
        "import": lambda: memory.import_(tmp_path / "file.jsonl", scope=Scope("ben")),
        "plan": lambda: memory.add_plan("bake bread", ["knead", "wait"]),
        "note": lambda: create_manage_memory_tool(memory).invoke({"content": "Likes tea."}),
    }
    texts.clear()
    calls[call]()
    assert texts


def test_an_update_keeps_what_changed_while_the_hook_ran() -> None:
    changes: list[Callable[[], object]] = []

    def hook(draft: Draft) -> Draft:
        if changes:
            changes.pop()()
        return draft

    memory = controller(hook)
    [turn] = memory.add("I live in Lisbon.")
    changes.append(lambda: memory.pin(turn.id))
    updated = memory.update(turn.id, text="I live in Porto.")
    assert updated.metadata["pinned"]
    # The newer text wins, and the other one is a version of its own.
    changes.append(lambda: memory.update(turn.id, text="I live in Faro."))
    assert memory.update(turn.id, text="I live in Braga.").version == 4
    assert [m.text for m in memory.history(turn.id)][-2:] == ["I live in Faro.", "I live in Braga."]


def test_an_import_is_validated_again_if_another_call_writes_while_the_hook_runs(
    tmp_path: Path,
) -> None:
    def hook(draft: Draft) -> Draft:
        if changes:
            changes.pop()()
        return draft

    changes: list[Callable[[], object]] = []
    memory = controller(hook)
    memory.add({"role": "user", "content": "I live in Lisbon.", "id": "m"}, session_id="s")
    memory.end_session("s")
    memory.export(tmp_path / "file.jsonl")
    ben = Scope("ben")
    lines = (tmp_path / "file.jsonl").read_text().splitlines()
    summary = next(json.loads(line)["id"] for line in lines[1:] if '"summary"' in line)
    # Ben gets a turn under the id of the summary.
    changes.append(lambda: memory.add({"role": "user", "content": "Hi.", "id": summary}, scope=ben))
    with pytest.raises(DataFormatError, match="nothing was imported"):
        memory.import_(tmp_path / "file.jsonl", scope=ben)
    assert [m.text for m in memory.get_all(scope=ben)] == ["Hi."]
