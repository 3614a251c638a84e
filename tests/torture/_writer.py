"""A process that checks the memory it finds, and writes to it until it is killed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agentmem import Granularity, MemoryController
from agentmem.feedback.reinforcement import relevant
from agentmem.testing import ManualClock
from agentmem.writing.messages import MessageLike
from tests.torture._acknowledgments import AcknowledgmentLog
from tests.torture._embedding import WordEmbeddings
from tests.torture._inspection import ADA, COPY, inspect

__all__ = ["run_writer"]

WORDS = [
    f"{a}{b}"
    for a in ("ba", "ke", "li", "mo", "ru", "ta")
    for b in ("dan", "fer", "gol", "nim", "sup")
]
# Beyond so many turns, more is deleted than added, so that all writers cost the same.
FULL = 120


def run_writer(
    folder: Path, seed: int, on_ready: Callable[[], object], *, compacting: bool = False
) -> None:
    """Open the memory in a folder, inspect it, and go on with it for ever.

    Args:
        on_ready: called when everything was found to be in order.
        compacting: begin with making all files anew.
    """
    log = AcknowledgmentLog(folder / "acknowledgments.jsonl")
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=log.acknowledged))
    with MemoryController.open(
        folder / "store",
        scope=ADA,
        embeddings=WordEmbeddings(),
        clock=clock,
        rng=random.Random(seed),
        linger=0.05,
    ) as memory:
        inspect(memory, log)
        on_ready()
        writer = _Writer(memory, log, folder, random.Random(seed))
        if compacting:
            writer.compact()
        while True:
            clock.advance(minutes=20)
            writer.act()


class _Writer:
    def __init__(
        self, memory: MemoryController, log: AcknowledgmentLog, folder: Path, rng: random.Random
    ) -> None:
        self.memory, self.log, self.folder, self.rng = memory, log, folder, rng
        self.session = f"s{log.acknowledged}-{os.getpid()}"

    def act(self) -> None:
        existing = len(self.log.texts["ada"])
        weights = [8, 2, 3, 4, 1, 3, 2 if existing < FULL else 14, 1, 1, 1, 2, 1, 1]
        acts = (
            self.add, self.add_many, self.end, self.search, self.sweep, self.update, self.delete,
            self.delete_session, self.move, self.consolidate, self.plan, self.cite, self.look,
        )  # fmt: skip
        act = self.rng.choices(acts, weights)[0] if existing > 4 else self.add
        act()

    def _text(self) -> str:
        return " ".join([*self.rng.choices(WORDS, k=6), f"n{self.rng.getrandbits(40):x}"])

    def _texts(self) -> dict[str, str]:
        ids = [f"t{self.rng.getrandbits(60):x}" for _ in range(self.rng.randint(1, 5))]
        return {i: self._text() for i in ids}

    def _any(self) -> str:
        return self.rng.choice(sorted(self.log.texts["ada"]))

    def add(self) -> None:
        if self.rng.random() < 0.2:
            self.session = f"s{self.rng.getrandbits(40):x}"
        put = self._texts()
        self.log.begin("add", put=put, touched=[self.session])
        self.memory.add(_messages(put), session_id=self.session)
        self.log.acknowledge()

    def add_many(self) -> None:
        sessions = {f"m{self.rng.getrandbits(40):x}": self._texts() for _ in range(2)}
        put = {i: text for texts in sessions.values() for i, text in texts.items()}
        self.log.begin("add_many", put=put)
        self.memory.add_many({session: _messages(texts) for session, texts in sessions.items()})
        self.log.acknowledge(digested=list(sessions))

    def end(self) -> None:
        session = self.memory.get(self._any()).session_id
        self.log.begin("end_session", touched=[session])
        self.memory.end_session(session)
        self.log.acknowledge(digested=[session])

    def search(self) -> None:
        self.log.begin("search")
        hits = self.memory.search(self._text(), k=3, include_archived=True)
        self.memory.flush()
        # A search strengthens only the hits that are likely to be used.
        likely = relevant(hits, include_archived=True)
        recalls = {h.memory.id: h.memory.recall_count + 1 for h in likely}
        self.log.acknowledge(recalls=recalls)

    def sweep(self) -> None:
        self.log.begin("sweep")
        self.memory.sweep(self.memory.clock() + timedelta(days=self.rng.randint(0, 9)))
        self.log.acknowledge()

    def update(self) -> None:
        old = self.memory.get(self._any())
        text = self._text()
        self.log.begin("update", put={old.id: text}, touched=self._sessions())
        self.memory.update(old.id, text=text)
        self.log.acknowledge()

    def delete(self) -> None:
        old = self.memory.get(self._any())
        removed = [old.id, *old.sources]
        self.log.begin("delete", removed=removed, touched=self._sessions())
        done = self.memory.delete(old.id)
        self.log.acknowledge(removed=list(done.deleted))

    def delete_session(self) -> None:
        session = self.memory.get(self._any()).session_id
        existing = self.memory.get_all(limit=None, session_id=session, granularity=Granularity.TURN)
        self.log.begin(
            "delete_session", removed=[turn.id for turn in existing], touched=self._sessions()
        )
        done = self.memory.delete_session(session)
        self.log.acknowledge(removed=list(done.deleted))

    def _sessions(self) -> list[str]:
        return sorted({m.session_id for m in self.memory.get_all(limit=None)})

    def move(self) -> None:
        """Export everything, and import it for another owner."""
        path = self.folder / "moved.jsonl"
        self.memory.export(path)
        turns = self.memory.get_all(limit=None, granularity=Granularity.TURN)
        put = {m.id: m.text for m in turns}
        self.log.begin("import", owner=COPY.user_id, put=put)
        self.memory.import_(path, scope=COPY)
        self.log.acknowledge()

    def consolidate(self) -> None:
        self.log.begin("consolidate", touched=self._sessions())
        self.memory.consolidate(budget=3)
        self.log.acknowledge()

    def plan(self) -> None:
        goal, source = self._text(), self._any()
        self.log.begin("plan")
        made = self.memory.add_plan(goal, ["look", "act"], "success", sources=[source])
        self.log.acknowledge(plans={made.id: [goal, source]})

    def cite(self) -> None:
        hits = self.memory.search(self._text(), k=3, reinforce=False)
        self.log.begin("feedback")
        self.memory.feedback(hits, cited=[hit.memory.id for hit in hits[:1]])
        self.log.acknowledge()

    def look(self) -> None:
        """What is kept in step with every write must say what one made anew says."""
        problems = self.memory.check().problems
        assert not problems, f"check() finds {problems[:5]}"

    def compact(self) -> None:
        self.log.begin("compact")
        self.memory.compact()
        self.log.acknowledge()


def _messages(put: dict[str, str]) -> list[MessageLike]:
    return [{"role": "user", "content": text, "id": i} for i, text in put.items()]
