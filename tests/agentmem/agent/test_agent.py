"""The agent: what it writes, what the model sees, and which failures it survives."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.embeddings import Embeddings
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import tool

from agentmem import (
    Agent,
    EmptyTextError,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    InvalidScopeError,
    MemoryController,
    Scope,
)
from agentmem.testing import ManualClock, ScriptedChatModel

ADA, BEN = Scope("ada"), Scope("ben")


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    clock = ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock
    ) as controller:
        yield controller


def talk(session: str, **more: str) -> RunnableConfig:
    return {"configurable": {"session_id": session, **more}}


def dialogue(memory: MemoryController, scope: Scope = ADA) -> list[tuple[str, str]]:
    turns = memory.get_all(granularity=Granularity.TURN, scope=scope)
    return [(t.role, t.text) for t in turns]


def calls(name: str, **arguments: object) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


@tool
def broken() -> str:
    """Fail."""
    raise OSError("the wire is cut")


class TestMemory:
    def test_writes_both_sides_once(self, memory: MemoryController) -> None:
        Agent(ScriptedChatModel(["Hello, Ada."]), memory).invoke("I am Ada.", talk("s1"))
        assert dialogue(memory) == [("user", "I am Ada."), ("assistant", "Hello, Ada.")]

    def test_shows_memories_of_other_sessions(self, memory: MemoryController) -> None:
        memory.add("My beagle is called Biscuit.", session_id="s1")
        model = ScriptedChatModel(["Biscuit."])
        reply = Agent(model, memory).invoke("What is my dog called?", talk("s2"))
        prompt = str(model.calls[0][-1].text)
        assert '[m1] 2026-01-05, user: "My beagle is called Biscuit."' in prompt
        assert prompt.endswith("</memories>\n\nWhat is my dog called?")
        details = reply.response_metadata["agentmem"]
        assert details["session_id"] == "s2"
        assert details["shown"] == {"m1": details["recalled"][0]["id"]}

    def test_continues_a_session_of_another_agent(self, memory: MemoryController) -> None:
        Agent(ScriptedChatModel(["Hi."]), memory).invoke("Hello.", talk("s1"))
        model = ScriptedChatModel(["Fine."])
        Agent(model, memory).invoke("How are you?", talk("s1"))
        assert [m.text for m in model.calls[0][1:]] == ["Hello.", "Hi.", "How are you?"]

    def test_continues_the_open_session_by_default(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Hi.", "Fine."])
        agent = Agent(model, memory)
        first = agent.invoke("Hello.").response_metadata["agentmem"]["session_id"]
        second = agent.invoke("How are you?").response_metadata["agentmem"]["session_id"]
        assert first == second
        assert [m.text for m in model.calls[1][1:]] == ["Hello.", "Hi.", "How are you?"]

    def test_shows_no_deleted_turn(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Noted.", "Yes?"])
        agent = Agent(model, memory)
        agent.invoke("My PIN is 4711.", talk("s1"))
        memory.delete(memory.get_all(granularity=Granularity.TURN)[0].id)
        agent.invoke("What is my PIN?", talk("s1"))
        assert "4711" not in str(model.calls[1])

    def test_summarizes_long_sessions_to_stay_within_the_budget(
        self, memory: MemoryController
    ) -> None:
        turns = [{"role": "user", "content": f"Number {n}. " + "word " * 60} for n in range(60)]
        memory.add(turns, session_id="s1")
        model = ScriptedChatModel(["Many."])
        sizes: list[int] = []

        def count(messages: Any) -> int:
            sizes.append(sum(len(str(m.text)) for m in messages))
            return sizes[-1]

        Agent(model, memory, token_budget=3000, count=count).invoke("How many?", talk("s1"))
        assert sum(len(str(m.text)) for m in model.calls[0]) <= 3000
        assert "[earlier in this conversation]" in str(model.calls[0][-1].text)

    def test_shows_profile_and_system_prompt(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Hi."])
        agent = Agent(
            model, memory, system_prompt="You are Kit.", profile=lambda scope: f"{scope} plays"
        )
        agent.invoke("Hello.", talk("s1"))
        assert str(model.calls[0][0].text).startswith("You are Kit.\n\n")
        assert '[profile] "ada plays"' in str(model.calls[0][-1].text)


class TestOwner:
    def test_config_names_the_user(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Hi, Ben.", "Hi, Ada."])
        agent = Agent(model, memory)
        agent.invoke("I am Ben.", talk("s", user_id="ben"))
        agent.invoke("Who is here?", talk("s"))
        assert dialogue(memory, BEN) == [("user", "I am Ben."), ("assistant", "Hi, Ben.")]
        assert "Ben" not in str(model.calls[1])

    def test_agent_id_separates_memories_of_a_user(self, memory: MemoryController) -> None:
        Agent(ScriptedChatModel(["Yes."]), memory).invoke("Secret.", talk("s", agent_id="cook"))
        assert dialogue(memory) == []
        assert dialogue(memory, Scope("ada", "cook"))

    def test_missing_or_invalid_user_is_an_error(self, embeddings: Embeddings) -> None:
        with MemoryController(InMemoryStore(), embeddings=embeddings) as nobodys:
            agent = Agent(ScriptedChatModel(["x"]), nobodys)
            with pytest.raises(InvalidScopeError, match="user_id"):
                agent.invoke("Hello.", talk("s"))
            with pytest.raises(InvalidScopeError):
                agent.invoke("Hello.", talk("s", user_id="*"))

    def test_fifty_concurrent_users_stay_separate(self, memory: MemoryController) -> None:
        def answer(prompt: list[BaseMessage]) -> str:
            return f"Hello {str(prompt[-1].text).split()[-1]}"

        agent = Agent(ScriptedChatModel([answer], repeat=True), memory)

        async def everybody() -> list[AIMessage]:
            return await asyncio.gather(
                *(agent.ainvoke(f"I am u{n}", talk("s", user_id=f"u{n}")) for n in range(50))
            )

        replies = asyncio.run(everybody())
        assert [r.text for r in replies] == [f"Hello u{n}" for n in range(50)]
        for n in range(50):
            expected = [("user", f"I am u{n}"), ("assistant", f"Hello u{n}")]
            assert dialogue(memory, Scope(f"u{n}")) == expected
            assert agent.recall_for("s", scope=Scope(f"u{n}")) is not None


class TestInput:
    @pytest.mark.parametrize(
        "value",
        [
            "Hello.",
            HumanMessage("Hello."),
            {"role": "user", "content": "Hello."},
            [("user", "Hello.")],
            {"messages": [HumanMessage("Hello.")]},
            {"input": "Hello."},
        ],
    )
    def test_accepts_every_form_of_langchain(self, memory: MemoryController, value: Any) -> None:
        assert Agent(ScriptedChatModel(["Hi."]), memory).invoke(value, talk("s")).text == "Hi."
        assert dialogue(memory)[0] == ("user", "Hello.")

    def test_writes_only_the_new_messages_of_a_conversation(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Fine."])
        messages = [
            SystemMessage("Be brief."),
            HumanMessage("Hello."),
            AIMessage("Hi."),
            HumanMessage("How are you?"),
        ]
        Agent(model, memory).invoke({"messages": messages}, talk("s"))
        assert dialogue(memory) == [("user", "How are you?"), ("assistant", "Fine.")]
        assert str(model.calls[0][0].text).endswith("Be brief.")
        assert [m.text for m in model.calls[0][1:]] == ["Hello.", "Hi.", "How are you?"]

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            ("  \n", EmptyTextError),
            ([], InvalidInputError),
            ([AIMessage("x")], InvalidInputError),
            (42, InvalidInputError),
            ([{"rolle": "user"}], InvalidInputError),
        ],
    )
    def test_rejects_other_input(
        self, memory: MemoryController, value: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            Agent(ScriptedChatModel(["x"]), memory).invoke(value, talk("s"))
        assert dialogue(memory) == []

    @pytest.mark.parametrize("options", [{"k": 0}, {"max_steps": 0}, {"token_budget": 10}])
    def test_rejects_numbers_out_of_range(
        self, memory: MemoryController, options: dict[str, int]
    ) -> None:
        with pytest.raises(InvalidInputError):
            Agent(ScriptedChatModel(["x"]), memory, **options)  # type: ignore[arg-type]


class TestTools:
    def test_run_until_the_model_replies(self, memory: MemoryController) -> None:
        model = ScriptedChatModel([calls("weather", city="Oslo"), "Take an umbrella."])
        reply = Agent(model, memory, [weather]).invoke("Oslo today?", talk("s"))
        assert reply.text == "Take an umbrella."
        answer = model.calls[1][-1]
        assert isinstance(answer, ToolMessage)
        assert answer.text == "Rain in Oslo."
        assert dialogue(memory) == [("user", "Oslo today?"), ("assistant", "Take an umbrella.")]

    def test_failures_go_to_the_model(self, memory: MemoryController) -> None:
        script: list[Any] = [
            calls("broken"),
            calls("unknown"),
            calls("weather", town="Oslo"),
            "Sorry.",
        ]
        model = ScriptedChatModel(script)
        reply = Agent(model, memory, [weather, broken]).invoke("Go.", talk("s"))
        answers = [m for m in model.calls[-1] if isinstance(m, ToolMessage)]
        assert reply.text == "Sorry."
        assert [a.status for a in answers] == ["error"] * 3
        assert "the wire is cut" in str(answers[0].text)
        assert "there are: weather, broken" in str(answers[1].text)

    def test_can_be_plain_functions(self, memory: MemoryController) -> None:
        def double(number: int) -> int:
            """Double a number."""
            return 2 * number

        model = ScriptedChatModel([calls("double", number=4), "Eight."])
        Agent(model, memory, [double]).invoke("Twice four?", talk("s"))
        assert model.calls[1][-1].text == "8"

    def test_calls_stop_at_max_steps(self, memory: MemoryController) -> None:
        model = ScriptedChatModel([calls("weather", city="Oslo")], repeat=True)
        reply = Agent(model, memory, [weather], max_steps=3).invoke("Oslo?", talk("s"))
        assert len(model.calls) == 3
        assert "more steps" in str(reply.text)
        assert not reply.response_metadata["agentmem"]["finished"]
        assert dialogue(memory) == [("user", "Oslo?")]

    def test_need_a_model_that_can_call_them(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["x"], tools_supported=False)
        with pytest.raises(InvalidInputError, match=r"cannot call tools.*weather"):
            Agent(model, memory, [weather])
        assert Agent(model, memory).invoke("Hello.", talk("s")).text == "x"


class TestFailures:
    def test_failing_model_does_not_lose_the_users_words(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel([TimeoutError("slow"), "Hello."]), memory)
        with pytest.raises(TimeoutError):
            agent.invoke("I am Ada.", talk("s"))
        assert dialogue(memory) == [("user", "I am Ada.")]
        agent.invoke("I am Ada.", talk("s"))
        assert dialogue(memory) == [("user", "I am Ada."), ("assistant", "Hello.")]

    @pytest.mark.parametrize("failed", [["One."], ["One.", "Two."]])
    def test_messages_that_failed_and_come_again_with_more_are_written_once(
        self, memory: MemoryController, failed: list[str]
    ) -> None:
        model = ScriptedChatModel([ConnectionError("gone"), "Fine."])
        agent = Agent(model, memory)
        with pytest.raises(ConnectionError):
            agent.invoke(failed, talk("s"))
        agent.invoke([*failed, "Three."], talk("s"))
        said = [("user", text) for text in [*failed, "Three."]]
        assert dialogue(memory) == [*said, ("assistant", "Fine.")]
        assert [str(message.text) for message in model.calls[1]][-1] == "Three."
        assert not [t for t in memory.get_all(granularity=Granularity.TURN) if t.metadata]

    def test_retry_writes_the_users_words_once(self, memory: MemoryController) -> None:
        model = ScriptedChatModel([TimeoutError("slow"), "Hello."])
        Agent(model, memory).with_retry(wait_exponential_jitter=False).invoke("Hi.", talk("s"))
        assert dialogue(memory) == [("user", "Hi."), ("assistant", "Hello.")]
        assert [m.text for m in model.calls[1][1:]] == ["Hi."]

    def test_failing_search_does_not_lose_the_users_words(
        self, memory: MemoryController, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError("disk")

        monkeypatch.setattr(memory, "search", fail)
        with pytest.raises(OSError, match="disk"):
            Agent(ScriptedChatModel(["x"]), memory).invoke("I am Ada.", talk("s"))
        assert dialogue(memory) == [("user", "I am Ada.")]

    def test_empty_reply_is_not_written(self, memory: MemoryController) -> None:
        assert Agent(ScriptedChatModel([" "]), memory).invoke("Hi.", talk("s")).text == " "
        assert dialogue(memory) == [("user", "Hi.")]

    def test_interrupted_reply_is_written(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel(["One two three four."]), memory)
        stream = agent.stream("Count.", talk("s"))
        assert [next(stream).text, next(stream).text] == ["One", " two"]
        stream.close()  # type: ignore[attr-defined]
        assert dialogue(memory) == [("user", "Count."), ("assistant", "One two")]
        [_, reply] = memory.get_all(granularity=Granularity.TURN)
        assert reply.metadata == {"interrupted": True}

    def test_cancelled_reply_is_written(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel(["One two three four."]), memory)

        async def count() -> None:
            async for piece in agent.astream("Count.", talk("s")):
                if piece.text == " two":
                    raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(count())
        assert dialogue(memory) == [("user", "Count."), ("assistant", "One two")]


class Runs(BaseCallbackHandler):
    """Notes the runs that begin under the first one."""

    def __init__(self) -> None:
        self.root: UUID | None = None
        self.children: list[str] = []

    def _note(self, serialized: Any, *_: Any, run_id: UUID, **more: Any) -> None:
        if more.get("parent_run_id") is None:
            self.root = run_id
        elif more["parent_run_id"] == self.root:
            self.children.append(more.get("name") or serialized["name"])

    on_chain_start = on_chat_model_start = on_tool_start = _note


class TestRunnable:
    def test_stream_yields_what_invoke_returns(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel(["One two three."], repeat=True), memory)
        pieces = list(agent.stream("Count.", talk("s")))
        assert [p.text for p in pieces] == ["One", " two", " three.", ""]
        whole = pieces[0]
        for piece in pieces[1:]:
            whole = whole + piece  # type: ignore[assignment]
        assert isinstance(whole, AIMessageChunk)
        assert whole.text == agent.invoke("Count.", talk("s2")).text
        assert whole.response_metadata["agentmem"]["session_id"] == "s"

    def test_stream_includes_text_before_tool_calls(self, memory: MemoryController) -> None:
        looked = AIMessage("Let me see.", tool_calls=calls("weather", city="Oslo").tool_calls)
        agent = Agent(ScriptedChatModel([looked, " Rain."]), memory, [weather])
        assert "".join(str(p.text) for p in agent.stream("Oslo?", talk("s"))) == "Let me see. Rain."
        assert dialogue(memory)[-1] == ("assistant", " Rain.")

    def test_async_methods_match_the_synchronous_ones(self, memory: MemoryController) -> None:
        script: list[Any] = [calls("weather", city="Oslo"), "Rain, I fear."]
        agent = Agent(ScriptedChatModel(script, repeat=True), memory, [weather])

        async def both() -> tuple[str, list[str]]:
            reply = await agent.ainvoke("Oslo?", talk("s1"))
            pieces = [str(p.text) async for p in agent.astream("Oslo?", talk("s2"))]
            return str(reply.text), pieces

        reply, pieces = asyncio.run(both())
        assert reply == "Rain, I fear."
        assert pieces == ["Rain,", " I", " fear.", ""]
        assert Counter(dialogue(memory)) == {("user", "Oslo?"): 2, ("assistant", reply): 2}

    def test_batch_takes_a_config_per_input(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel([lambda prompt: f"Re: {prompt[-1].text}"] * 3), memory)
        names: list[Any] = ["a", "b", "c"]
        replies = agent.batch(names, [talk("s", user_id=name) for name in names])
        assert [r.text for r in replies] == ["Re: a", "Re: b", "Re: c"]

    def test_traces_show_recall_write_model_tools_and_reflect(
        self, memory: MemoryController
    ) -> None:
        model = "ScriptedChatModel"
        expected = ["recall", "write", model, "weather", model, "write", "reflect"]
        script: list[Any] = [calls("weather", city="Oslo"), "Rain."]
        agent = Agent(ScriptedChatModel(script, repeat=True), memory, [weather])
        runs = [Runs(), Runs(), Runs()]
        agent.invoke("Oslo?", {**talk("s1"), "callbacks": [runs[0]]})
        list(agent.stream("Oslo?", {**talk("s2"), "callbacks": [runs[1]]}))
        asyncio.run(agent.ainvoke("Oslo?", {**talk("s3"), "callbacks": [runs[2]]}))
        assert [r.children for r in runs] == [expected] * 3

    def test_events_have_names(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel(["One two."]), memory).with_config(run_name="kit")

        async def events() -> list[tuple[str, str]]:
            stream = agent.astream_events("Count.", talk("s"), version="v2")
            return [(e["event"], e["name"]) async for e in stream]

        names = asyncio.run(events())
        assert names[0] == ("on_chain_start", "kit")
        assert names[-1] == ("on_chain_end", "kit")
        assert Counter(names)["on_chat_model_stream", "ScriptedChatModel"] >= 2
        assert {("on_chain_end", "recall"), ("on_chain_end", "write")} <= set(names)

    def test_config_can_be_bound_and_agent_chained(self, memory: MemoryController) -> None:
        agent: Runnable[Any, Any] = Agent(ScriptedChatModel(["Hi."]), memory).with_config(
            configurable={"session_id": "bound", "user_id": "ben"}
        )
        assert (agent | (lambda reply: reply.text.upper())).invoke("Hello.") == "HI."
        assert dialogue(memory, BEN)[0] == ("user", "Hello.")

    def test_recall_for_explains_the_last_reply(self, memory: MemoryController) -> None:
        memory.add("My beagle is called Biscuit.", session_id="s1")
        agent = Agent(ScriptedChatModel(["Biscuit."]), memory)
        assert agent.recall_for("s2") is None
        agent.invoke("What is my dog called?", talk("s2"))
        recall = agent.recall_for("s2")
        assert recall is not None
        assert recall is agent.recall_for()
        assert recall[0].contributions
