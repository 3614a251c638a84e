"""A server that is killed while clients write, and clients that go on with the next one."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentmem import Client, Granularity, MemoryController, Scope, StoreUnavailableError, connect
from agentmem.discovery import find_server
from agentmem.server.app import ServerState
from agentmem.server.run import ServeOptions, serve
from tests.torture._embedding import WordEmbeddings

__all__ = ["Clients", "run_server"]

CLIENTS = 4
# Seconds that clients work at most; a busy machine answers slowly.
PATIENCE = 60.0


def run_server(folder: Path, on_ready: Callable[[], object]) -> None:
    """Serve the store in a folder until the process is killed."""
    memory = MemoryController.open(folder, embeddings=WordEmbeddings(), linger=0.05)

    def ready(url: str, state: ServerState) -> None:
        on_ready()

    serve(memory, ServeOptions(folder, Scope("nobody")), ready)


@dataclass
class User:
    """What one owner was told is stored, and what was in flight when the server was killed.

    Attributes:
        texts: the acknowledged text of each turn.
        unsure: what a turn may say instead; None that it may not exist.
    """

    scope: Scope
    rng: random.Random
    texts: dict[str, str] = field(default_factory=dict)
    unsure: dict[str, str | None] = field(default_factory=dict)
    acknowledged: int = 0

    def work(self, memory: Client, end: float) -> None:
        """Add, edit, delete and search until the server is gone, or until `end`."""
        while time.monotonic() < end:
            try:
                [act] = self.rng.choices(
                    (self.add, self.update, self.delete, self.search), (5, 2, 1, 2)
                )
                act(memory)
            except StoreUnavailableError:
                return
            self.unsure = {}
            self.acknowledged += 1

    def add(self, memory: Client) -> None:
        put = {f"t{self.rng.getrandbits(60):x}": self.text() for _ in range(self.rng.randint(1, 4))}
        self.unsure = dict(put)
        session = f"s{self.rng.randint(0, 3)}"
        memory.add(
            [{"role": "user", "content": text, "id": i} for i, text in put.items()],
            session_id=session,
        )
        self.texts |= put
        if self.rng.random() < 0.2:
            self.unsure = {}
            memory.end_session(session)

    def update(self, memory: Client) -> None:
        if self.texts:
            memory_id, text = self.rng.choice(sorted(self.texts)), self.text()
            self.unsure = {memory_id: text}
            memory.update(memory_id, text=text)
            self.texts[memory_id] = text

    def delete(self, memory: Client) -> None:
        if len(self.texts) > 20:
            memory_id = self.rng.choice(sorted(self.texts))
            self.unsure = {memory_id: None}
            memory.delete(memory_id)
            del self.texts[memory_id]

    def search(self, memory: Client) -> None:
        memory.search(self.text(), k=3)

    def text(self) -> str:
        words = ("boat", "car", "tea", "red", "blue", "Oslo", "Porto", "lamp")
        return " ".join([*self.rng.choices(words, k=5), f"n{self.rng.getrandbits(40):x}"])

    def inspect(self, memory: MemoryController | Client) -> None:
        """Compare what is stored with what was acknowledged, and settle what was in flight.

        Raises:
            AssertionError: something acknowledged is lost or changed.
        """
        turns = memory.get_all(scope=self.scope, granularity=Granularity.TURN, limit=None)
        texts = {m.id: m.text for m in turns if m.version_of is None}
        happened = {texts.get(memory_id) == text for memory_id, text in self.unsure.items()}
        assert len(happened) <= 1, f"a call for {self.scope} is half there"
        if happened == {True}:
            self.texts = {i: t for i, t in {**self.texts, **self.unsure}.items() if t is not None}
        self.unsure = {}
        assert texts == self.texts, (
            f"{self.scope} differs: lost {sorted(self.texts.keys() - texts.keys())[:3]}, "
            f"never acknowledged {sorted(texts.keys() - self.texts.keys())[:3]}; "
            f"check() finds {memory.check(scope=self.scope).problems[:3]}"
        )


class Clients:
    """Several owners, each with a client of its own that works in a thread."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.users = [
            User(Scope(f"user{n}"), random.Random(seed * 1009 + n)) for n in range(CLIENTS)
        ]

    @property
    def acknowledged(self) -> int:
        """How many calls have returned."""
        return sum(user.acknowledged for user in self.users)

    def work(self, calls: int, seconds: float, kill: Callable[[], object]) -> None:
        """Let all work with the server that runs now; kill it so long after so many calls."""
        server = find_server(self.folder, timeout=60)
        assert server is not None, "the server is ready, and does not answer"
        opened = [connect(server.url, token=server.token, scope=u.scope) for u in self.users]
        for user, memory in zip(self.users, opened, strict=True):
            user.inspect(memory)
        enough, end = self.acknowledged + calls, time.monotonic() + PATIENCE
        threads = [
            threading.Thread(target=user.work, args=(memory, end))
            for user, memory in zip(self.users, opened, strict=True)
        ]
        for thread in threads:
            thread.start()
        while self.acknowledged < enough and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(seconds)
        kill()
        for thread in threads:
            thread.join()
        for memory in opened:
            memory.close()

    def check(self) -> None:
        """Open the store without a server, and check everything."""
        with MemoryController.open(self.folder, embeddings=WordEmbeddings()) as memory:
            for user in self.users:
                user.inspect(memory)
                problems = memory.check(scope=user.scope).problems
                assert not problems, f"check() of {user.scope} finds {problems[:5]}"
