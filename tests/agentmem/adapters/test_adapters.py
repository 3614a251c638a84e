"""Each adapter against the real package of its framework; `make adapters` installs them.

Erasing and isolation hold through every one of them: what is deleted in memory is gone from the
framework, and no framework's argument reaches another owner.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from agentmem import MemoryController, MemoryNotFoundError, Scope
from tests.agentmem.adapters.conftest import ADA, BEN

# The frameworks warn about themselves.
pytestmark = pytest.mark.filterwarnings("ignore")


class TestOpenAIAgents:
    @pytest.fixture
    def agents(self) -> Any:
        return pytest.importorskip("agents", reason="openai-agents is not installed")

    def session(self, memory: MemoryController, scope: Scope | None = None) -> Any:
        from agentmem.adapters.openai_agents import AgentMemorySession

        return AgentMemorySession("monday", memory, scope=scope)

    def test_items_come_back_as_they_were(self, agents: Any, memory: MemoryController) -> None:
        items: list[Any] = [
            {"role": "user", "content": "I like tea."},
            {"type": "function_call", "call_id": "c1", "name": "brew", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Here it is.", "annotations": []}],
            },
            {"role": "user", "content": "yes"},
            {"role": "user", "content": "yes"},
        ]
        session = self.session(memory)
        assert isinstance(session, agents.Session)
        asyncio.run(session.add_items(items[:3]))
        asyncio.run(session.add_items(items[3:]))
        assert asyncio.run(session.get_items()) == items
        assert asyncio.run(session.get_items(limit=2)) == items[-2:]
        assert asyncio.run(session.get_items(limit=0)) == []
        assert asyncio.run(session.pop_item()) == items[-1]
        assert asyncio.run(session.get_items()) == items[:-1]
        assert "I like tea." in [hit.memory.text for hit in memory.search("tea")]

    def test_as_the_session_of_the_sdk(self, agents: Any, memory: MemoryController) -> None:
        """Random operations leave the same history as in the SDK's own `SQLiteSession`."""
        reference, session = agents.SQLiteSession("monday"), self.session(memory)
        rng = random.Random(0)

        async def run() -> None:
            for n in range(60):
                kind = rng.choice(["add", "add", "call", "pop", "get", "clear"])
                if kind in ("add", "call"):
                    items: list[Any] = [
                        {"role": rng.choice(["user", "assistant"]), "content": f"line {n}"},
                        {"type": "function_call_output", "call_id": f"c{n}", "output": "4"},
                    ][: 1 + (kind == "call")]
                    await reference.add_items(items)
                    await session.add_items(items)
                elif kind == "pop":
                    assert await session.pop_item() == await reference.pop_item()
                elif kind == "clear" and rng.random() < 0.3:
                    await reference.clear_session()
                    await session.clear_session()
                limit = rng.choice([None, 0, 1, 3])
                assert await session.get_items() == await reference.get_items()
                if limit != 0:
                    assert await session.get_items(limit) == await reference.get_items(limit)

        asyncio.run(run())
        reference.close()

    def test_the_runner_writes_and_reads_it(self, agents: Any, memory: MemoryController) -> None:
        model = _scripted_openai_model(["Noted.", "You like tea."])
        agent = agents.Agent(name="assistant", model=model)
        session = self.session(memory)
        config = agents.RunConfig(tracing_disabled=True)
        agents.Runner.run_sync(agent, "I like tea.", session=session, run_config=config)
        result = agents.Runner.run_sync(agent, "What?", session=session, run_config=config)
        assert result.final_output == "You like tea."
        assert "I like tea." in str(model.inputs[1])
        assert [m.role for m in memory.get_all(session_id="monday", limit=4)][:2] == [
            "user",
            "assistant",
        ]

    def test_erasing_and_isolation(self, agents: Any, memory: MemoryController) -> None:
        session, other = self.session(memory), self.session(memory, BEN)
        asyncio.run(session.add_items([{"role": "user", "content": "My code is 4711."}]))
        assert asyncio.run(other.get_items()) == []
        asyncio.run(other.clear_session())
        [turn] = memory.get_all()
        memory.update(turn.id, text="My code is secret.")
        assert asyncio.run(session.get_items())[0]["content"] == "My code is secret."
        memory.delete(turn.id)
        assert asyncio.run(session.get_items()) == []
        asyncio.run(session.add_items([{"role": "user", "content": "I like tea."}]))
        asyncio.run(session.clear_session())
        assert memory.get_all() == []
        assert asyncio.run(session.pop_item()) is None


