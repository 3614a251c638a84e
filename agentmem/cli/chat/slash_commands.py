"""The slash commands of the chat; the docstring of each is its help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from agentmem.cli.chat.conversation import Conversation
from agentmem.cli.options import find_memory
from agentmem.cli.render import (
    print_events,
    print_facts,
    print_graph,
    print_help,
    print_memories,
    print_plans,
    print_profile,
    print_results,
    print_stats,
    print_topics,
)
from agentmem.cli.terminal import line, plain, short_id, show
from agentmem.folders import expand_home

__all__ = ["COMMANDS", "Command", "run_command"]

# How many memories, topics or plans, and events a command prints: about a screen of each.
_MEMORIES, _ITEMS, _EVENTS = 20, 10, 100

_Body = Callable[[Conversation, str], bool | None]


@dataclass(frozen=True)
class Command:
    """A slash command; its body returns False to end the chat."""

    usage: str
    summary: str
    body: _Body


COMMANDS: dict[str, Command] = {}


def _command(usage: str) -> Callable[[_Body], _Body]:
    """Register a command under the first word of its usage."""

    def register(body: _Body) -> _Body:
        COMMANDS[usage.split()[0]] = Command(usage, (body.__doc__ or "").strip(), body)
        return body

    return register


def run_command(conversation: Conversation, typed: str) -> bool:
    """Run a line that starts with a slash; return whether the chat goes on.

    Raises:
        AgentMemError: the command failed.
    """
    name, _, argument = typed.strip().partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        show(plain(_unknown(name)))
        return True
    return command.body(conversation, argument.strip()) is not False


def _unknown(name: str) -> str:
    matches = get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    hint = f"did you mean {matches[0]}?" if matches else "type /help for a list."
    return f"unknown command {name}; {hint}"


@_command("/memories [NUMBER]")
def _memories(conversation: Conversation, argument: str) -> None:
    """List the newest memories (default: 20)."""
    if argument and not (argument.isdecimal() and int(argument)):
        show(f"{plain(argument)} is not a positive number; example: /memories 50")
        return
    memory, now = conversation.memory, conversation.memory.clock()
    memories = memory.get_all(limit=int(argument or _MEMORIES))
    if memories:
        print_memories([(m, memory.curve.retention_of(m, now)) for m in memories])
    else:
        show("no memories yet; tell me something")


@_command("/why")
def _why(conversation: Conversation, argument: str) -> None:
    """Show which memories were recalled for the last reply, and why."""
    context = conversation.last_recall
    if context is None:
        show("there was no reply yet")
    elif not context.hits:
        show("nothing was recalled: there are no memories, or the message needed none")
    else:
        ranks = [
            str(rank)
            for rank, hit in enumerate(context.hits, start=1)
            if hit.memory.id in conversation.prompt_ids
        ]
        show(f"recalled for “{line(context.query, 80)}”, best first:", "")
        print_results(context.hits)
        show("", f"in the prompt: {', '.join(ranks) or 'none'}")
        show(f"routing: {context.routing}")


@_command("/search QUESTION")
def _search(conversation: Conversation, argument: str) -> None:
    """Search all memories, including archived ones."""
    if not argument:
        show("a question is missing; example: /search What is my dog called?")
        return
    results = conversation.memory.search(argument, explain=True, include_archived=True)
    if results:
        print_results(results)
    else:
        show("no memories yet")


@_command("/forget ID")
def _forget(conversation: Conversation, argument: str) -> None:
    """Delete a memory permanently; a prefix of its id is enough."""
    if not argument:
        show("an id is missing; /memories and /search show ids")
        return
    target = find_memory(conversation.memory, argument)
    conversation.memory.delete(target.id)
    show(f"deleted {short_id(target.id)}  {line(target.text, 80)}")


@_command("/edit ID TEXT")
def _edit(conversation: Conversation, argument: str) -> None:
    """Replace the text of a memory or of a line of /profile; a prefix of its id is enough."""
    prefix, _, text = argument.partition(" ")
    if not text.strip():
        show("an id and a text are missing; example: /edit 3f2a9c1b7e04 home: Porto")
        return
    target = find_memory(conversation.memory, prefix)
    edited = conversation.memory.update(target.id, text=text.strip())
    show(f"changed {short_id(edited.id)}  {line(edited.text, 80)}")


@_command("/timeline [QUESTION]")
def _timeline(conversation: Conversation, argument: str) -> None:
    """Show events in order; a question such as “what happened last week?” selects some."""
    events = conversation.memory.timeline(argument or None, k=_EVENTS)
    if events:
        print_events(events)
    else:
        show("no matching events" if argument else "no events yet")


@_command("/profile")
def _profile(conversation: Conversation, argument: str) -> None:
    """Show what past conversations say about you; /edit corrects a line, /forget removes it."""
    lines = conversation.memory.profile()
    if lines:
        print_profile(lines)
    else:
        show("no profile yet; facts are extracted when a conversation ends")


@_command("/facts [ATTRIBUTE]")
def _facts(conversation: Conversation, argument: str) -> None:
    """Show facts about people, also superseded ones; /facts home shows one attribute."""
    facts = conversation.memory.facts(attribute=argument or None, superseded=True)
    if facts:
        print_facts(facts)
    else:
        show("no matching facts; they are extracted when a conversation ends")


@_command("/topics [QUESTION]")
def _topics(conversation: Conversation, argument: str) -> None:
    """Summarize the topics of all conversations, or those near a question."""
    conversation.memory.consolidate()
    topics = conversation.memory.topics(argument or None, k=_ITEMS)
    if topics:
        print_topics(topics)
    else:
        show("no topics yet; there are too few memories")


@_command("/plans [GOAL]")
def _plans(conversation: Conversation, argument: str) -> None:
    """List the most successful plans, or those that fit a goal."""
    plans = conversation.memory.plans(argument or None, k=_ITEMS)
    if plans:
        print_plans(plans)
    else:
        show("no plans yet; programs add them with add_plan()")


@_command("/graph [FILE]")
def _graph(conversation: Conversation, argument: str) -> None:
    """Show the association graph, or plot it to a .png, .svg or .pdf file."""
    graph = conversation.memory.graph()
    if argument:
        from agentmem.plots import plot_graph

        title = str(conversation.memory.scope)
        out = plot_graph(graph, expand_home(Path(argument)), title=title)
        show(f"wrote {plain(str(out))}")
    else:
        print_graph(graph)


@_command("/sweep")
def _sweep(conversation: Conversation, argument: str) -> None:
    """Archive faded memories; /search still finds them and makes them active again."""
    report = conversation.memory.sweep()
    show(f"archived {len(report.archived)}, kept {report.kept}")
    for memory_id in report.archived[:_ITEMS]:
        memory = conversation.memory.get(memory_id)
        show(f"  {memory.granularity.value} {short_id(memory_id)}  {line(memory.text, 60)}")
    if len(report.archived) > _ITEMS:
        show(f"  and {len(report.archived) - _ITEMS} more")


@_command("/stats")
def _stats(conversation: Conversation, argument: str) -> None:
    """Count memories, sessions and associations."""
    print_stats(conversation.memory.stats())


@_command("/export FILE")
def _export(conversation: Conversation, argument: str) -> None:
    """Write all memories to a JSON Lines file."""
    if not argument:
        show("a file is missing; example: /export memories.jsonl")
        return
    count = conversation.memory.export(expand_home(Path(argument)))
    show(f"wrote {count} records to {plain(argument)}")


@_command("/help [COMMAND]")
def _help(conversation: Conversation, argument: str) -> None:
    """List all commands, or explain one."""
    name = "/" + argument.removeprefix("/").lower()
    if argument and name not in COMMANDS:
        show(plain(_unknown(name)))
        return
    commands = [COMMANDS[name]] if argument else COMMANDS.values()
    print_help((command.usage, command.summary) for command in commands)
    if not argument:
        show("Everything else you type is sent to the assistant and remembered.")


@_command("/quit")
def _quit(conversation: Conversation, argument: str) -> bool:
    """Leave; Ctrl-D does too."""
    return False
