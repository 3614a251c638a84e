"""`chat`."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmem.cli.options import TALK, OwnerOptions, examples, with_groups

__all__ = ["app", "chat"]

app = typer.Typer()


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        "agentmem chat --user ada",
        "agentmem chat --model ollama:llama3.2",
        "echo 'What is my dog called?' | agentmem chat",
    ),
)
@with_groups
def chat(
    owner: OwnerOptions,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            envvar="AGENTMEM_MODEL",
            help="A model name for LangChain's init_chat_model, such as openai:gpt-5-mini. "
            "Default: SmolLM2, offline.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Chat with an assistant that remembers."""
    from agentmem.cli.chat.app import run

    raise typer.Exit(run(store=owner.store, user=owner.user, agent=owner.agent, model=model))
