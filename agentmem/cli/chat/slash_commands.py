"""What can be typed besides words: the slash commands, each with its help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from agentmem.cli.chat.conversation import Conversation
from agentmem.cli.chat.display import print_graph, print_help, print_plans, print_topics
from agentmem.cli.facts_view import print_events, print_facts, print_profile
from agentmem.cli.options import find_id
from agentmem.cli.render import line, plain, short_id, show
from agentmem.cli.tables import print_memories, print_recall, print_stats

__all__ = ["COMMANDS", "Command", "obey"]

_LISTED = 20
_NAMED = 10
_EVENTS = 100


@dataclass(frozen=True)
class Command:
    """A slash command; its body returns False to end the conversation."""

    usage: str
    summary: str
    body: Callable[[Conversation, str], bool | None]


COMMANDS: dict[str, Command] = {}
_Body = Callable[[Conversation, str], bool | None]


def _command(usage: str) -> Callable[[_Body], _Body]:
    """Register a command under the first word of its usage; its docstring is its help."""

    def register(body: _Body) -> _Body:
        COMMANDS[usage.split()[0]] = Command(usage, (body.__doc__ or "").strip(), body)
        return body

    return register


def obey(talk: Conversation, typed: str) -> bool:
    """Carry out a line that begins with a slash; return whether the conversation goes on.

    Raises:
        AgentMemError: what the command could not do.
    """
    name, _, argument = typed.strip().partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        show(plain(_unknown(name)))
        return True
    return command.body(talk, argument.strip()) is not False


def _unknown(name: str) -> str:
    near = get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}?" if near else "/help lists them all."
    return f"there is no command {name}; {meant}"


@_command("/memories [NUMBER]")
def _memories(talk: Conversation, argument: str) -> None:
    """List the newest memories, 20 if no number is given."""
    if argument and not (argument.isdecimal() and int(argument)):
        show(f"{plain(argument)} is no number of memories; for example: /memories 50")
        return
    memory, now = talk.memory, talk.memory.clock()
    found = memory.get_all(limit=int(argument or _LISTED))
    if found:
        print_memories([(m, memory.curve.retention_of(m, now)) for m in found])
    else:
        show("nothing is remembered yet; tell me something")


@_command("/why")
def _why(talk: Conversation, argument: str) -> None:
    """Show what was recalled for the last reply, and why."""
    recall = talk.last_recall
    if recall is None:
        show("there was no reply yet")
    elif not recall:
        show("nothing was recalled: nothing was remembered, or no memory needed")
    else:
        told = [n for n, hit in enumerate(recall, start=1) if hit.memory.id in talk.shown]
        show(f"for “{line(recall.query, 80)}” this came to mind, best first:", "")
        print_recall(recall)
        numbers = ", ".join(map(str, told)) or "none"
        show("", f"put before the model: {numbers}")


@_command("/search QUESTION")
def _search(talk: Conversation, argument: str) -> None:
    """Search the memories, also those that have faded."""
    if not argument:
        show("search for what? for example: /search What is my dog called?")
        return
    found = talk.memory.search(argument, explain=True, include_archived=True)
    if found:
        print_recall(found)
    else:
        show("nothing is remembered yet")


@_command("/forget ID")
def _forget(talk: Conversation, argument: str) -> None:
    """Delete a memory for good; the beginning of its id is enough."""
    if not argument:
        show("forget what? /memories and /search show ids")
        return
    found = find_id(talk.memory, argument)
    talk.memory.delete(found.id)
    show(f"forgot {short_id(found.id)}  {line(found.text, 80)}")


@_command("/timeline [QUESTION]")
def _timeline(talk: Conversation, argument: str) -> None:
    """Show what happened when; a question such as “what happened last week?” chooses."""
    events = talk.memory.timeline(argument or None, k=_EVENTS)
    if events:
        print_events(events)
    else:
        show("nothing was said of that time" if argument else "nothing was said yet")


@_command("/profile")
def _profile(talk: Conversation, argument: str) -> None:
    """Show what is known of you, as far as past conversations say; /forget removes a line."""
    lines = talk.memory.profile()
    if lines:
        print_profile(lines)
    else:
        show("nothing is known of you yet; facts are found when a conversation ends")


@_command("/facts [ATTRIBUTE]")
def _facts(talk: Conversation, argument: str) -> None:
    """Show what was said of people, also what no longer holds; /facts home shows one attribute."""
    found = talk.memory.facts(attribute=argument or None, superseded=True)
    if found:
        print_facts(found)
    else:
        show("there are no such facts; they are found when a conversation ends")


@_command("/topics [QUESTION]")
def _topics(talk: Conversation, argument: str) -> None:
    """Sum up what has been talked about, or what of it is near to a question."""
    talk.memory.consolidate()
    topics = talk.memory.topics(argument or None, k=_NAMED)
    if topics:
        print_topics(topics)
    else:
        show("too little was said yet to tell topics apart")


@_command("/plans [GOAL]")
def _plans(talk: Conversation, argument: str) -> None:
    """List the ways of doing something that went best, or those that fit a goal."""
    plans = talk.memory.plans(argument or None, k=_NAMED)
    if plans:
        print_plans(plans)
    else:
        show("there are no plans yet; programs add them with add_plan()")


@_command("/graph [FILE]")
def _graph(talk: Conversation, argument: str) -> None:
    """Show what is associated with what; draw it if a file is named (.png, .svg, .pdf)."""
    graph = talk.memory.graph()
    if argument:
        from agentmem.plots import plot_graph

        out = plot_graph(graph, Path(argument).expanduser(), title=str(talk.memory.scope))
        show(f"drawn to {plain(str(out))}")
    else:
        print_graph(graph)


@_command("/sweep")
def _sweep(talk: Conversation, argument: str) -> None:
    """Archive what has faded; searching finds it, and then it is back."""
    report = talk.memory.sweep()
    show(f"archived {len(report.archived)}, kept {report.kept}")
    for archived in report.archived[:_NAMED]:
        memory = talk.memory.get(archived)
        show(f"  {memory.granularity.value} {short_id(archived)}  {line(memory.text, 60)}")
    if len(report.archived) > _NAMED:
        show(f"  and {len(report.archived) - _NAMED} more")


@_command("/stats")
def _stats(talk: Conversation, argument: str) -> None:
    """Count what is remembered."""
    print_stats(talk.memory.stats())


@_command("/export FILE")
def _export(talk: Conversation, argument: str) -> None:
    """Write all memories to a file of JSON lines."""
    if not argument:
        show("export to which file? for example: /export memories.jsonl")
        return
    count = talk.memory.export(Path(argument).expanduser())
    show(f"{count} records written to {plain(argument)}")


@_command("/help [COMMAND]")
def _help(talk: Conversation, argument: str) -> None:
    """Show this list, or one command."""
    name = "/" + argument.removeprefix("/").lower()
    if argument and name not in COMMANDS:
        show(plain(_unknown(name)))
        return
    chosen = [COMMANDS[name]] if argument else COMMANDS.values()
    print_help((command.usage, command.summary) for command in chosen)
    if not argument:
        show("everything else you type is said, and remembered")


@_command("/quit")
def _quit(talk: Conversation, argument: str) -> bool:
    """Leave; Ctrl-D does too."""
    return False
