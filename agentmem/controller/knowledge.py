"""The verbs that say what is known: facts, the portrait, and what happened when."""

from __future__ import annotations

from datetime import datetime

from agentmem.controller.events import Event
from agentmem.controller.reads import Reads
from agentmem.controller.timeline import Bounds, Timeline
from agentmem.controller.to_async import to_async
from agentmem.facts.views import Fact, ProfileLine, held_at, portrait, shown
from agentmem_stores import Granularity, InvalidInputError, Memory, Scope, require_aware

__all__ = ["Knowledge"]


class Knowledge(Reads):
    """What memory makes of what was said: who is how, and what happened when."""

    def facts(
        self,
        *,
        subject: str | None = None,
        attribute: str | None = None,
        superseded: bool = False,
        as_of: datetime | None = None,
        scope: Scope | None = None,
    ) -> list[Fact]:
        """Return what is said of people, by subject, attribute and date.

        Facts are found when a session ends. A newer value of an attribute takes the place of the
        older one; values that were said at the same time both stay, and say that they contradict.

        Args:
            subject: only facts about them; `user` for who speaks without a name.
            attribute: only facts of this attribute, such as `home`.
            superseded: also those whose place others have taken.
            as_of: as they stood then, aware.

        Raises:
            NaiveDatetimeError: `as_of` has no time zone.
        """
        owner = self._scope(scope)
        moment = require_aware(as_of, "as_of") if as_of else None
        self.flush()
        now = moment or self.clock()
        held = [
            memory
            for memory in self._store.scan(owner, Granularity.FACT)
            if held_at(memory, moment) or (superseded and _known(memory, moment))
        ]
        facts = shown(held, lambda memory: self.curve.retention_of(memory, now))
        return [
            fact
            for fact in facts
            if subject in (None, fact.subject) and attribute in (None, fact.attribute)
        ]

    def profile(self, *, limit: int | None = None, scope: Scope | None = None) -> list[ProfileLine]:
        """Return a portrait of the user in lines: facts that hold now, and topics.

        It follows them: a newer value replaces a line, and deleting its source removes it. To edit
        a line `update` it by its id, to remove it `delete` it; neither is undone when the turn that
        told it is read again, or when `consolidate` finds topics anew.

        Args:
            limit: only so many lines, those best remembered; by default all.
        """
        if limit is not None and limit < 1:
            raise InvalidInputError(f"limit={limit} must be at least 1, or None for all")
        now = self.clock()
        lines = portrait(
            self.facts(scope=scope),
            self.topics(scope=scope),
            lambda topic: self.curve.retention_of(topic, now),
        )
        kept = sorted(lines, key=lambda line: -line.retention)[:limit]
        return [line for line in lines if line in kept]

    def timeline(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        k: int = 10,
        scope: Scope | None = None,
    ) -> list[Event]:
        """Return what happened, in the order in which it did.

        A turn that speaks of another time than its own, such as "yesterday" or "in May", stands
        where that was. Times that the query names, as in "what happened last week?", bound the
        answer just as `since` and `until` do; "what came first, A or B?" returns one event each.

        Args:
            query: what it is about; by default everything that is not a question.
            since, until: only what happened in between, aware; `until` itself is not in it.
            k: at most so many events, those that the query finds first; without one, the last.

        Raises:
            NaiveDatetimeError, InvalidInputError: an argument cannot be taken.
        """
        owner = self._scope(scope)
        if k < 1:
            raise InvalidInputError(f"k={k} must be at least 1")
        bounds = Bounds(
            require_aware(since, "since") if since else None,
            require_aware(until, "until") if until else None,
        )
        self.flush()
        return Timeline(self, owner).events(query, bounds, k)

    afacts = to_async(facts)
    aprofile = to_async(profile)
    atimeline = to_async(timeline)


def _known(memory: Memory, moment: datetime | None) -> bool:
    return memory.version_of is None and (moment is None or memory.said_at <= moment)
