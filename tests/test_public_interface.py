"""The names that users call, in the order in which a tour of them would."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable

from agentmem.testing import ScriptedChatModel

WRITING_AND_FINDING = """
from agentmem import Agent, ChromaStore, Granularity, Memory, MemoryController, Scope

memory = MemoryController.open("./memories", scope=Scope(user_id="ada"))
memory.add("I adopted a beagle called Biscuit.", session_id="s1")
memory.end_session("s1")
hits = memory.search("What is my dog called?", k=5, explain=True)
hits[0].memory.text, hits[0].score, hits[0].retention, hits.routing, hits.confidence
id = hits[0].memory.id
context = memory.recall("What is my dog called?", max_tokens=800)
context.text, context.items, context.tokens, context.routing, context.confidence
context.items[0].memory, context.items[0].form, context.items[0].tokens, context.items[0].turn_ids
memory.related(id, k=5); memory.pin(id); memory.unpin(id)
"""

LOOKING_AFTER = """
from datetime import UTC, datetime

memory.get(id); memory.get_all(limit=100); memory.update(id, text="..."); memory.history(id)
memory.sweep(now=datetime.now(UTC)); memory.consolidate(); memory.feedback(hits, cited=[id])
memory.export("backup.jsonl"); memory.import_("backup.jsonl"); memory.stats()
graph = memory.graph(); embeddings = memory.embeddings; memory.compact(); memory.check()
retriever = memory.as_retriever(k=5)
"""

TALKING = """
agent = Agent(model=chat_model, memory=memory, tools=[])
reply = agent.invoke("Hello again", config={"configurable": {"session_id": "s2"}})
"""

FORGETTING = """
memory.delete(id); memory.delete_all(); memory.reset()
memory.close()
"""


def test_the_tour_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import networkx as nx

    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"chat_model": ScriptedChatModel(["Hello, Ada."])}
    for part in (WRITING_AND_FINDING, LOOKING_AFTER, TALKING, FORGETTING):
        exec(compile(part, "tour", "exec"), names)
    assert isinstance(names["retriever"], BaseRetriever)
    assert isinstance(names["embeddings"], Embeddings)
    assert isinstance(names["graph"], nx.Graph)
    assert isinstance(names["agent"], Runnable)


@pytest.mark.parametrize(
    "verb",
    ["add", "end_session", "search", "get", "get_all", "update", "history", "delete", "delete_all",
     "reset", "sweep", "consolidate", "feedback", "export", "import_", "stats", "graph", "compact",
     "check", "topics", "reinforce", "learned", "reset_learning", "add_plan", "plans",
     "plan_went", "facts", "profile", "timeline", "recall", "related", "pin", "unpin"],
)  # fmt: skip
def test_every_verb_has_an_async_version(verb: str) -> None:
    from agentmem import MemoryController

    assert callable(getattr(MemoryController, verb))
    assert callable(getattr(MemoryController, f"a{verb}"))
