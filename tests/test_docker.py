"""The image and the compose file name what is there. No engine runs here."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import typer.main
import yaml

from agentmem.cli.app import app

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
INSTRUCTIONS = {
    *("FROM", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"),
}


def instructions() -> list[list[str]]:
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [line.split() for line in lines]


def test_the_image_copies_what_exists_and_does_not_run_as_root() -> None:
    lines = instructions()
    assert {words[0] for words in lines} <= INSTRUCTIONS
    assert lines[0][0] == "FROM"
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", lines[0][1]), "pin the base image"
    for words in lines:
        if words[0] == "COPY":
            assert all((ROOT / source).exists() for source in words[1:-1]), words
    assert [words[1] for words in lines if words[0] == "USER"] == ["agentmem"]


def test_the_image_is_healthy_when_the_server_of_its_entry_point_answers() -> None:
    [check] = [" ".join(words) for words in instructions() if words[0] == "HEALTHCHECK"]
    [port] = re.findall(r"--port (\d+)", (DOCKER / "entrypoint.sh").read_text())
    assert f"http://127.0.0.1:{port}/healthz" in check
    assert ["EXPOSE", port] in instructions()
    code = json.loads(check.partition("CMD ")[2])
    assert code[:2] == ["python", "-c"]
    compile(code[2], "HEALTHCHECK", "exec")


def test_the_entry_point_is_a_shell_script_whose_commands_parse() -> None:
    script = DOCKER / "entrypoint.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    text = script.read_text().replace('"${user}"', "ada").replace('"$@"', "")
    commands = re.findall(r"agentmem (?:token create|serve) [^)\n]*", text)
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command.rstrip('"'))[1:]
        group: Any = typer.main.get_command(app)
        while hasattr(group, "commands"):
            group = group.commands[words.pop(0)]
        group.make_context(group.name, words)


def test_the_compose_file_builds_the_image_and_publishes_on_loopback_only() -> None:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    agentmem, chroma = compose["services"]["agentmem"], compose["services"]["chroma"]
    assert (DOCKER / agentmem["build"]["context"] / agentmem["build"]["dockerfile"]).is_file()
    assert all(port.startswith("127.0.0.1:") for port in agentmem["ports"])
    assert agentmem["environment"]["AGENTMEM_CHROMA"] == "http://chroma:8000"
    assert "ports" not in chroma
    assert re.fullmatch(r"chromadb/chroma:\d+\.\d+\.\d+", chroma["image"]), "pin the image"
    for service in (agentmem, chroma):
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(
            compose["volumes"]
        )
