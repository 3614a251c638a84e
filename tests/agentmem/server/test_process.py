"""One server process, many clients: MCP over both transports, hooks, the command line, Python."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client as McpClient
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from agentmem import Client, InvalidScopeError, Scope, StoreUnavailableError, connect
from agentmem.discovery import SERVER_FILE, find_server, read_server_file
from agentmem.server.auth import TokenStore
from tests.agentmem.server.conftest import ServerProcess, environment, run, start

TOOLS = {"remember", "recall", "show", "timeline", "forget", "profile", "search", "fetch"}
# Of processor time, because the tests share the machine; `make serve` measures the rest.
HANDSHAKE_SECONDS, HOOK_SECONDS = 1.5, 0.4
# How long clients work at the same time; `make clients` sets a minute.
SECONDS = float(os.environ.get("AGENTMEM_CLIENT_SECONDS", "0"))


@pytest.fixture
def client(served: ServerProcess) -> Iterator[Client]:
    with connect(served.file.url, token=served.file.token, scope=Scope("ada")) as memory:
        yield memory
        memory.delete_all()


def children_seconds() -> float:
    """Processor time of the processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def options(served: ServerProcess) -> list[str]:
    return ["--store", str(served.folder), "--user", "ada"]


async def use_every_tool(client: McpClient) -> None:
    listed = await client.list_tools()
    assert {tool.name for tool in listed.tools} == TOOLS
    for tool in listed.tools:
        assert tool.description
        assert tool.annotations is not None
        assert not {"user", "user_id", "scope", "owner"} & set(tool.input_schema["properties"])
    hints: Any = {tool.name: tool.annotations for tool in listed.tools}
    assert hints["forget"].destructive_hint
    assert hints["recall"].read_only_hint

    async def call(name: str, **arguments: Any) -> Any:
        result = await client.call_tool(name, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    [dog] = (await call("remember", text="I adopted a beagle called Biscuit."))["ids"]
    recalled = await call("recall", q="What is my dog called?", limit=300)
    assert "Biscuit" in recalled["text"]
    assert dog in recalled["ids"].values()
    assert "via mcp" in recalled["text"]
    trusted = await call("recall", query="What is my dog called?", min_trust="user")
    assert dog not in trusted["ids"].values()
    early = await call("recall", query="my dog", until="2020-01-01T00:00:00Z")
    assert early["text"] == ""
    [hit] = (await call("search", query="dog", k=1))["results"]
    assert (await call("fetch", id=hit["id"]))["text"] == "I adopted a beagle called Biscuit."
    [record] = (await call("show", id=dog))["memories"]
    assert record["trust"] == "client"
    assert [event["id"] for event in (await call("timeline", limit=5))["events"]] == [dog]
    assert (await call("profile"))["lines"] == []
    resources = await client.list_resources()
    assert [str(resource.uri) for resource in resources.resources] == ["memory://profile"]
    content: Any
    [content] = (await client.read_resource(f"memory://{dog}")).contents
    assert "Biscuit" in content.text
    [content] = (await client.read_resource("memory://profile")).contents
    assert json.loads(content.text) == {"lines": []}
    [prompt] = (await client.list_prompts()).prompts
    portrait = await client.get_prompt(prompt.name)
    assert portrait.messages[0].role == "user"
    assert (await call("forget", ids=[dog]))["deleted"] == [dog]
    gone: Any = await client.call_tool("show", {"ids": [dog]})
    assert gone.is_error
    assert "no memory" in gone.content[0].text


def test_every_tool_over_http(served: ServerProcess, client: Client) -> None:
    async def main() -> None:
        headers = {"Authorization": f"Bearer {served.file.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{served.file.url}/mcp", http_client=http)
            async with McpClient(transport) as mcp:
                await use_every_tool(mcp)

    asyncio.run(main())


def stdio(served: ServerProcess) -> Any:
    arguments = ["-m", "agentmem", "mcp", *options(served)]
    return stdio_client(
        StdioServerParameters(command=sys.executable, args=arguments, env=environment())
    )


def test_every_tool_over_stdio(served: ServerProcess, client: Client) -> None:
    async def main() -> None:
        async with McpClient(stdio(served)) as mcp:
            await use_every_tool(mcp)

    asyncio.run(main())


def test_the_handshake_is_answered_before_anything_is_loaded(served: ServerProcess) -> None:
    command = [sys.executable, "-m", "agentmem", "mcp", *options(served)]
    begin = children_seconds()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    process.stdin.write(b"nonsense\n[]\n")
    process.stdin.flush()
    errors = [json.loads(process.stdout.readline()) for _ in range(2)]
    rest, _ = process.communicate(timeout=30)
    took = children_seconds() - begin
    assert answer["result"]["serverInfo"]["name"] == "agentmem"
    assert [error["error"]["code"] for error in errors] == [-32700, -32600]
    assert rest == b""
    assert took < HANDSHAKE_SECONDS


def test_a_hook_answers_a_prompt_in_time(served: ServerProcess, client: Client) -> None:
    client.add("I adopted a beagle called Biscuit.")
    event = {"hook_event_name": "UserPromptSubmit", "prompt": "What is my dog called?"}
    times = []
    for _ in range(3):
        begin = children_seconds()
        done = run("hook", *options(served), stdin=json.dumps(event))
        times.append(children_seconds() - begin)
    output = json.loads(done.stdout)["hookSpecificOutput"]
    assert output["hookEventName"] == "UserPromptSubmit"
    assert "Biscuit" in output["additionalContext"]
    assert min(times) < HOOK_SECONDS, times


def test_a_hook_stores_a_transcript_once(
    served: ServerProcess, client: Client, tmp_path: Path
) -> None:
    lines = [
        {
            "type": "user",
            "uuid": "u1",
            "sessionId": "s",
            "timestamp": "2026-03-01T10:00:00Z",
            "message": {
                "role": "user",
                "content": "I prefer tabs. My key is sk-ant-abcdefghijklmnop1",
            },
        }
    ]
    transcript = tmp_path / "s.jsonl"
    event = {"hook_event_name": "SessionEnd", "transcript_path": str(transcript)}
    for n in range(2):
        transcript.write_text("".join(json.dumps(line) + "\n" for line in lines))
        done = run("hook", *options(served), stdin=json.dumps(event))
        assert done.returncode == 0, done.stderr
        turns = [m for m in client.get_all() if m.granularity == "turn"]
        assert len(turns) == n + 1
        reply = {"role": "assistant", "content": [{"type": "text", "text": "Noted: tabs."}]}
        lines.append({"type": "assistant", "uuid": "u2", "sessionId": "s", "message": reply})
    assert turns[0].text == "I prefer tabs. My key is [redacted]"
    assert turns[0].metadata["provenance"] == {"way": "transcript", "client": "claude-code"}


def test_the_command_line_uses_the_server(served: ServerProcess, client: Client) -> None:
    added = run("add", *options(served), "--session", "s1", "I live in Lisbon.")
    assert added.returncode == 0, added.stderr
    [turn] = client.get_all()
    record = json.loads(run("show", *options(served), turn.id[:12], "--json").stdout)
    assert record["text"] == "I live in Lisbon."
    client.end_session("s1")
    facts = json.loads(run("facts", *options(served), "--json").stdout)
    assert [fact["value"] for fact in facts] == ["Lisbon"]


def test_a_chat_uses_the_server(served: ServerProcess, client: Client) -> None:
    # A command of the chat needs no model.
    client.add("I live in Lisbon.")
    done = run("chat", *options(served), stdin="/memories\n")
    assert done.returncode == 0, done.stderr
    assert "I live in Lisbon." in done.stdout


def test_the_client_has_the_verbs_of_the_controller(client: Client, tmp_path: Path) -> None:
    [turn] = client.add("I adopted a beagle called Biscuit.", session_id="s1")
    assert client.search("What is my dog called?", k=1, explain=True)[0].contributions
    context = client.recall("What is my dog called?", max_tokens=200)
    assert context.ids == {"m1": turn.id}
    client.feedback(context.hits, cited=[turn.id])
    assert client.learned().citations == 1
    assert client.reset_learning() == 1
    client.end_session("s1")
    assert [fact.value for fact in client.facts()] == ["Biscuit (beagle)"]
    assert client.profile()[0].text == "pet: Biscuit (beagle)"
    assert client.timeline()[0].memory.id == turn.id
    assert client.topics() == []
    plan = client.add_plan("bake bread", ["knead", "bake"], "success")
    assert client.plan_went(plan.id, "failure").failed == 1
    assert [each.id for each in client.plans("make bread")] == [plan.id]
    assert client.update(turn.id, text="I adopted a poodle called Biscuit.").version == 2
    assert len(client.history(turn.id)) == 2
    assert client.pin(turn.id).metadata["pinned"]
    assert "pinned" not in client.unpin(turn.id).metadata
    assert client.related(turn.id) == []
    assert client.graph().number_of_nodes() > 1
    assert client.stats().sessions == 1
    assert client.check().ok
    assert client.sweep().archived == ()
    assert client.consolidate().finished
    assert client.export(tmp_path / "backup.jsonl") > 1
    assert client.import_(tmp_path / "backup.jsonl") > 1
    assert len(client.get_all(limit=2)) == 2
    assert turn.id in client.delete(turn.id).deleted
    assert asyncio.run(client.asearch("dog")).hits == ()


def test_a_client_of_another_owner_sees_nothing(served: ServerProcess, client: Client) -> None:
    client.add("I adopted a beagle called Biscuit.")
    token = TokenStore(served.folder).create(Scope("ben"), name="laptop")
    with connect(served.file.url, token=token) as ben:
        assert ben.scope == Scope("ben")
        assert ben.search("dog").hits == ()
        [turn] = ben.add("I like tea.")
        assert turn.metadata["provenance"] == {"way": "api", "client": "laptop"}
        with pytest.raises(InvalidScopeError):
            ben.search("dog", scope=Scope("ada"))
        ben.delete_all()
    with pytest.raises(InvalidScopeError, match="not valid"):
        connect(served.file.url, token="wrong")


@dataclass
class Crowd:
    """Clients that work at the same time, each until the time is over and once at least."""

    end: float
    written: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def repeat(self, work: Callable[[int], list[str]]) -> threading.Thread:
        thread = threading.Thread(target=self._loop, args=(work,))
        thread.start()
        return thread

    def _loop(self, work: Callable[[int], list[str]]) -> None:
        for n in self.rounds():
            try:
                self.written.extend(work(n))
            except BaseException as error:
                self.errors.append(error)

    def rounds(self) -> Iterator[int]:
        yield 0
        for n in count(1):
            if time.monotonic() > self.end:
                return
            yield n


def in_python(served: ServerProcess, n: int) -> list[str]:
    with connect(served.file.url, token=served.file.token, scope=Scope("ada")) as memory:
        turns = [memory.add(f"Tea number {n}.{each}.", session_id="py") for each in range(4)]
        assert memory.search("tea", k=1)
    return [turn.id for [turn] in turns]


def in_a_shell(served: ServerProcess, n: int) -> list[str]:
    done = run("add", *options(served), "--session", "sh", "--json", f"Coffee number {n}.")
    assert done.returncode == 0, done.stderr
    return [memory["id"] for memory in json.loads(done.stdout)]


def in_a_hook(served: ServerProcess, n: int) -> list[str]:
    event = {"hook_event_name": "UserPromptSubmit", "prompt": f"What is tea number {n}?"}
    done = run("hook", *options(served), stdin=json.dumps(event))
    assert done.returncode == 0, done.stderr
    return []


def in_a_chat(served: ServerProcess, n: int) -> list[str]:
    done = run("chat", *options(served), stdin="/memories\n")
    assert done.returncode == 0, done.stderr
    return []


async def in_two_editors(served: ServerProcess, crowd: Crowd) -> None:
    async with McpClient(stdio(served)) as first, McpClient(stdio(served)) as second:
        for n in crowd.rounds():
            for mcp, other in ((first, second), (second, first)):
                result: Any = await mcp.call_tool("remember", {"text": f"Note {n} on milk."})
                assert not result.is_error, result.content
                ids = result.structured_content["ids"]
                crowd.written.extend(ids)
                assert not (await other.call_tool("show", {"ids": ids})).is_error


def test_many_clients_write_at_once_and_see_what_the_others_wrote(
    served: ServerProcess, client: Client
) -> None:
    crowd = Crowd(time.monotonic() + SECONDS)
    works = (in_python, in_a_shell, in_a_hook, in_a_chat)
    threads = [crowd.repeat(partial(work, served)) for work in works]
    asyncio.run(in_two_editors(served, crowd))
    for thread in threads:
        thread.join()
    assert crowd.errors == []
    turns = [m for m in client.get_all(limit=None) if m.granularity == "turn"]
    assert {memory.id for memory in turns} == set(crowd.written)


def test_slow_clients_do_not_keep_others_waiting(served: ServerProcess, client: Client) -> None:
    host, port = served.file.address
    slow = []
    for _ in range(20):
        connection = socket.create_connection((host, port))
        connection.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer " + served.file.token.encode() + b"\r\n\r\n{"
        )
        slow.append(connection)
    begin = time.monotonic()
    assert client.search("tea").hits == ()
    assert time.monotonic() - begin < 10
    for connection in slow:
        connection.close()


def add_until_it_ends(memory: Client, acknowledged: list[str]) -> None:
    for n in range(10_000):
        acknowledged += [turn.id for turn in memory.add(f"Tea number {n}.")]


def test_a_killed_server_loses_nothing_and_the_next_client_continues(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    server = start(folder)
    acknowledged: list[str] = []
    killer = threading.Timer(1.0, server.kill)
    with connect(server.file.url, token=server.file.token) as memory:
        acknowledged += [turn.id for turn in memory.add("The first one loads the embedder.")]
        killer.start()
        with pytest.raises(StoreUnavailableError):
            add_until_it_ends(memory, acknowledged)
    killer.join()
    assert read_server_file(folder) is not None
    # The file is stale, so the next client starts another server.
    assert find_server(folder) is None

    async def next_client() -> None:
        params = StdioServerParameters(
            command=sys.executable,
            args=[
                *("-m", "agentmem", "mcp", "--store", str(folder), "--user", "ada"),
                *("--idle-timeout", "2"),
            ],
            env=environment(),
        )
        async with McpClient(stdio_client(params)) as mcp:
            for n in range(0, len(acknowledged), 50):
                result = await mcp.call_tool("show", {"ids": acknowledged[n : n + 50]})
                assert not result.is_error

    asyncio.run(next_client())
    deadline = time.monotonic() + 60
    while (folder / SERVER_FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not (folder / SERVER_FILE).exists(), "the idle server has not ended"


def test_a_file_that_leads_to_another_program_is_no_server(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        (tmp_path / SERVER_FILE).write_text(json.dumps({"url": url, "token": "secret"}))
        received: list[bytes] = []

        def answer() -> None:
            connection, _ = other.accept()
            received.append(connection.recv(4096))
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}')
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert find_server(tmp_path) is None
        thread.join()
    assert b"secret" not in received[0]


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    done = run("serve", "--store", str(tmp_path / "store"), "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "create a token first" in done.stderr
