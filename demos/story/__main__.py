"""`python -m demos.story`: three conversations in three processes, weeks and months apart.

Needs no input, no network and no API key, and takes about a minute. It writes a store and pictures
to the folder `--out`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agentmem import AgentMemError
from agentmem.models.local_model import LocalChatModel
from demos.story.acts import ACTS, play

_OUT = Path("demo-output")


def main(arguments: list[str] | None = None) -> int:
    """Play the story, or one act of it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demos.story", description=__doc__)
    parser.add_argument("--out", type=Path, default=_OUT, help="output folder")
    parser.add_argument("--act", type=int, choices=range(1, len(ACTS) + 1), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.act is not None:
        return _play(options.act, options.out)
    return _play_all(options.out)


def _play(number: int, out: Path) -> int:
    try:
        play(ACTS[number - 1], out, LocalChatModel(max_new_tokens=48))
    except AgentMemError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _play_all(out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "store", ignore_errors=True)
    for number in range(1, len(ACTS) + 1):
        command = [sys.executable, "-m", "demos.story", "--act", str(number), "--out", str(out)]
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            return done.returncode
    console = Console(highlight=False)
    console.print()
    console.print(
        Text("The end. Continue the conversation:", style="italic magenta"), justify="center"
    )
    command_line = f"agentmem chat --store {out / 'store'} --user ada"
    console.print(Text(command_line, style="bold"), justify="center")
    return 0


if __name__ == "__main__":
    sys.exit(main())
