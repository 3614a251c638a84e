"""Build a prompt from memories, the latest turns and the user's message, within a token budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)

from agentmem.feedback.plans import Plan
from agentmem.prompting.block import add_block, render_block
from agentmem.prompting.quoting import quote
from agentmem.prompting.rendering import (
    MemoryLine,
    chronological,
    number_lines,
    render_plan,
    select_lines,
)
from agentmem.prompting.styles import CAPABLE, PromptStyle
from agentmem.prompting.tokens import count_tokens, truncate_messages
from agentmem_retrievers import RecalledMemory
from agentmem_stores import InvalidInputError, Memory

__all__ = ["Prompt", "PromptBuilder", "PromptParts"]

# Memories come before turns, but leave them half of the room: a reply must follow what was just
# said, too. Of the other half, a summary of older turns takes at most a quarter.
_MEMORY_SHARE = 0.5
_SUMMARY_SHARE = 0.25
_MAX_SUMMARY_CHARS = 1200
# A shorter summary says less than the room it takes is worth.
_MIN_SUMMARY_CHARS = 80
_MAX_GOAL_CHARS = 120
# Room for a question, a tool call and its answer, each cut as short as `truncate_messages` can.
_MIN_MESSAGE_TOKENS = 200


@dataclass(frozen=True)
class PromptParts:
    """What a prompt is built from.

    Attributes:
        new: the user's message or messages, then tool calls and their answers.
        now: the time, aware.
        hits: memories, best first.
        turns: the session so far, in order.
        context: messages to show instead of `turns`, from callers who keep the conversation.
        profile: a line about the user.
        goals: what the user still wants to get done.
        plan: what has led to such a goal before.
        system: what the caller adds to the style's system text.
    """

    new: Sequence[BaseMessage]
    now: datetime
    hits: Sequence[RecalledMemory] = ()
    turns: Sequence[Memory] = ()
    context: Sequence[BaseMessage] = ()
    profile: str | None = None
    goals: Sequence[str] = ()
    plan: Plan | None = None
    system: Sequence[str] = ()


@dataclass(frozen=True)
class Prompt:
    """The messages for the model.

    Attributes:
        messages: system message, examples, history and the new messages, in this order.
        memory_ids: the memory id for each line id in the messages, such as m1.
    """

    messages: list[BaseMessage]
    memory_ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _History:
    """The part of the session that a prompt shows; `summary` stands for the turns before it."""

    messages: list[BaseMessage]
    turn_ids: frozenset[str] = frozenset()
    summary: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromptBuilder:
    """Builds prompts that never exceed their token budget.

    Args:
        style: the words around the memories.
        token_budget: the most tokens of a prompt, as `count` counts them.
        count: returns the number of tokens of messages.
        reserved: tokens that every prompt needs besides its messages, such as those of tools.
        summarize: returns a few sentences about turns that the prompt does not show.

    Raises:
        InvalidInputError: the budget is too small for the system text and a message.

    Example:
        >>> from datetime import UTC, datetime
        >>> parts = PromptParts(new=[HumanMessage("Hello!")], now=datetime(2026, 1, 5, tzinfo=UTC))
        >>> prompt = PromptBuilder(token_budget=1000).build(parts)
        >>> [message.type for message in prompt.messages]
        ['system', 'human']
        >>> str(prompt.messages[0].text).splitlines()[-1]
        'Today is Monday, 2026-01-05 (UTC).'
    """

    style: PromptStyle = CAPABLE
    token_budget: int = CAPABLE.token_budget
    count: Callable[[Sequence[BaseMessage]], int] = count_tokens
    reserved: int = 0
    summarize: Callable[[Sequence[Memory]], str] | None = None

    def __post_init__(self) -> None:
        least = self.count([SystemMessage(self.style.system)]) + self.reserved + _MIN_MESSAGE_TOKENS
        if self.token_budget < least:
            raise InvalidInputError(
                f"token_budget must be at least {least} with this system prompt and these tools, "
                f"got {self.token_budget}"
            )

    def build(self, parts: PromptParts) -> Prompt:
        """Build a prompt: the most relevant memories first, then the newest turns that fit."""
        budget = self.token_budget - self.reserved
        system = SystemMessage(self._system_text(parts, budget))
        new = truncate_messages(parts.new, budget - self.count([system]), self.count)
        head = [system, *self._examples()]
        if self.count([*head, *new]) > budget:
            head = [system]
        room = budget - self.count([*head, *new])

        header = self._header(parts, room)
        hits = self._relevant(parts)
        history = self._history(parts, hits, room - self._cost(header))
        header += history.summary
        room -= self._cost(header) + self.count(history.messages)

        unseen = [hit for hit in hits if hit.memory.id not in history.turn_ids]
        lines = self._select(unseen, room)
        ordered = lines[::-1] if self.style.best_last else chronological(lines)
        rendered, memory_ids = number_lines(ordered)
        first, *rest = new
        message = add_block(first, [*header, *rendered])
        return Prompt([*head, *history.messages, message, *rest], memory_ids)

    def _system_text(self, parts: PromptParts, budget: int) -> str:
        """The style's text, the date, and of what the caller adds as much as half a budget."""
        today = f"Today is {parts.now:%A, %Y-%m-%d} (UTC)." if self.style.show_date else ""
        text = "\n\n".join(filter(None, [self.style.system, today]))
        if not parts.system:
            return text
        room = budget // 2 - self.count([SystemMessage(text)])
        added = SystemMessage("\n\n".join(parts.system))
        [added_message] = truncate_messages([added], room, self.count)
        return f"{text}\n\n{added_message.text}"

    def _examples(self) -> Iterator[BaseMessage]:
        for example in self.style.examples:
            lines = [
                f"[m{n}] {date}, user: {quote(text, self.style.memory_chars)}"
                for n, (date, text) in enumerate(example.memories, start=1)
            ]
            yield HumanMessage(render_block(lines, example.message))
            yield AIMessage(example.reply)

    def _header(self, parts: PromptParts, room: int) -> list[str]:
        """The lines that do not depend on the search, as many as half of the room holds."""
        lines = []
        if parts.profile:
            lines.append(f"[profile] {quote(parts.profile, self.style.memory_chars)}")
        if parts.plan is not None:
            lines.append(render_plan(parts.plan, self.style.memory_chars))
        if parts.goals:
            goals = "; ".join(quote(goal, _MAX_GOAL_CHARS) for goal in parts.goals)
            lines.append(f"[open goals] {goals}")
        while lines and self._cost(lines) > room // 2:
            lines.pop()
        return lines

    def _relevant(self, parts: PromptParts) -> list[RecalledMemory]:
        """The hits that add something to the new messages and suit the style."""
        repeated = {str(message.text).strip() for message in parts.new}
        hits = [hit for hit in parts.hits if hit.memory.text.strip() not in repeated]
        if not self.style.user_statements_only:
            return hits
        return [h for h in hits if h.memory.role != "assistant" and h.memory.text[-1:] != "?"]

    def _history(self, parts: PromptParts, hits: Sequence[RecalledMemory], room: int) -> _History:
        """The latest turns that fit beside the memories, and a summary of those before them."""
        expected = self._select(hits[: self.style.max_memories])
        room -= min(int(room * _MEMORY_SHARE), self._cost(number_lines(expected)[0]))
        if parts.context:
            return _History(self._newest(parts.context, room))
        if not self.style.max_turns:
            return _History([])
        turns = [turn for turn in parts.turns if turn.role in ("user", "assistant")]
        latest = turns[-self.style.max_turns :]
        messages = convert_to_messages([(turn.role, turn.text) for turn in latest])
        newest = self._newest(messages, room)
        summary: list[str] = []
        if len(newest) < len(turns) and self.summarize is not None:
            newest = self._newest(messages, int(room * (1 - _SUMMARY_SHARE)))
            older = turns[: len(turns) - len(newest)]
            summary = self._summary_line(self.summarize(older), room - self.count(newest))
        turn_ids = frozenset(turn.id for turn in turns[len(turns) - len(newest) :])
        return _History(newest, turn_ids, tuple(summary))

    def _summary_line(self, text: str, room: int) -> list[str]:
        limit = _MAX_SUMMARY_CHARS
        while text and limit > _MIN_SUMMARY_CHARS:
            lines = [f"[earlier in this conversation] {quote(text, limit)}"]
            if self._cost(lines) <= room:
                return lines
            limit //= 2
        return []

    def _newest(self, messages: Sequence[BaseMessage], room: int) -> list[BaseMessage]:
        """The longest end of a conversation that fits and does not begin with a reply."""
        start = len(messages)
        while start and self.count(messages[start - 1 :]) <= room:
            start -= 1
        while start < len(messages) and not isinstance(messages[start], HumanMessage):
            start += 1
        return list(messages[start:])

    def _select(self, hits: Sequence[RecalledMemory], room: int | None = None) -> list[MemoryLine]:
        def fits(lines: Sequence[MemoryLine]) -> bool:
            return room is None or self._cost(number_lines(lines)[0]) <= room

        style = self.style
        return select_lines(
            hits,
            style.max_memories,
            max_chars=style.memory_chars,
            verbatim=style.verbatim,
            fits=fits,
        )

    def _cost(self, lines: Sequence[str]) -> int:
        # Counted as a message of its own: a few tokens too many, never too few.
        return self.count([HumanMessage(render_block(lines, ""))]) if lines else 0
