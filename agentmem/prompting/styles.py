"""The texts around the memories in a prompt: for capable models, and for a very small one."""

from __future__ import annotations

from dataclasses import dataclass

from agentmem.prompting.block import MEMORY_GUIDE

__all__ = ["CAPABLE", "SMALL", "Example", "PromptStyle"]


@dataclass(frozen=True)
class Example:
    """An exchange for the model to imitate.

    Attributes:
        memories: pairs of a date and what the user said then.
        message: what the user says.
        reply: what the assistant answers.
    """

    memories: tuple[tuple[str, str], ...]
    message: str
    reply: str


@dataclass(frozen=True)
class PromptStyle:
    """How a prompt presents memories and the conversation.

    Attributes:
        system: the system message.
        examples: exchanges before the conversation.
        k: how many memories to search for.
        max_memories: the most memories to show.
        user_statements_only: show neither questions nor the assistant's words. A small model gets
            its own replies wrong, and would then learn from them.
        token_budget: the most tokens of a prompt.
        memory_chars: the most characters to show of a memory.
        max_turns: the most turns of the session to show; 0 shows only memories.
        best_last: put the most relevant memory last instead of ordering by date.
        show_date: tell the model today's date.
        verbatim: show every memory as it was said, neither shortened nor with the turn before it.
        quotes: quote the best memory in place of an answer with words that are in no memory. A
            small model invents, or repeats what it said before.
        unknown_reply: the reply where the memories are too uncertain to answer from.
        citation_guide: follows the system text where the model should cite.
    """

    system: str
    examples: tuple[Example, ...] = ()
    k: int = 8
    max_memories: int = 8
    user_statements_only: bool = False
    token_budget: int = 4000
    memory_chars: int = 800
    max_turns: int = 40
    best_last: bool = False
    show_date: bool = True
    verbatim: bool = False
    quotes: bool = False
    unknown_reply: str = "I don't know: I remember nothing that answers this."
    citation_guide: str = (
        "After every sentence that rests on a memory put its id in square brackets, as in [m1]."
    )


CAPABLE = PromptStyle(
    system=(
        "You are a helpful assistant who remembers earlier conversations with the user.\n"
        f"{MEMORY_GUIDE} Say that you do not know when neither the memories nor the conversation "
        "contain the answer."
    ),
)

# SmolLM2-135M answers 24 of 24 questions about one of three memories with these examples (12 of
# them not used to choose the form), and about half of them without any. That the examples
# address the user as "you" matters as much as their number.
SMALL = PromptStyle(
    system=(
        "You are a helpful assistant who remembers what the user said. "
        "Memories are quotes from earlier, with their dates."
    ),
    examples=(
        Example(
            (("2025-11-09", "I bought bread and milk."), ("2025-11-03", "My cat is called Tom.")),
            "What is my cat called?",
            "Your cat is called Tom.",
        ),
        Example(
            (),
            "I started learning Spanish today.",
            "That sounds great! Have fun learning Spanish.",
        ),
        Example(
            (("2025-11-22", "I like green tea."),),
            "Who is my doctor?",
            "I don't know who your doctor is. Who is it?",
        ),
        Example(
            (
                ("2025-11-20", "I watched a film about the sea."),
                ("2025-11-12", "I work at a bakery in Bern."),
            ),
            "Where do I work?",
            "You work at a bakery in Bern.",
        ),
        Example(
            (("2025-11-21", "My exam is on June 12th."),),
            "When is my exam?",
            "Your exam is on June 12th.",
        ),
    ),
    k=5,
    max_memories=3,
    user_statements_only=True,
    token_budget=1200,
    memory_chars=240,
    # Its own replies mislead it: after "You live in Lisbon." it says so again, whatever the
    # memories say now.
    max_turns=0,
    best_last=True,
    show_date=False,
    verbatim=True,
    quotes=True,
)
