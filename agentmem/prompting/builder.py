"""Assembling the prompt: what is remembered, the latest turns and the input, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from agentmem.feedback.plans import Plan
from agentmem.prompting.block import framed, with_frame
from agentmem.prompting.plan_line import plan_line
from agentmem.prompting.quoting import quote
from agentmem.prompting.rendering import VisibilityMask, forms, line
from agentmem.prompting.styles import CAPABLE, PromptStyle
from agentmem.prompting.tokens import count_tokens, shortened
from agentmem_retrievers import RecalledMemory
from agentmem_stores import InvalidInputError, Memory

__all__ = ["Prompt", "PromptBuilder", "PromptParts"]

# Of the room that the fixed parts leave, memories may take this much before the latest turns.
_MEMORY_SHARE = 0.5
_SUMMARY_SHARE = 0.25
_SUMMARY_CHARS = 1200
_GOAL_CHARS = 120
# For a question, a call and an answer, each cut as short as they can be.
_LEAST = 200


@dataclass(frozen=True)
class PromptParts:
    """What a prompt is made from.

    Attributes:
        new: the user's message or messages, then what tools were called and answered.
        recalled: memories, best first.
        turns: the session so far, in order.
        context: messages to show instead of `turns`, from callers who keep the conversation.
        profile: a line about the user.
        goals: what the user still wants to get done.
        plan: what has led to such a goal before.
        system: what the caller adds to the style's system text.
        now: the time, aware.
    """

    new: Sequence[BaseMessage]
    now: datetime
    recalled: Sequence[RecalledMemory] = ()
    turns: Sequence[Memory] = ()
    context: Sequence[BaseMessage] = ()
    profile: str | None = None
    goals: Sequence[str] = ()
    plan: Plan | None = None
    system: Sequence[str] = ()


@dataclass(frozen=True)
class Prompt:
    """The messages for the model; `shown` maps the ids in them, such as m1, to ids of memories."""

    messages: list[BaseMessage]
    shown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptBuilder:
    """Puts prompts together that never exceed their budget.

    Args:
        style: the words around the memories.
        token_budget: the most tokens a prompt may have, as `count` counts them.
        count: returns the number of tokens of a list of messages.
        reserved: tokens that go out with every prompt besides its messages, such as tools.
        summarise: says in a few sentences what was said in turns that are not shown.

    Raises:
        InvalidInputError: the budget does not even hold the style's system text.
    """

    style: PromptStyle = CAPABLE
    token_budget: int = CAPABLE.token_budget
    count: Callable[[Sequence[BaseMessage]], int] = count_tokens
    reserved: int = 0
    summarise: Callable[[Sequence[Memory]], str] | None = None

    def __post_init__(self) -> None:
        least = self.count([SystemMessage(self.style.system)]) + self.reserved + _LEAST
        if self.token_budget < least:
            raise InvalidInputError(
                f"token_budget={self.token_budget} leaves no room beside the system prompt and "
                f"tools; make it at least {least}"
            )

    def build(self, parts: PromptParts) -> Prompt:
        """Put a prompt together: the most relevant memories first, then the newest turns."""
        budget = self.token_budget - self.reserved
        system = [SystemMessage(self._system(parts, budget))]
        new = shortened(parts.new, budget - self.count(system), self.count)
        fixed = [*system, *self._examples(), *new]
        if self.count(fixed) > budget:
            fixed = [*system, *new]
        room = budget - self.count(fixed)
        about = self._about(parts, room)
        recalled = self._worth_showing(parts)
        past, present, summary = self._past(parts, recalled, room - self._cost(about))
        left = room - self._cost([*about, *summary]) - self.count(past)
        chosen = self._chosen([h for h in recalled if h.memory.id not in present], left)
        head = fixed[: len(fixed) - len(new)]
        return self._joined(head, past, new, chosen, [*about, *summary])

    def _system(self, parts: PromptParts, budget: int) -> str:
        """The style's words, the date, and of what the caller adds as much as half a budget."""
        today = f"Today is {parts.now:%A, %Y-%m-%d} (UTC)." if self.style.dated else ""
        text = "\n\n".join(filter(None, [self.style.system, today]))
        if not parts.system:
            return text
        room = budget // 2 - self.count([SystemMessage(text)])
        [added] = shortened([SystemMessage("\n\n".join(parts.system))], room, self.count)
        return f"{text}\n\n{added.text}"

    def _about(self, parts: PromptParts, room: int) -> list[str]:
        """Lines that stand whatever is recalled, as many as half of the room holds."""
        lines = []
        if parts.profile:
            lines.append(f"[profile] {quote(parts.profile, self.style.memory_chars)}")
        if parts.plan is not None:
            lines.append(plan_line(parts.plan, self.style.memory_chars))
        if parts.goals:
            lines.append(f"[open goals] {'; '.join(quote(g, _GOAL_CHARS) for g in parts.goals)}")
        while lines and self._cost(lines) > room // 2:
            lines.pop()
        return lines

    def _examples(self) -> Iterable[BaseMessage]:
        for example in self.style.examples:
            lines = [
                f"[m{n}] {date}, user: {quote(said, self.style.memory_chars)}"
                for n, (date, said) in enumerate(example.memories, start=1)
            ]
            yield HumanMessage(framed(lines, example.said))
            yield AIMessage(example.reply)

    def _worth_showing(self, parts: PromptParts) -> list[RecalledMemory]:
        """The memories that say something which the input itself does not."""
        asked = {str(message.text).strip() for message in parts.new}
        said = [h for h in parts.recalled if h.memory.text.strip() not in asked]
        if not self.style.facts_only:
            return said
        return [h for h in said if h.memory.role != "assistant" and h.memory.text[-1:] != "?"]

    def _past(
        self, parts: PromptParts, recalled: Sequence[RecalledMemory], room: int
    ) -> tuple[list[BaseMessage], set[str], list[str]]:
        """The latest turns that fit, their ids, and a line for those that do not."""
        room -= min(int(room * _MEMORY_SHARE), self._cost(self._expected(recalled)))
        if parts.context:
            return self._newest(parts.context, room), set(), []
        turns = [t for t in parts.turns if t.role in _MESSAGES]
        messages = [_MESSAGES[t.role](t.text) for t in turns[-self.style.turns :]]
        past = self._newest(messages, room)
        summary: list[str] = []
        if len(past) < len(turns) and self.summarise:
            past = self._newest(messages, int(room * (1 - _SUMMARY_SHARE)))
            summary = self._summary(turns[: len(turns) - len(past)], room - self.count(past))
        return past, {t.id for t in turns[len(turns) - len(past) :]}, summary

    def _summary(self, turns: Sequence[Memory], room: int) -> list[str]:
        text = self.summarise(turns) if self.summarise else ""
        limit = _SUMMARY_CHARS
        while text and limit > 80:
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

    def _chosen(self, recalled: Sequence[RecalledMemory], room: int) -> list[VisibilityMask]:
        """The best memories that fit, each in the form that says most of those that fit."""
        chosen: list[VisibilityMask] = []
        for hit in recalled:
            if len(chosen) == self.style.shown:
                break
            fitting = (f for f in self._forms(hit) if self._fits([*chosen, f], room))
            form = next(fitting, None)
            if form is None:
                break
            chosen.append(form)
        return chosen

    def _fits(self, chosen: Sequence[VisibilityMask], room: int) -> bool:
        return self._cost(_lines(chosen)) <= room

    def _forms(self, hit: RecalledMemory) -> Iterator[VisibilityMask]:
        if not self.style.plain:
            return forms(hit, self.style.memory_chars)
        return iter([VisibilityMask(hit.memory, quote(hit.memory.text, self.style.memory_chars))])

    def _expected(self, recalled: Sequence[RecalledMemory]) -> list[str]:
        """The memories' lines in their first form, to keep room for."""
        return _lines([next(self._forms(hit)) for hit in recalled[: self.style.shown]])

    def _cost(self, lines: Sequence[str]) -> int:
        # Counted as a message of its own, which is a little too much and never too little.
        return self.count([HumanMessage(framed(lines, ""))]) if lines else 0

    def _joined(
        self,
        head: Sequence[BaseMessage],
        past: Sequence[BaseMessage],
        new: Sequence[BaseMessage],
        chosen: Sequence[VisibilityMask],
        about: Sequence[str],
    ) -> Prompt:
        if self.style.best_last:
            ordered = list(reversed(chosen))
        else:
            ordered = sorted(chosen, key=lambda s: (s.memory.said_at, s.memory.position))
        lines = [*about, *_lines(ordered)]
        first, *rest = new
        messages = [*head, *past, with_frame(first, lines), *rest]
        shown = {f"m{n}": s.memory.id for n, s in enumerate(ordered, start=1)}
        return Prompt(messages, shown)


_MESSAGES: dict[str, type[HumanMessage | AIMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
}


def _lines(chosen: Iterable[VisibilityMask]) -> list[str]:
    return [line(shown, number) for number, shown in enumerate(chosen, start=1)]
