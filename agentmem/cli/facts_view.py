"""How facts, portraits and timelines look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agentmem.cli.render import line, short_id, show

if TYPE_CHECKING:
    from agentmem.controller.timeline import Event
    from agentmem.facts.views import Fact, ProfileLine

__all__ = ["print_events", "print_facts", "print_profile"]

_TEXT = 400


def print_profile(lines: Iterable[ProfileLine]) -> None:
    """Print a portrait, section by section."""
    for section, part in groupby(lines, key=lambda each: each.section):
        rows = [
            (line(each.text, _TEXT), f"{each.retention:.0%}", short_id(each.id)) for each in part
        ]
        show(Text(section, style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def print_facts(facts: Iterable[Fact]) -> None:
    """Print facts, subject by subject."""
    for subject, part in groupby(facts, key=lambda fact: fact.subject):
        rows = [
            (line(f"{fact.attribute}: {fact.value}", _TEXT), _standing(fact), short_id(fact.id))
            for fact in part
        ]
        show(Text(line(subject), style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def _standing(fact: Fact) -> str:
    since = f"{fact.date:%Y-%m-%d}"
    if fact.superseded_by:
        return f"since {since}, superseded"
    return f"since {since}, contradicted" if fact.contradicts else f"since {since}"


def print_events(events: Iterable[Event]) -> None:
    """Print what happened, day by day; of what is known to the month only, the first day."""
    for day, part in groupby(events, key=lambda event: f"{event.when:%A, %Y-%m-%d}"):
        rows = [
            (line(event.text, _TEXT), _told(event), short_id(event.memory.id)) for event in part
        ]
        show(Text(day, style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def _told(event: Event) -> str:
    if not event.dated:
        return f"{event.when:%H:%M}"
    days = (event.until - event.when).days
    length = f"{days} days, " if days > 1 else ""
    return f"{length}told {event.memory.said_at:%Y-%m-%d}"


def _grid(rows: Sequence[tuple[str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
