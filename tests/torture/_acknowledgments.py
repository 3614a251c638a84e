"""A log of the writes that a memory has acknowledged: what must be there after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["AcknowledgmentLog"]

Texts = dict[str, str]


class AcknowledgmentLog:
    """A log of lines, each begun before a call and acknowledged (with fsync) after it.

    What was begun and not acknowledged is in flight: it may have happened or not, but whole. The
    next writer looks, and settles it.
    """

    def __init__(self, path: Path) -> None:
        self.texts: dict[str, Texts] = {"ada": {}, "copy": {}}
        self.recalls: dict[str, int] = {}
        self.digested: set[str] = set()
        # The goal of each plan, and what it was made from, with which it goes.
        self.plans: dict[str, tuple[str, ...]] = {}
        self.in_flight: dict[str, Any] | None = None
        self.acknowledged = self.settled = 0
        for line in path.read_bytes().splitlines() if path.exists() else ():
            self._take(json.loads(line))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def begin(self, op: str, **what: Any) -> None:
        """Say what is about to be done: `put` and `removed` are texts and ids of an owner."""
        self._write({"begin": op, **what})

    def acknowledge(self, **result: Any) -> None:
        """Say that it was done."""
        self._write({"done": True, **result})
        os.fsync(self._file)

    def settle(self, *, happened: bool) -> None:
        """Say whether what was in flight at the kill is there."""
        self._write({"done": happened, "settled": True})

    def _write(self, line: Mapping[str, Any]) -> None:
        # One call of the system, so that a kill leaves no half of a line.
        os.write(self._file, json.dumps(line).encode() + b"\n")
        self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        if "begin" in line:
            self.in_flight = dict(line)
            self._outdate(line)
            return
        begun, self.in_flight = self.in_flight, None
        self.settled += "settled" in line
        if begun is None:
            return
        # Even what did not happen may have got as far as taking a summary away.
        self.digested.difference_update(begun.get("touched", ()))
        if not line["done"]:
            return
        self.acknowledged += "settled" not in line
        existing = self.texts[begun.get("owner", "ada")]
        existing.update(begun.get("put", {}))
        for memory_id in [*begun.get("removed", ()), *line.get("removed", ())]:
            existing.pop(memory_id, None)
            self.recalls.pop(memory_id, None)
        self._outdate(line)
        self.plans.update(
            {i: (goal, source) for i, (goal, source) in line.get("plans", {}).items()}
        )
        self.recalls.update(line.get("recalls", {}))
        self.digested.update(line.get("digested", ()))

    def _outdate(self, line: Mapping[str, Any]) -> None:
        """Expect no plan any more whose source is to change or to go, even if that is cut off."""
        if line.get("owner", "ada") == "ada":
            changed = {*line.get("put", ()), *line.get("removed", ())}
            plans = {i: plan for i, plan in self.plans.items() if plan[1] not in changed}
            self.plans = plans
