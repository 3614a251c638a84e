"""Every public verb takes any value for any parameter: it accepts it, or raises a typed error."""

from __future__ import annotations

import asyncio
import inspect
import math
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, PutOp, SearchOp

from agentmem import (
    Agent,
    AgentMemError,
    Client,
    Draft,
    ForgettingCurve,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    Scope,
    connect,
)
from agentmem.langchain import (
    AgentMemoryStore,
    MemoryMiddleware,
    create_manage_memory_tool,
    create_recall_memory_tool,
    create_search_memory_tool,
)
from agentmem.testing import ManualClock, ScriptedChatModel
from agentmem_retrievers import MemoryRetriever
from tests.agentmem.langchain.conftest import WordEmbeddings, new_memory
from tests.serving import serving

ADA = Scope("ada")


VALUES: dict[str, Any] = {
    "none": None, "true": True, "numpy true": np.True_, "zero": 0, "minus one": -1, "two": 2,
    "huge": 10**400, "float": 2.0, "half": 0.5, "nan": math.nan, "infinity": math.inf,
    "decimal": Decimal("0.5"), "decimal nan": Decimal("NaN"), "complex": 1j,
    "numpy int": np.int64(2), "numpy float": np.float32(0.5), "numpy nan": np.float64("nan"),
    "array": np.array([1, 2]), "scalar array": np.array(2),
    "datetime64": np.datetime64("2026-01-01"),
    "empty": "", "blank": " ", "text": "tea", "digits": "2", "surrogate": "tea \ud83d",
    "nul": "a\0b", "long": "x" * 2000, "bytes": b"tea", "uuid": uuid.UUID(int=7),
    "path": Path("tea"),
    "date": date(2026, 1, 5), "iso": "2026-01-05T09:00:00Z", "naive": datetime(2026, 1, 5),  # noqa: DTZ001
    "aware": datetime(2026, 1, 5, tzinfo=UTC),
    "year one": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    "list": [], "list of none": [None], "list of int": [1], "tuple": ("a",), "set": {"a"},
    "dict": {}, "dict of int": {1: 2}, "nested": {"a": [{"b": {1, 2}}]}, "object": object(),
    "class": int, "function": len, "error": ValueError("x"), "scope": Scope("ben"),
    "granularity": Granularity.DAY, "generator": (n for n in range(2)),
    "message": {"role": "robot", "content": "x"},
    "message of int": {"role": 1, "content": 2}, "deep": [[[["tea"]]]],
    "file-like": open,
}  # fmt: skip

# Arguments that every call needs besides the one under test.
NEEDED: dict[str, dict[str, Any]] = {
    "add": {"messages": "I like tea."},
    "add_many": {"sessions": {"s": ["I like tea."]}},
    "update": {"memory_id": "m1", "text": "I like milk."},
    "delete": {"memory_id": "m1"},
    "delete_session": {"session_id": "s"},
    "search": {"query": "tea"},
    "search_many": {"queries": ["tea"]},
    "recognize": {"text": "I like tea."},
    "add_document": {"path_or_text": "Sencha is green tea."},
    "delete_document": {"name": "tea"},
    "get": {"memory_id": "m1"},
    "history": {"memory_id": "m1"},
    "add_plan": {"goal": "bake bread", "steps": ["knead"]},
    "plan_went": {"plan_id": "p", "outcome": True},
    "export": {"path": "backup.jsonl"},
    "import_": {"path": "backup.jsonl"},
    "feedback": {"hits": None, "cited": []},
    "reinforce": {"hits": None},
    "recall": {"query": "tea"},
    "related": {"memory_id": "m1"},
    "add_turns": {"drafts": [Draft("I like tea.")]},
    "archive": {"memory_id": "m1"},
    "pin": {"memory_id": "m1"},
    "revive": {"memory_id": "m1"},
    "unpin": {"memory_id": "m1"},
    "unmerge": {"memory_id": "m1"},
}
# Not a verb on memories, or without arguments.
SKIPPED = {"close", "flush", "owners", "compact", "embeddings", "open"}


def methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public methods of a class, without the async versions."""
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        is_async = name.startswith("a") and hasattr(kind, name[1:])
        if not (name.startswith("_") or name in SKIPPED or is_async):
            yield name, method


def verbs(kind: type = MemoryController) -> Iterator[tuple[str, str]]:
    """Yield each public method with each of its parameters."""
    for name, method in methods(kind):
        for parameter in inspect.signature(method).parameters.values():
            # A function of the caller's may raise what it likes.
            if parameter.name in {"self", "count_tokens"}:
                continue
            if parameter.kind is not parameter.VAR_KEYWORD:
                yield name, parameter.name


@pytest.fixture(scope="module")
def memory(embeddings: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("arguments")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as controller:
            yield controller


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryController, Client]]:
    """A controller, and a client of a server that owns it."""
    folder = tmp_path_factory.mktemp("served")
    with (
        pytest.MonkeyPatch.context() as patch,
        new_memory(ManualClock(), scope=ADA) as memory,
        serving(memory, folder) as server,
        connect(server.url, token=server.token, scope=ADA) as client,
    ):
        patch.chdir(folder)
        yield memory, client


def require_typed(call: Callable[[], Any], what: str, *allowed: type[Exception]) -> None:
    """Fail if a call raises what is no error of this package."""
    typed: tuple[type[Exception], ...] = (AgentMemError, *allowed)
    try:
        call()
    except typed:
        pass
    except Exception as error:
        pytest.fail(f"{what} raised {type(error).__name__}: {error}")


def try_verb(memory: MemoryController, target: Any, verb: str, parameter: str) -> None:
    """Call a verb of a controller or its client with each value for a parameter."""
    for name, value in VALUES.items():
        memory.add({"content": "I like tea.", "id": "m1"}, session_id="s")
        needed = dict(NEEDED.get(verb, {}))
        if "hits" in needed:
            needed["hits"] = target.search("tea", reinforce=False)
        call = partial(getattr(target, verb), **{**needed, parameter: value})
        require_typed(call, f"{verb}({parameter}={name})")
    assert memory.check().ok
    assert memory.check(scope=Scope("ben")).ok


@pytest.mark.parametrize(("verb", "parameter"), list(verbs()))
def test_wrong_values_raise_typed_errors_only(
    memory: MemoryController, verb: str, parameter: str
) -> None:
    try_verb(memory, memory, verb, parameter)


@pytest.mark.parametrize(("verb", "parameter"), list(verbs(Client)))
def test_a_client_raises_typed_errors_only(
    served: tuple[MemoryController, Client], verb: str, parameter: str
) -> None:
    try_verb(*served, verb, parameter)


@pytest.mark.parametrize("kind", [MemoryController, Client])
def test_async_versions_make_the_same_calls(kind: type) -> None:
    versions = {
        name: getattr(kind, f"a{name}") for name, _ in methods(kind) if hasattr(kind, f"a{name}")
    }
    assert {"add", "search", "recall", "get_all", "feedback", "import_"} <= versions.keys()
    for name, version in versions.items():
        assert version.__wrapped__ is getattr(kind, name)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_paths_to_open_are_checked(
    value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    require_typed(lambda: MemoryController.open(value, embeddings=WordEmbeddings()).close(), "open")


# What `store` needs besides the argument under test.
STORE_NEEDED: dict[str, dict[str, Any]] = {
    "put": {"namespace": ("a",), "key": "k", "value": {"text": "tea"}},
    "get": {"namespace": ("a",), "key": "k"},
    "delete": {"namespace": ("a",), "key": "k"},
    "search": {"namespace_prefix": ("a",)},
    "batch": {"ops": []},
}


@pytest.mark.parametrize(("verb", "parameter"), list(verbs(AgentMemoryStore)))
def test_a_store_raises_typed_errors_only(
    memory: MemoryController, verb: str, parameter: str
) -> None:
    for store in (AgentMemoryStore(memory), AgentMemoryStore(memory, owner_label=0)):
        signature = inspect.signature(getattr(store, verb))
        for name, value in VALUES.items():
            given = {**STORE_NEEDED.get(verb, {}), parameter: value}
            positional = [
                given.pop(p.name)
                for p in signature.parameters.values()
                if p.kind is p.POSITIONAL_ONLY
            ]
            require_typed(
                partial(getattr(store, verb), *positional, **given),
                f"{verb}({parameter}={name})",
                InvalidNamespaceError,  # LangGraph's own
            )
    assert memory.check().ok


OPERATIONS: list[Any] = [
    PutOp(("a",), "k", {"text": "tea"}),
    GetOp(("a",), "k"),
    SearchOp(("a",), query="tea"),
    ListNamespacesOp(),
]


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations_of_a_batch_raise_typed_errors_only(memory: MemoryController, op: Any) -> None:
    store = AgentMemoryStore(memory)
    for field in op._fields:
        for name, value in VALUES.items():
            wrong = op._replace(**{field: value})
            what = f"{type(op).__name__}({field}={name})"
            require_typed(partial(store.batch, [wrong]), what, InvalidNamespaceError)


@pytest.mark.parametrize("name", VALUES)
def test_what_an_agent_and_a_retriever_are_asked(memory: MemoryController, name: str) -> None:
    value = VALUES[name]
    agent = Agent(ScriptedChatModel(["Hi."], repeat=True), memory)
    configurable = ("user_id", "agent_id", "session_id")
    calls: list[Callable[[], Any]] = [
        lambda: agent.invoke(value),
        lambda: list(agent.stream(value)),
        lambda: asyncio.run(agent.ainvoke(value)),
        *(partial(agent.invoke, "Hi.", {"configurable": {key: value}}) for key in configurable),
        *(partial(agent.recall_for, **{key: value}) for key in ("session_id", "scope")),
        *(partial(agent.context_for, **{key: value}) for key in ("session_id", "scope")),
        lambda: memory.as_retriever().invoke(value),
        lambda: memory.as_retriever().invoke("tea", k=value),
    ]
    for call in calls:
        require_typed(call, name)


TOOLS = [create_manage_memory_tool, create_search_memory_tool, create_recall_memory_tool]


@pytest.mark.parametrize("create", TOOLS)
def test_wrong_arguments_of_a_tool_are_answered(memory: MemoryController, create: Any) -> None:
    tool = create(memory)
    needed = {"content": "I like tea."} if "content" in tool.args else {"query": "tea"}
    for field in tool.args:
        for value in VALUES.values():
            assert isinstance(tool.invoke({**needed, field: value}), str)


def constructors() -> Iterator[tuple[str, str]]:
    """Yield what takes options, with each of its parameters."""
    for name, (constructor, _) in CONSTRUCTORS.items():
        for parameter in inspect.signature(constructor).parameters.values():
            # A function of the caller's may raise what it likes.
            if parameter.name not in {"self", "count"}:
                yield name, parameter.name


# What every call needs besides the argument under test: a memory, a model, a store.
CONSTRUCTORS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "MemoryController": (MemoryController, ("store", "embeddings")),
    "Scope": (Scope, ("user_id",)),
    "Agent": (Agent, ("memory", "model")),
    "MemoryMiddleware": (MemoryMiddleware, ("memory",)),
    "AgentMemoryStore": (AgentMemoryStore, ("memory",)),
    "create_manage_memory_tool": (create_manage_memory_tool, ("memory",)),
    "create_search_memory_tool": (create_search_memory_tool, ("memory",)),
    "create_recall_memory_tool": (create_recall_memory_tool, ("memory",)),
    "MemoryRetriever": (MemoryRetriever, ("memory",)),
    "ForgettingCurve": (ForgettingCurve, ()),
}


@pytest.mark.parametrize(("name", "parameter"), list(constructors()))
def test_wrong_options_raise_typed_errors_only(
    memory: MemoryController, name: str, parameter: str
) -> None:
    constructor, needed = CONSTRUCTORS[name]
    for kind, value in VALUES.items():
        parts = {
            "memory": memory, "model": ScriptedChatModel(["Hi."]), "user_id": "ada",
            "store": InMemoryStore(), "embeddings": memory.embeddings,
        }  # fmt: skip
        options = {part: parts[part] for part in needed} | {parameter: value}
        try:
            constructor(**options)
        except AgentMemError:
            pass
        except Exception as error:
            pytest.fail(f"{name}({parameter}={kind}) raised {type(error).__name__}: {error}")


@pytest.mark.parametrize(
    ("method", "parameter"),
    [
        (method, parameter)
        for method in ("initial_strength", "retention", "days_until", "strengthened")
        for parameter in list(inspect.signature(getattr(ForgettingCurve, method)).parameters)[1:]
    ],
)
def test_a_curve_takes_numbers_only(method: str, parameter: str) -> None:
    call = getattr(ForgettingCurve(), method)
    others = dict.fromkeys(list(inspect.signature(call).parameters), 0.5)
    for kind, value in VALUES.items():
        try:
            call(**{**others, parameter: value})
        except AgentMemError:
            pass
        except Exception as error:
            pytest.fail(f"{method}({parameter}={kind}) raised {type(error).__name__}: {error}")


def test_the_table_covers_the_verbs() -> None:
    names = {name for name, _ in verbs()}
    assert {"add", "search", "update", "facts", "timeline", "sweep", "import_"} <= names
    assert NEEDED.keys() <= names


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda m: m.search("tea", k="2"), "k='2' must be an integer >= 1"),
        (lambda m: m.search("tea", granularity="nope"), "granularity='nope' must be one of turn"),
        (lambda m: m.search(None), "query=None must be a string"),
        (lambda m: m.add("x", importance=2), "importance=2 must be a number in"),
        (lambda m: m.add({"role": "robot", "content": "x"}), "role='robot' must be one of user"),
        (lambda m: m.add("x", timestamp=1704067200), "timestamp=1704067200 must be an aware"),
    ],
)
def test_errors_name_argument_value_and_what_is_accepted(
    memory: MemoryController, call: Callable[[Any], Any], argument: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call(memory)
    assert argument in str(caught.value)


def test_neighboring_types_are_accepted(memory: MemoryController) -> None:
    [turn] = memory.add(
        {"role": "x-narrator", "content": "Once upon a time.", "id": 17},
        session_id=uuid.UUID(int=7),  # type: ignore[arg-type]
        importance=np.float32(0.5),  # type: ignore[arg-type]
        timestamp="2026-01-05T10:00:00+01:00",  # type: ignore[arg-type]
        metadata={"score": np.float32(1)},
    )
    assert (turn.id, turn.role, turn.metadata["score"]) == ("17", "x-narrator", 1.0)
    assert turn.session_id == str(uuid.UUID(int=7))
    assert turn.said_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert len(memory.search("time", k=np.int64(1))) == 1  # type: ignore[arg-type]
    assert len(memory.search("time", k=1.0)) == 1  # type: ignore[arg-type]
    assert memory.search("time \ud83d", granularity="turn", as_of=date(2026, 1, 6))  # type: ignore[arg-type]