def _scripted_openai_model(replies: list[str]) -> Any:
    from agents import Model, ModelResponse, Usage
    from openai.types.responses import ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        def __init__(self) -> None:
            self.inputs: list[Any] = []

        async def get_response(self, system_instructions: Any, input: Any, *args: Any,  # noqa: A002
                               **kwargs: Any) -> Any:  # fmt: skip
            self.inputs.append(input)
            text = ResponseOutputText(
                type="output_text", text=replies[len(self.inputs) - 1], annotations=[]
            )
            message = ResponseOutputMessage(
                id="m", type="message", role="assistant", status="completed", content=[text]
            )
            return ModelResponse(output=[message], usage=Usage(), response_id=None)

        def stream_response(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    return Scripted()


class TestGoogleADK:
    @pytest.fixture
    def service(self, memory: MemoryController) -> Any:
        pytest.importorskip("google.adk", reason="google-adk is not installed")
        from agentmem.adapters.google_adk import AgentMemoryService

        return AgentMemoryService(memory)

    def new_session(self, texts: list[str], user: str = "ada") -> Any:
        from google.adk.events.event import Event
        from google.adk.sessions.session import Session
        from google.genai import types

        events = [
            Event(
                id=f"e{n}",
                author="user" if n % 2 == 0 else "tutor",
                content=types.Content(parts=[types.Part(text=text)]),
                timestamp=1_760_000_000.0 + n,
            )
            for n, text in enumerate(texts)
        ]
        return Session(id="s1", app_name="app", user_id=user, events=events)

    def search(self, service: Any, query: str, user: str = "ada", app: str = "app") -> list[str]:
        hits = asyncio.run(service.search_memory(app_name=app, user_id=user, query=query))
        return [entry.content.parts[0].text for entry in hits.memories]

    def test_a_session_is_found_and_written_once(
        self, service: Any, memory: MemoryController
    ) -> None:
        session = self.new_session(["I have a beagle.", "What is it called?", "Biscuit."])
        asyncio.run(service.add_session_to_memory(session))
        asyncio.run(service.add_session_to_memory(session))
        assert set(self.search(service, "beagle")) == {
            "I have a beagle.", "What is it called?", "Biscuit.",
        }  # fmt: skip
        hits = asyncio.run(service.search_memory(app_name="app", user_id="ada", query="beagle"))
        assert hits.memories[0].author == "user"
        assert hits.memories[0].timestamp.startswith("2025-10-09")

    def test_erasing_and_isolation(self, service: Any, memory: MemoryController) -> None:
        asyncio.run(service.add_session_to_memory(self.new_session(["I have a beagle."])))
        assert self.search(service, "beagle", user="ben") == []
        assert self.search(service, "beagle", app="another") == []
        hits = asyncio.run(service.search_memory(app_name="app", user_id="ada", query="beagle"))
        wanted = {"app_name": "app", "user_id": "ben", "memory_id": hits.memories[0].id}
        asyncio.run(service.delete_memory(**wanted))
        assert self.search(service, "beagle") == ["I have a beagle."]
        asyncio.run(service.delete_memory(**{**wanted, "user_id": "ada"}))
        assert self.search(service, "beagle") == []

    def test_memories_are_written_as_they_are(self, service: Any) -> None:
        from google.adk.memory.memory_entry import MemoryEntry
        from google.genai import types

        entry = MemoryEntry(
            content=types.Content(parts=[types.Part(text="Ada likes tea.")]), author="user"
        )
        asyncio.run(service.add_memory(app_name="app", user_id="ada", memories=[entry]))
        assert self.search(service, "tea") == ["Ada likes tea."]


class TestPydanticAI:
    @pytest.fixture
    def toolset(self, memory: MemoryController) -> Any:
        pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")
        from agentmem.adapters.pydantic_ai import memory_toolset

        return memory_toolset(memory, scope=lambda run: Scope(run.deps))

    def run(self, toolset: Any, calls: list[tuple[str, dict[str, Any]]], user: str) -> list[Any]:
        """Let a scripted model call tools one after another; return what they answered."""
        from pydantic_ai import Agent
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        answers: list[Any] = []
        rest = list(calls)

        def respond(messages: Any, info: Any) -> Any:
            answers.extend(
                part.content
                for part in messages[-1].parts
                if part.part_kind in ("tool-return", "retry-prompt")
            )
            if not rest:
                return ModelResponse(parts=[TextPart("done")])
            name, args = rest.pop(0)
            return ModelResponse(parts=[ToolCallPart(name, args)])

        agent = Agent(FunctionModel(respond), toolsets=[toolset], deps_type=str)
        agent.run_sync("go", deps=user)
        return answers

    def test_tools(self, toolset: Any, memory: MemoryController) -> None:
        [written] = self.run(toolset, [("remember", {"content": "Ada likes tea."})], "ada")
        memory_id = written.removeprefix("remembered as ")
        hits, recalled = self.run(
            toolset,
            [("search_memory", {"query": "tea"}), ("recall_memory", {"question": "What tea?"})],
            "ada",
        )
        assert hits[0]["id"] == memory_id
        assert "Ada likes tea." in recalled

    def test_erasing_and_isolation(self, toolset: Any, memory: MemoryController) -> None:
        [turn] = memory.add("My code is 4711.", scope=ADA)
        hits, refused = self.run(
            toolset,
            [("search_memory", {"query": "code"}), ("forget_memory", {"memory_id": turn.id})],
            "ben",
        )
        assert hits == []
        assert "ben has no memory" in refused
        [answer] = self.run(toolset, [("forget_memory", {"memory_id": turn.id})], "ada")
        assert answer == f"deleted {turn.id}"
        assert memory.get_all() == []


class TestLlamaIndex:
    @pytest.fixture
    def block(self, memory: MemoryController) -> Any:
        pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
        from agentmem.adapters.llama_index import AgentMemoryBlock

        return AgentMemoryBlock(memory=memory)

    def message(self, text: str, role: str = "user") -> Any:
        from llama_index.core.base.llms.types import ChatMessage

        return ChatMessage(role=role, content=text)

    def test_in_a_memory_of_llama_index(self, block: Any, memory: MemoryController) -> None:
        from llama_index.core.memory import Memory

        async def run() -> Any:
            short_term = Memory.from_defaults(
                session_id="monday",
                memory_blocks=[block],
                token_limit=60,
                chat_history_token_ratio=0.5,
                token_flush_size=20,
            )
            for text in ("I have a beagle called Biscuit.", *["It rained all day."] * 8):
                await short_term.aput(self.message(text))
            await short_term.aput(self.message("What is my beagle called?"))
            return await short_term.aget()

        messages = asyncio.run(run())
        assert "Biscuit" in " ".join(str(m.content) for m in messages)
        assert memory.search("beagle", k=1)[0].memory.session_id == "monday"

    def test_erasing_and_isolation(self, block: Any, memory: MemoryController) -> None:
        from agentmem.adapters.llama_index import AgentMemoryBlock

        question = [self.message("What is my code?")]
        asyncio.run(block.aput([self.message("My code is 4711.")], session_id="s1"))
        other = AgentMemoryBlock(memory=memory, scope=BEN)
        assert "4711" in asyncio.run(block.aget(question))
        assert asyncio.run(other.aget(question)) == ""
        memory.delete_session("s1")
        assert asyncio.run(block.aget(question)) == ""
        assert asyncio.run(block.atruncate("a\nb", 10_000)) is None


class TestAnthropic:
    @pytest.fixture
    def tool(self, memory: MemoryController) -> Any:
        pytest.importorskip("anthropic.lib.tools", reason="anthropic is not installed")
        from agentmem.adapters.anthropic import AgentMemoryTool

        return AgentMemoryTool(memory)

    def refused(self, tool: Any, **command: Any) -> str:
        from anthropic.lib.tools import ToolError

        with pytest.raises(ToolError) as error:
            tool.call(command)
        return str(error.value)

    def test_every_command(self, tool: Any, memory: MemoryController) -> None:
        path, text = "/memories/notes/ada.md", "Ada likes tea.\nShe lives in Porto."
        tool.call({"command": "create", "path": path, "file_text": text})
        assert path in tool.call({"command": "view", "path": "/memories"})
        assert "     2\tShe lives in Porto." in tool.call({"command": "view", "path": path})
        view = tool.call({"command": "view", "path": path, "view_range": [2, 2]})
        assert "tea" not in view
        tool.call({"command": "str_replace", "path": path, "old_str": "Porto", "new_str": "Faro"})
        tool.call(
            {"command": "insert", "path": path, "insert_line": 1, "insert_text": "And mate.\n"}
        )
        [file] = memory.get_all()
        assert file.text == "Ada likes tea.\nAnd mate.\nShe lives in Faro."
        assert [m.version for m in memory.history(file.id)] == [1, 2, 3]
        new = "/memories/ada.md"
        tool.call({"command": "rename", "old_path": path, "new_path": new})
        assert memory.search("mate", k=1)[0].memory.metadata["path"] == new
        tool.call({"command": "delete", "path": new})
        assert memory.get_all() == []

    def test_as_the_tool_of_the_sdk_that_keeps_files(self, tool: Any, tmp_path: Path) -> None:
        """The same commands succeed and fail, and leave the same files with the same lines."""
        from anthropic.lib.tools import ToolError
        from anthropic.tools.memory import BetaLocalFilesystemMemoryTool

        reference = BetaLocalFilesystemMemoryTool(str(tmp_path))

        def outcome(of: Any, command: dict[str, Any]) -> str:
            try:
                return str(of.call(dict(command)))
            except ToolError:
                return "refused"

        a, b, folder = "/memories/a.md", "/memories/notes/b.md", "/memories/notes"
        commands: list[dict[str, Any]] = [
            {"command": "view", "path": a},
            {"command": "create", "path": a, "file_text": "tea\nmate\n"},
            {"command": "create", "path": a, "file_text": "again"},
            {"command": "create", "path": b, "file_text": "rain\n"},
            {"command": "str_replace", "path": a, "old_str": "tea", "new_str": "green tea"},
            {"command": "str_replace", "path": a, "old_str": "coffee", "new_str": "tea"},
            {"command": "insert", "path": a, "insert_line": 0, "insert_text": "drinks\n"},
            {"command": "insert", "path": a, "insert_line": 99, "insert_text": "x"},
            {"command": "rename", "old_path": folder, "new_path": "/memories/log"},
            {"command": "rename", "old_path": folder, "new_path": "/memories/other"},
            {"command": "rename", "old_path": a, "new_path": "/memories/log/b.md"},
            {"command": "rename", "old_path": "/memories", "new_path": "/memories/x"},
            {"command": "delete", "path": "/memories/log"},
            {"command": "delete", "path": b},
            {"command": "delete", "path": "/memories"},
            {"command": "view", "path": "/etc/passwd"},
        ]
        for command in commands:
            ours, theirs = outcome(tool, command), outcome(reference, command)
            assert (ours == "refused") == (theirs == "refused"), (command, ours, theirs)
            for path in (a, b, "/memories/log/b.md"):
                view = {"command": "view", "path": path}
                assert outcome(tool, view) == outcome(reference, view), (command, path)

    def test_wrong_calls_of_a_model_are_refused(self, tool: Any) -> None:
        tool.call({"command": "create", "path": "/memories/a", "file_text": "tea tea"})
        again = {"command": "create", "path": "/memories/a", "file_text": "x"}
        assert "already exists" in self.refused(tool, **again)
        twice = {"command": "str_replace", "path": "/memories/a", "old_str": "tea", "new_str": "x"}
        assert "2 times" in self.refused(tool, **twice)
        line = {"command": "insert", "path": "/memories/a", "insert_line": 9, "insert_text": "x"}
        assert "[0, 1]" in self.refused(tool, **line)
        for path in ("/etc/passwd", "/memories/../etc", "/memoriesx/a", ""):
            assert "must start with" in self.refused(tool, command="view", path=path)

    def test_erasing_and_isolation(self, tool: Any, memory: MemoryController) -> None:
        from agentmem.adapters.anthropic import AgentMemoryTool

        other = AgentMemoryTool(memory, scope=BEN)
        tool.call({"command": "create", "path": "/memories/a", "file_text": "My code is 4711."})
        assert "does not exist" in self.refused(other, command="view", path="/memories/a")
        [file] = memory.get_all()
        with pytest.raises(MemoryNotFoundError):
            memory.get(file.id, scope=BEN)
        memory.delete(file.id)
        assert "does not exist" in self.refused(tool, command="view", path="/memories/a")
        tool.call({"command": "create", "path": "/memories/b", "file_text": "tea"})
        other.clear_all_memory()
        assert len(memory.get_all()) == 1
        tool.clear_all_memory()
        assert memory.get_all() == []
