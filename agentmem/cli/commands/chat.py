"""`chat`."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmem.cli.app import TALK, app, examples
from agentmem.cli.options import DEFAULT_STORE, DEFAULT_USER, Agent, Store, User

__all__ = ["chat"]


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        "agentmem chat --user ada",
        "agentmem chat --model ollama:llama3.2",
        "echo 'What is my dog called?' | agentmem chat",
    ),
)
def chat(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            envvar="AGENTMEM_MODEL",
            help="Any model of LangChain's init_chat_model, such as openai:gpt-5-mini; "
            "by default SmolLM2, offline.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Talk with an assistant that remembers."""
    from agentmem.cli.chat.app import run

    raise typer.Exit(run(store=store, user=user, agent=agent, model=model))
