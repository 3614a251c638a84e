"""Real processes in unusual surroundings: no home, strange paths, forks, spawns, event loops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.guarantees._children import ROOT, run

START = """
import asyncio, gc, json, multiprocessing, os, shutil, sys
from pathlib import Path
from agentmem import ClosedError, MemoryController, Scope, StoreLockedError, StoreUnavailableError
from tests.torture._embedding import WordEmbeddings

def open_(path=sys.argv[1]):
    return MemoryController.open(path, scope=Scope("ada"), embeddings=WordEmbeddings())
"""

# Nobody calls `close`, so the controller is closed at exit.
REMOVED = """
memory = open_()
memory.add("the boat is red", session_id="a")
memory.search("boat")
shutil.rmtree(sys.argv[1])
for call in (lambda: memory.add("the car is blue"), lambda: memory.search("boat"), memory.flush):
    try:
        call()
    except StoreUnavailableError as error:
        print(error)
"""

# The folder goes while a call is under way, after its first check.
REMOVED_MEANWHILE = """
from agentmem_stores.chroma import store
memory = open_()
memory.add("the boat is red", session_id="a")
require_present, left = store._Connection.require_present, [1]
def removed_afterwards(self):
    require_present(self)
    if left:
        left.pop()
        shutil.rmtree(sys.argv[1])
store._Connection.require_present = removed_afterwards
try:
    memory.add("the car is blue", session_id="a")
except StoreUnavailableError as error:
    print(error)
"""

# As a server that loads the application before it forks its workers.
# Chroma's threads do not survive a fork, so workers that open a store are forked by a process that
# has none open yet.
PRELOAD = """
def fill():
    with open_() as memory:
        memory.add("the boat is red", session_id="a")

def search():
    with open_() as memory:
        print(memory.search("boat")[0].memory.text, flush=True)

def use_inherited():
    try:
        memory.search("boat")
    except ClosedError as error:
        print(error, flush=True)
    try:
        open_()
    except StoreLockedError as error:
        print(error, flush=True)

def in_a_worker(function):
    if (worker := os.fork()) == 0:
        function()
        os._exit(0)
    assert os.waitpid(worker, 0)[1] == 0

for function in (fill, search, search):
    in_a_worker(function)
memory = open_()
in_a_worker(use_inherited)
memory.close()
"""

# Both sides of the fork use the client that was connected before.
CLIENT = """
from agentmem import connect
from agentmem.discovery import find_server
from tests.torture._server import run_server
folder = Path(sys.argv[1])
ready, tell = os.pipe()
if (server := os.fork()) == 0:
    run_server(folder, lambda: os.write(tell, b"!"))
    os._exit(0)
os.read(ready, 1)
file = find_server(folder, timeout=60)
client = connect(file.url, token=file.token, scope=Scope("ada"))
client.add("the boat is red", session_id="a")
worker = os.fork()
name = "parent" if worker else "worker"
for n in range(20):
    [turn] = client.add(f"boat {n} of the {name}", session_id=name)
    assert client.get(turn.id).text == f"boat {n} of the {name}"
if not worker:
    os._exit(0)
assert os.waitpid(worker, 0)[1] == 0
client.close()
try:
    client.search("boat")
except ClosedError as error:
    print(error)
os.kill(server, 15)
os.waitpid(server, 0)
"""

SPAWN = """
def child(found, path):
    try:
        with open_(path) as mine:
            print("opened", mine.search("boat")[0].memory.text, found[0].memory.text, flush=True)
    except StoreLockedError:
        print("locked", flush=True)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    def spawn():
        process = context.Process(target=child, args=(found, sys.argv[1]))
        process.start()
        process.join()
        assert process.exitcode == 0
    with open_() as memory:
        memory.add("the boat is red", session_id="a")
        found = memory.search("boat")
        spawn()
    spawn()
"""

LOOPS = """
from agentmem import Agent
from agentmem.testing import ScriptedChatModel
memory = open_()
agent = Agent(ScriptedChatModel(["Red."], repeat=True), memory)

async def use():
    await asyncio.gather(*(memory.aadd(f"the boat {n} is red", session_id="a") for n in range(3)))
    reply = await agent.ainvoke("What color is the boat?")
    return len(await memory.asearch("boat", k=5)), reply.content

for _ in range(2):
    print(asyncio.run(use()))
loop = asyncio.new_event_loop()
print(loop.run_until_complete(use()))
loop.close()
print(len(memory.search("boat")))
memory.close()
"""


def process(
    *arguments: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with no other home than that of `environment`."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    path = os.pathsep.join([str(ROOT), *sys.path])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**inherited, "PYTHONPATH": path, **(environment or {})},
    )


def test_a_removed_folder_is_named_also_at_exit(tmp_path: Path) -> None:
    path = tmp_path / "store"
    ended = process("-c", START + REMOVED, str(path))
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 3
    for said in (*lines, ended.stderr):
        assert f"{path} was removed or replaced" in said
        assert "readonly" not in said
    assert "Traceback" not in ended.stderr
    assert not path.exists()


def test_a_folder_that_is_removed_during_a_call_is_named(tmp_path: Path) -> None:
    printed = run(START + REMOVED_MEANWHILE, tmp_path / "store")
    assert "was removed or replaced" in printed
    assert "readonly" not in printed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_workers_that_are_forked_after_loading_open_the_store_themselves(tmp_path: Path) -> None:
    first, second, inherited, locked = run(START + PRELOAD, tmp_path / "store").splitlines()
    assert "was opened before this process was forked; open it here" in inherited
    assert "is in use by process" in locked
    assert first == second == "the boat is red"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_client_is_used_on_both_sides_of_a_fork(tmp_path: Path) -> None:
    assert run(START + CLIENT, tmp_path / "store") == "this Client is closed; connect again\n"


def test_spawned_processes_get_results_and_open_what_is_closed(tmp_path: Path) -> None:
    # A spawned process imports the program's file again.
    program = tmp_path / "program.py"
    program.write_text(START + SPAWN)
    ended = process(str(program), str(tmp_path / "store"))
    assert ended.stdout.splitlines() == ["locked", "opened the boat is red the boat is red"]


def test_event_loops_are_closed_and_opened_again(tmp_path: Path) -> None:
    lines = run(START + LOOPS, tmp_path / "store").splitlines()
    assert lines == ["(5, 'Red.')"] * 3 + ["5"]


def agentmem(home: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache"} if home else {}
    return process("-m", "agentmem", *arguments, environment=environment)


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs a folder that nobody can write to")
def test_a_home_that_cannot_be_written_and_a_path_with_spaces_and_unicode(tmp_path: Path) -> None:
    store = str(tmp_path / "Ada's mémoires 日本 🐶" / "a b%20c")
    owner = ("--store", store, "--user", "ada")
    added = agentmem("/proc/nobody", "add", "I adopted a beagle.", *owner)
    assert added.returncode == 0, added.stderr
    # With HOME unset, too.
    for home in ("/proc/nobody", ""):
        listed = json.loads(agentmem(home, "list", *owner, "--json").stdout)
        assert [m["text"] for m in listed][:1] == ["I adopted a beagle."]
    refused = agentmem("/proc/nobody", "add", "I adopted a beagle.")
    assert refused.returncode == 1
    assert "/proc/nobody/.agentmem cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_address_as_store_is_a_server_and_makes_no_folder(tmp_path: Path) -> None:
    refused = process("-m", "agentmem", "list", "--store", "http://localhost:1", cwd=tmp_path)
    assert refused.returncode == 1
    assert "localhost:1" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []
