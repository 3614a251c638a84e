"""`python -m demos.langchain_agent`: a LangChain agent that remembers across threads.

Two users, three threads, one checkpointer. Without `--model` a script replaces the model, so that
the demo runs anywhere; its answers come from the memories in the prompt.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from agentmem import AgentMemError, MemoryController, Scope
from agentmem.models.local_model import resolve_model
from agentmem.testing import ScriptedChatModel

_STORY = [
    ("ada", "monday", "I adopted a beagle called Biscuit."),
    ("ada", "tuesday", "What is my dog called?"),
    ("ben", "tuesday, too", "What is my dog called?"),
    ("ada", "tuesday", "Please remember that Biscuit hates rain."),
    ("ada", "wednesday", "What does my dog hate?"),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demos.langchain_agent", description=__doc__)
    parser.add_argument(
        "--model", help="a model for LangChain's init_chat_model that can call tools"
    )
    parser.add_argument("--store", help="folder for the memories")
    options = parser.parse_args(arguments)
    try:
        model = resolve_model(options.model) if options.model else _script()
        with (
            TemporaryDirectory() as folder,
            MemoryController.open(options.store or folder) as memory,
        ):
            _play(memory, model)
    except AgentMemError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _play(memory: MemoryController, model: BaseChatModel) -> None:
    agent = _agent(memory, model)
    for user, thread, message in _STORY:
        config = {"configurable": {"user_id": user, "thread_id": thread}}
        reply = agent.invoke({"messages": [HumanMessage(message)]}, config)
        print(f"\n{user}, {thread}\n  {user}: {message}\n  agent: {reply['messages'][-1].text}")
    for user in dict.fromkeys(user for user, _, _ in _STORY):
        count = len(memory.get_all(scope=Scope(user), limit=None))
        print(f"\n{count} memories of {user}")


def _agent(memory: MemoryController, model: BaseChatModel) -> Any:
    # The error of the first import names the missing package.
    from langchain.agents import create_agent
    from langgraph.checkpoint.memory import InMemorySaver

    from agentmem.langchain import AgentMemoryStore, MemoryMiddleware

    return create_agent(
        model,
        middleware=[MemoryMiddleware(memory, tools=True)],
        checkpointer=InMemorySaver(),
        store=AgentMemoryStore(memory, owner_label=1),
    )


def _script() -> BaseChatModel:
    return ScriptedChatModel([_answer], repeat=True)


def _answer(messages: list[BaseMessage]) -> AIMessage:
    """Answer as a model would, from the memories in the prompt, and call a tool."""
    last = messages[-1]
    if not isinstance(last, HumanMessage):
        return AIMessage("I will remember that.")
    memories, _, message = str(last.text).rpartition("</memories>\n\n")
    if note := re.fullmatch(r"Please remember that (.*)\.", message):
        call = {"name": "manage_memory", "args": {"content": note[1]}, "id": "note"}
        return AIMessage("", tool_calls=[call])
    facts = {"called": r"(?<=called )\w+", "hate": r"(?<=hates )\w+"}
    topic = next((word for word in facts if "?" in message and word in message), None)
    if topic is None:
        return AIMessage("What a lovely name!")
    match = re.search(facts[topic], memories)
    return AIMessage(f"I remember: {match[0]}." if match else "You have not told me.")


if __name__ == "__main__":
    sys.exit(main())
