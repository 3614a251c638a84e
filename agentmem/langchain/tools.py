"""Tools with which a model looks after its own memories; langchain-core is all they need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field, create_model

from agentmem.controller.controller import MemoryController
from agentmem.items.records import address_of
from agentmem.langchain.notes import write_notes
from agentmem.langchain.owner import owner_of, running_context
from agentmem.langchain.values import check_filter, matches
from agentmem.prompting.quoting import quote, quote_exactly
from agentmem.writing.messages import Draft, to_drafts
from agentmem_retrievers import RecalledMemory
from agentmem_retrievers.langchain import to_document
from agentmem_stores import InvalidInputError, InvalidScopeError, MemoryNotFoundError, Scope

__all__ = ["create_manage_memory_tool", "create_search_memory_tool"]

Action = Literal["create", "update", "delete"]

_ACTIONS: tuple[Action, ...] = ("create", "update", "delete")
_WHEN = (
    "Call it when you learn something lasting about the user, when the user asks you to remember "
    "or to forget something, and when a memory turns out to be wrong or out of date."
)
_MOST = 100
_CHARS = 2000


def create_manage_memory_tool(
    memory: MemoryController,
    *,
    scope: Scope | None = None,
    instructions: str = _WHEN,
    schema: type[Any] = str,
    actions_permitted: Sequence[Action] = _ACTIONS,
    name: str = "manage_memory",
) -> BaseTool:
    """Return a tool that creates, updates and deletes memories of one owner.

    The owner is `scope`, else who the run names (`user_id` in the runtime's context or in
    `configurable`), else the controller's scope; no argument of the tool reaches beyond it.

    Args:
        instructions: when the model shall call it.
        schema: the type of a memory's content: a string, or a pydantic model, kept as JSON.
        actions_permitted: what the model may do.

    Raises:
        InvalidInputError: no action is permitted, or one that does not exist.
    """
    permitted = tuple(dict.fromkeys(actions_permitted))
    if not permitted or not set(permitted) <= set(_ACTIONS):
        raise InvalidInputError(f"actions_permitted={permitted} must be some of {_ACTIONS}")
    do = _Manager(memory, permitted)

    def manage_memory(
        config: RunnableConfig,
        content: Any = None,
        action: str = permitted[0],
        id: str | None = None,  # noqa: A002
    ) -> str:
        with _told():
            return do(_scope(memory, scope, config), content, action, id)

    async def amanage_memory(
        config: RunnableConfig,
        content: Any = None,
        action: str = permitted[0],
        id: str | None = None,  # noqa: A002
    ) -> str:
        return await asyncio.to_thread(manage_memory, config, content, action, id)

    fields: dict[str, Any] = {
        "content": (schema | None, Field(None, description="What to remember.")),
        "action": (Literal[permitted], Field(permitted[0], description="What to do.")),
        "id": (str | None, Field(None, description="The id of the memory to update or delete.")),
    }
    arguments = create_model(name, **fields)
    verbs = " or ".join(permitted).capitalize()
    return StructuredTool.from_function(
        manage_memory,
        coroutine=amanage_memory,
        name=name,
        description=f"{verbs} a memory that lasts beyond this conversation. To update or delete "
        f"one, give its id; leave the id out to create one. {instructions}",
        args_schema=arguments,
        handle_tool_error=True,
    )


def create_search_memory_tool(
    memory: MemoryController,
    *,
    scope: Scope | None = None,
    instructions: str = "",
    response_format: Literal["content", "content_and_artifact"] = "content",
    name: str = "search_memory",
) -> BaseTool:
    """Return a tool that searches the memories of one owner, see `create_manage_memory_tool`.

    It answers with a JSON list of memories, best first. With `content_and_artifact` the same come
    as documents in the artifact of the tool's message.
    """

    def search_memory(
        config: RunnableConfig,
        query: str,
        limit: int = 10,
        offset: int = 0,
        filter: dict[str, Any] | None = None,  # noqa: A002
    ) -> Any:
        with _told():
            check_filter(filter)
            owner = _scope(memory, scope, config)
            first = max(offset, 0)
            last = first + min(max(limit, 1), _MOST)
            found = list(islice(_hits(memory, owner, query, last, filter), first, last))
        content = f"[{', '.join(_shown(hit) for hit, _ in found)}]"
        artifact = [document for _, document in found]
        return (content, artifact) if response_format == "content_and_artifact" else content

    async def asearch_memory(
        config: RunnableConfig,
        query: str,
        limit: int = 10,
        offset: int = 0,
        filter: dict[str, Any] | None = None,  # noqa: A002
    ) -> Any:
        return await asyncio.to_thread(search_memory, config, query, limit, offset, filter)

    arguments = create_model(
        name,
        query=(str, Field(description="What to look for, as a question or as key words.")),
        limit=(int, Field(10, description=f"How many memories at most, up to {_MOST}.")),
        offset=(int, Field(0, description="How many of the best to leave out.")),
        filter=(dict[str, Any] | None, Field(None, description="Fields that metadata must have.")),
    )
    return StructuredTool.from_function(
        search_memory,
        coroutine=asearch_memory,
        name=name,
        description=f"Search what you remember of earlier conversations. {instructions}".strip(),
        args_schema=arguments,
        response_format=response_format,
        handle_tool_error=True,
    )


class _Manager:
    """What the tool for managing does in a scope."""

    def __init__(self, memory: MemoryController, permitted: Sequence[str]) -> None:
        self._memory = memory
        self._permitted = permitted

    def __call__(self, scope: Scope, content: Any, action: str, memory_id: str | None) -> str:
        if action not in self._permitted:
            raise InvalidInputError(f"action={action!r} must be one of {list(self._permitted)}")
        if action == "create":
            if memory_id:
                raise InvalidInputError("leave the id out to create a memory; it gets its own")
            made = write_notes(self._memory, [_draft(content)], scope=scope)
            return f"created memory {made[0]}" if made else "nothing of this may be remembered"
        known = self._known(scope, memory_id)
        if action == "delete":
            self._memory.delete(known, scope=scope)
            return f"Deleted memory {known}"
        self._memory.update(known, text=_text(content), scope=scope)
        return f"updated memory {known}"

    def _known(self, scope: Scope, memory_id: str | None) -> str:
        if not memory_id:
            raise InvalidInputError("give the id of the memory to update or delete")
        found = self._memory.get(memory_id.strip(), scope=scope)
        if address_of(found.session_id) is not None:
            raise InvalidInputError(
                f"memory {memory_id} belongs to a program, which looks after it"
            )
        return found.id


def _draft(content: Any) -> Draft:
    [draft] = to_drafts({"role": "assistant", "content": _text(content)})
    return draft


def _text(content: Any) -> str:
    if content is None:
        raise InvalidInputError("content is missing; say what to remember")
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _scope(memory: MemoryController, fixed: Scope | None, config: Mapping[str, Any]) -> Scope:
    return owner_of(config, running_context(), fixed=fixed, default=memory.scope).scope


@contextmanager
def _told() -> Iterator[None]:
    """Let a model read what it did wrong; what the program did wrong is raised."""
    try:
        yield
    except InvalidScopeError:
        raise
    except (InvalidInputError, MemoryNotFoundError) as error:
        raise ToolException(str(error)) from error


def _hits(
    memory: MemoryController, scope: Scope, query: str, k: int, wanted: Mapping[str, Any] | None
) -> Iterator[tuple[RecalledMemory, Document]]:
    """What a search finds and a filter lets through, asking for more as long as there is more."""
    seen = 0
    while True:
        recall = memory.search(query, k=k, scope=scope, reinforce=not wanted)
        for hit in recall[seen:]:
            document = to_document(hit)
            if matches(document.metadata | {"content": document.page_content}, wanted):
                yield hit, document
        if len(recall) < k:
            return
        seen, k = k, k * 4


def _shown(hit: RecalledMemory) -> str:
    """A memory as a JSON object, its text quoted so that it stays data."""
    memory = hit.memory
    fields = {
        "id": quote_exactly(memory.id),
        "content": quote(memory.text, _CHARS),
        "role": quote(memory.speaker or memory.role, 40),
        "said_at": json.dumps(memory.said_at.isoformat()),
        "score": json.dumps(round(hit.score, 4)),
    }
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"
