"""`serve`, `mcp` and `token`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.options import (
    DEFAULT_STORE,
    SERVE,
    Json,
    OwnerOptions,
    Store,
    examples,
    open_embedded,
    store_folder,
    with_groups,
)
from agentmem.cli.terminal import line, note, plain, print_json

if TYPE_CHECKING:
    from agentmem.server.app import ServerState

__all__ = ["app", "mcp", "serve", "token_app"]

app = typer.Typer()
token_app = typer.Typer(
    no_args_is_help=True, help="Create, list and revoke the tokens of a server."
)

_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command(
    rich_help_panel=SERVE,
    epilog=examples(
        "agentmem serve --store ./memories --user ada",
        "agentmem serve --port 8377 --idle-timeout 900",
    ),
)
@with_groups
def serve(
    owner: OwnerOptions,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. Any other than loopback requires tokens."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks one.")] = 8377,
    chroma: Annotated[
        str | None,
        typer.Option(
            envvar="AGENTMEM_CHROMA",
            help="Address of a Chroma server that holds the memories instead of the folder.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further name of the server, as a proxy sends it.", show_default=False),
    ] = None,
    rate_limit: Annotated[
        float, typer.Option(min=0.0, help="Requests per second of one token; 0 for no limit.")
    ] = 100.0,
    idle_timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Stop after so many seconds without a request.", show_default=False
        ),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link/--no-link", help="Print a link that opens the page.")
    ] = True,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
) -> None:
    """Serve a store to many clients: REST, MCP at /mcp and a web page.

    The other commands, hooks and `agentmem mcp` find the server by a file in the store's folder.
    """
    import agentmem.server  # noqa: F401 - first, because it says which extra is missing
    from agentmem.server.limits import Limits
    from agentmem.server.logs import configure_logging
    from agentmem.server.run import ServeOptions, require_tokens
    from agentmem.server.run import serve as run

    configure_logging(log_level)
    options = ServeOptions(
        folder=store_folder(owner.store),
        owner=owner.scope,
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        idle_timeout=idle_timeout,
        limits=Limits(rate=rate_limit),
    )

    # Before seconds are spent on opening the store.
    require_tokens(options)

    def ready(url: str, state: ServerState) -> None:
        note(f"agentmem serves {options.folder} at {url}")
        if link:
            note(f"open the page: {state.new_link(url)}")

    # Tokens and the address stay in the folder.
    store = owner.store if chroma is None else Path(chroma)
    with open_embedded(store, owner.scope, create=True) as memory:
        run(memory, options, ready)


@app.command(
    rich_help_panel=SERVE,
    epilog=examples("agentmem mcp --user ada", "agentmem install claude-code"),
)
@with_groups
def mcp(
    owner: OwnerOptions,
    idle_timeout: Annotated[
        float,
        typer.Option(min=1.0, help="Idle seconds after which a server started here stops."),
    ] = 900.0,
) -> None:
    """Speak MCP on stdin and stdout, for an editor or another client.

    This never opens the store. It uses the server that owns it, and starts one if none runs.
    """
    from agentmem.bridge.stdio import run as bridge

    bridge(
        store_folder(owner.store),
        user=owner.scope.user_id,
        agent=owner.scope.agent_id,
        idle_timeout=idle_timeout,
    )


def _parse_age(text: str) -> timedelta:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90d, 12h or 30m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@token_app.command(
    epilog=examples(
        "agentmem token create --user ada --name laptop",
        "agentmem token create --user ada --read-only --expires 90d",
    )
)
@with_groups
def create(
    owner: OwnerOptions,
    name: Annotated[
        str, typer.Option(help="Name of the client; recorded with what it writes.")
    ] = "",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Allow no writes; searches strengthen nothing.")
    ] = False,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=_parse_age,
            metavar="AGE",
            help="Lifetime of the token: 90d, 12h.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create a token for one owner, and print it. Only its digest is stored."""
    from agentmem.server.auth import TokenStore

    until = None if expires is None else datetime.now(UTC) + expires
    text = TokenStore(store_folder(owner.store)).create(
        owner.scope, name=name, read_only=read_only, expires_at=until
    )
    typer.echo(text)


@token_app.command("list", epilog=examples("agentmem token list --store ./memories"))
@with_groups
def list_tokens(store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """List tokens, without their secrets."""
    from agentmem.server.auth import TokenStore

    tokens = TokenStore(store_folder(store)).all()
    if as_json:
        print_json(
            [
                {
                    "id": token.id,
                    "name": token.name,
                    "user_id": token.user_id,
                    "agent_id": token.agent_id,
                    "read_only": token.read_only,
                    "created_at": token.created_at,
                    "expires_at": token.expires_at,
                }
                for token in tokens
            ]
        )
        return
    for token in tokens:
        rights = "read-only" if token.read_only else "read and write"
        until = "expired" if token.expired else f"until {token.expires_at or 'revoked'}"
        owner = str(token.principal.scope)
        typer.echo(f"{token.id}  {line(token.name)}  {line(owner)}  {rights}  {until}")
    if not tokens:
        note("no tokens")


@token_app.command(epilog=examples("agentmem token revoke 3f2a9c1b"))
@with_groups
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="An id that `list` prints.")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Revoke a token."""
    from agentmem.server.auth import TokenStore

    token = TokenStore(store_folder(store)).revoke(token_id)
    note(f"revoked {plain(token.name)}")
