"""langmem's tools and its store manager work with the store, unchanged."""

from __future__ import annotations

import asyncio
import json
import uuid
import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage

from agentmem import MemoryController, Scope
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ScriptedChatModel
from tests.agentmem.langchain.conftest import Open

NAMESPACE = ("memories", "{langgraph_user_id}")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def langmem() -> Any:
    with warnings.catch_warnings():
        # It imports names that LangGraph has moved.
        warnings.simplefilter("ignore")
        return pytest.importorskip("langmem")


@pytest.fixture
def memory(open_memory: Open) -> MemoryController:
    return open_memory()


@pytest.fixture
def store(memory: MemoryController) -> AgentMemoryStore:
    return AgentMemoryStore(memory, owner_label=1)


def as_user(user_id: str) -> Any:
    return {"configurable": {"langgraph_user_id": user_id}}


def calling(name: str, **arguments: Any) -> AIMessage:
    call = {"name": name, "args": arguments, "id": uuid.uuid4().hex}
    return AIMessage("", tool_calls=[call])


def test_tools_create_search_update_and_delete(langmem: Any, store: AgentMemoryStore) -> None:
    manage = langmem.create_manage_memory_tool(NAMESPACE, store=store)
    search = langmem.create_search_memory_tool(
        NAMESPACE, store=store, response_format="content_and_artifact"
    )
    ada = as_user("ada")
    memory_id = manage.invoke({"content": "Ada drinks tea"}, ada).rsplit(" ", 1)[1]
    manage.invoke({"content": "Ada drinks mate", "action": "update", "id": memory_id}, ada)
    call = {"name": search.name, "args": {"query": "drinks"}, "id": "1", "type": "tool_call"}
    message = search.invoke(call, ada)
    assert [item.value for item in message.artifact] == [{"content": "Ada drinks mate"}]
    assert json.loads(message.content)[0]["key"] == memory_id
    assert json.loads(search.invoke({"query": "drinks"}, as_user("ben"))) == []
    asyncio.run(manage.ainvoke({"action": "delete", "id": memory_id}, ada))
    assert json.loads(asyncio.run(search.ainvoke({"query": "drinks"}, ada))) == []


def test_tools_find_the_store_of_an_agent(
    langmem: Any, memory: MemoryController, store: AgentMemoryStore
) -> None:
    tools = [
        langmem.create_manage_memory_tool(NAMESPACE),
        langmem.create_search_memory_tool(NAMESPACE),
    ]
    model = ScriptedChatModel(
        [
            calling("manage_memory", content="Ada drinks tea"),
            calling("search_memory", query="drinks"),
            "You drink tea.",
        ]
    )
    agent: Any = create_agent(model, tools, store=store)
    result = agent.invoke({"messages": ["What do I drink?"]}, as_user("ada"))
    assert "Ada drinks tea" in str(result["messages"][-2].content)
    assert memory.search("drinks", scope=Scope("ada"))[0].memory.text == "Ada drinks tea"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_store_manager_inserts_patches_and_removes(
    langmem: Any, memory: MemoryController, store: AgentMemoryStore, asynchronous: bool
) -> None:
    def managed(message: str, *script: Any) -> None:
        manager = langmem.create_memory_store_manager(
            ScriptedChatModel([*script, "Done."]),
            namespace=NAMESPACE,
            store=store,
            enable_deletes=True,
        )
        value = {"messages": [{"role": "user", "content": message}], "max_steps": 1}
        if asynchronous:
            asyncio.run(manager.ainvoke(value, config=as_user("ada")))
        else:
            manager.invoke(value, config=as_user("ada"))

    def known_id(messages: list[BaseMessage]) -> str:
        [item] = store.search(("memories", "ada"))
        return str(langmem.knowledge.extraction.MemoryStoreManager._stable_id(item))

    def patch(messages: list[BaseMessage]) -> AIMessage:
        edit = {"op": "replace", "path": "/content", "value": "Ada drinks mate"}
        doc = known_id(messages)
        return calling("PatchDoc", json_doc_id=doc, planned_edits="tea, not mate", patches=[edit])

    def remove(messages: list[BaseMessage]) -> AIMessage:
        return calling("RemoveDoc", json_doc_id=known_id(messages))

    def contents() -> list[Any]:
        return [item.value["content"] for item in store.search(("memories", "ada"))]

    managed("I drink tea.", calling("Memory", content="Ada drinks tea"))
    assert contents() == [{"content": "Ada drinks tea"}]
    managed("I drink mate.", patch)
    assert contents() == [{"content": "Ada drinks mate"}]
    assert len(memory.search("drinks", scope=Scope("ada"), k=9)) == 1
    managed("Forget what I drink.", remove)
    assert contents() == []
