"""What commands share: options, groups of options, and opening what these name."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem import Client, Memory, MemoryController, Scope
    from agentmem.evaluation.cache import IngestCache
    from agentmem.evaluation.embedding_cache import CachedEmbeddings

__all__ = [
    "DEFAULT_STORE",
    "DEFAULT_USER",
    "EXPORT",
    "FIND",
    "MAINTAIN",
    "MEASURE",
    "SERVE",
    "STDOUT",
    "TALK",
    "CacheOptions",
    "DataFile",
    "Drills",
    "EmbeddingCache",
    "Json",
    "JsonFile",
    "JsonGroup",
    "K",
    "Kind",
    "OutputOptions",
    "OwnerOptions",
    "RestrictionOptions",
    "Seed",
    "Store",
    "Time",
    "User",
    "cached_embedder",
    "default_embedder",
    "examples",
    "expand",
    "find_memory",
    "open_embedded",
    "open_store",
    "store_folder",
    "with_groups",
]  # fmt: skip

# Panels of `agentmem --help`.
TALK = "Talk and write"
FIND = "Find"
MAINTAIN = "Maintain"
SERVE = "Serve and connect"
EXPORT = "Export and plot"
MEASURE = "Measure"

DEFAULT_STORE = Path("~/.agentmem")
DEFAULT_USER = "me"


def examples(*lines: str) -> str:
    """Return an epilog for `--help` that shows one command per line."""
    return "\n\n".join(["Examples:", *(f"- `{line}`" for line in lines)])


def _parse_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not an ISO 8601 time; write 2026-03-01 or 2026-03-01T09:30+01:00"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parse_granularity(text: str) -> str:
    from agentmem import Granularity

    names = [g.value for g in Granularity]
    if text not in names:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(names)}")
    return text


Store = Annotated[
    Path,
    typer.Option(
        "--store",
        "-s",
        envvar="AGENTMEM_STORE",
        help="Folder that holds the memories, or the address of a Chroma server.",
    ),
]
User = Annotated[
    str, typer.Option("--user", "-u", envvar="AGENTMEM_USER", help="User who owns the memories.")
]
Agent = Annotated[
    str | None,
    typer.Option(
        "--agent",
        envvar="AGENTMEM_AGENT",
        help="Use only what this agent remembers of the user.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
K = Annotated[int, typer.Option("--k", "-k", min=1, help="Maximum number of results.")]
Kind = Annotated[
    str | None,
    typer.Option(
        "--granularity",
        "-g",
        parser=_parse_granularity,
        metavar="turn|session|summary|keywords|topic|day|plan|fact",
        help="Granularity of the memories.",
        show_default=False,
    ),
]
# Keyword arguments of `typer.Option` for a point in time; without a time zone it is UTC.
Time: dict[str, Any] = {"parser": _parse_time, "metavar": "TIME", "show_default": False}
DataFile = Annotated[
    Path, typer.Argument(help="The data set's file, as published.", show_default=False)
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json",
        help="Write the results to this file as JSON. Without a file: print JSON on stdout, and "
        "tables on stderr.",
        show_default=False,
    ),
]
# The value of `--json` without a file.
STDOUT = Path("-")


class JsonGroup(TyperGroup):
    """Let `--json` stand alone also where it takes a file: Typer wants a value for it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command's name, the command, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        options = [p for p in getattr(command, "params", ()) if "--json" in p.opts]
        if not options or options[0].is_flag:
            return name, command, rest
        filled: list[str] = []
        for argument, following in zip(rest, [*rest[1:], "--"], strict=True):
            filled.append(argument)
            if argument == "--json" and following.startswith("-") and following != "-":
                filled.append(str(STDOUT))
        return name, command, filled


Drills = Annotated[
    bool,
    typer.Option(
        "--drills/--no-drills",
        help="Also learn from generated conversations about identifiers.",
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed.")]
EmbeddingCache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="AGENTMEM_CACHE",
        help="Folder that caches embeddings by content. Default: the system's cache folder.",
        show_default=False,
    ),
]


@cache
def default_embedder() -> Embeddings:
    """Return the default embedder, one per process."""
    from agentmem.cli.progress import show_waiting
    from agentmem.embedding.sentence_embeddings import default_embeddings
    from agentmem.progress import observe_waiting

    observe_waiting(show_waiting)
    return default_embeddings()


def cached_embedder(cache: Path | None) -> CachedEmbeddings:
    """Return the default embedder; what it embeds is read from a folder the next time."""
    from agentmem.evaluation.embedding_cache import CachedEmbeddings
    from agentmem.folders import cache_folder

    folder = cache_folder("eval") if cache is None else expand(cache)
    return CachedEmbeddings(default_embedder(), folder / "embeddings.sqlite")


def expand(path: Path) -> Path:
    """Return a path with `~` replaced by the user's home; see `agentmem.folders.expand_home`."""
    from agentmem.folders import expand_home

    return expand_home(path)


# Seconds to wait for another command, or for a server that is starting.
_LOCK_SECONDS = 20.0


def store_folder(store: Path) -> Path:
    """Return the folder that `--store` names.

    Raises:
        InvalidInputError: it names a Chroma server, which has no folder.
    """
    from agentmem.folders import expand_home, server_address
    from agentmem_stores import InvalidInputError

    if server_address(str(store)) is not None:
        raise InvalidInputError(f"--store {store} must be a folder; a server has none to write to")
    return expand_home(store).absolute()


@contextmanager
def open_store(
    store: Path,
    scope: Scope,
    *,
    create: bool = False,
    repair: bool = False,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[MemoryController | Client]:
    """Connect to the server that owns a store; if none runs, open the store, and close it again.

    Another command may have the store open for a moment, or a server may be about to start; so
    this waits for it.

    Args:
        create: make a store if there is none; for commands that write.
        repair: open it although index files are damaged.
        clock: returns the time, aware; a server has its own.

    Raises:
        StoreUnavailableError: there is no store, or it cannot be opened.
    """
    from agentmem.discovery import find_server
    from agentmem.folders import server_address
    from agentmem_stores import StoreLockedError

    folder = None if server_address(str(store)) else store_folder(store)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        server = None if folder is None else find_server(folder)
        if server is not None:
            from agentmem.client import connect

            with connect(server.url, token=server.token, scope=scope, timeout=600) as client:
                yield client
            return
        with ExitStack() as stack:
            try:
                memory = stack.enter_context(
                    open_embedded(store, scope, create=create, repair=repair, clock=clock)
                )
            except StoreLockedError:
                if folder is None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            yield memory
            return


@contextmanager
def open_embedded(
    store: Path,
    scope: Scope,
    *,
    create: bool = False,
    repair: bool = False,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[MemoryController]:
    """Open a store in this process, or connect to a Chroma server; see `open_store`."""
    from agentmem import EmbedderMismatchError, MemoryController, StoreUnavailableError
    from agentmem.folders import server_address
    from agentmem_stores import is_vacant

    path = str(store)
    if server_address(path) is None:
        path = str(store_folder(store))
        if not create and is_vacant(Path(path)):
            raise StoreUnavailableError(
                f"no store at {path}; create one with `agentmem add`, or pass --store"
            )
    try:
        memory = MemoryController.open(
            path, scope=scope, embeddings=default_embedder(), repair=repair, clock=clock
        )
    except EmbedderMismatchError:
        # The store was moved to another model, which it names.
        memory = MemoryController.open(path, scope=scope, repair=repair, clock=clock)
    with memory:
        yield memory


@dataclass(frozen=True)
class OwnerOptions:
    """Options that name a store and whose memories in it are meant."""

    store: Store = DEFAULT_STORE
    user: User = DEFAULT_USER
    agent: Agent = None

    @property
    def scope(self) -> Scope:
        """The owner.

        Raises:
            InvalidScopeError: the user's or the agent's name is not allowed.
        """
        from agentmem import Scope

        return Scope(self.user, self.agent)

    @contextmanager
    def open(self, *, create: bool = False) -> Iterator[MemoryController | Client]:
        """Open the owner's memory; see `open_store`."""
        with open_store(self.store, self.scope, create=create) as memory:
            yield memory


def _parse_filter(text: str) -> dict[str, Any]:
    import json

    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter(f"{text!r} is not a JSON object")
    return parsed


@dataclass(frozen=True)
class RestrictionOptions:
    """Options that restrict which memories are found or listed."""

    session: Annotated[
        str | None, typer.Option(help="Only this conversation.", show_default=False)
    ] = None
    role: Annotated[
        str | None,
        typer.Option(help="Only what this role said, or documents.", show_default=False),
    ] = None
    speaker: Annotated[
        str | None, typer.Option(help="Only what the person of this name said.", show_default=False)
    ] = None
    since: Annotated[
        datetime | None, typer.Option(help="Only what was said then or later.", **Time)
    ] = None
    until: Annotated[datetime | None, typer.Option(help="Only what was said before.", **Time)] = (
        None
    )
    filter: Annotated[
        Any,
        typer.Option(
            "--filter",
            parser=_parse_filter,
            metavar="JSON",
            help="Only memories with these metadata.",
            show_default=False,
        ),
    ] = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `search` and `get_all`."""
        return {
            "session_id": self.session,
            "role": self.role,
            "speaker": self.speaker,
            "since": self.since,
            "until": self.until,
            "filter": self.filter,
        }


@dataclass(frozen=True)
class CacheOptions:
    """Options that say what embeds conversations, and where they are cached once ingested."""

    embeddings: Annotated[
        str | None,
        typer.Option(
            help="A sentence-transformers model (name or folder), or a LangChain name such as "
            "openai:text-embedding-3-small. Default: MiniLM, offline.",
            show_default=False,
        ),
    ] = None
    cache: Annotated[
        Path | None,
        typer.Option(
            envvar="AGENTMEM_CACHE",
            help="Folder that caches ingested conversations. Default: the system's cache folder.",
            show_default=False,
        ),
    ] = None
    fresh: Annotated[bool, typer.Option("--fresh", help="Ingest again, ignoring the cache.")] = (
        False
    )

    def open(self) -> IngestCache:
        """Return the cache.

        Raises:
            MissingExtraError: the embedder needs a package that is not installed.
            InvalidInputError: there is no such embedder.
        """
        from agentmem.embedding.resolve import resolve_embeddings
        from agentmem.evaluation.cache import IngestCache, default_cache

        embedder = resolve_embeddings(self.embeddings) if self.embeddings else default_embedder()
        folder = expand(self.cache or default_cache())
        return IngestCache(folder, embedder, fresh=self.fresh)


def check_output(*paths: Path | None) -> None:
    """Check before hours of work that files can be written.

    Raises:
        StoreUnavailableError: a file's folder does not exist.
    """
    from agentmem import StoreUnavailableError

    for path in paths:
        if path not in (None, STDOUT) and not expand(path).absolute().parent.is_dir():
            raise StoreUnavailableError(f"cannot write {path}: no such folder")


@dataclass(frozen=True)
class OutputOptions:
    """Options that name files for results."""

    json: JsonFile = None
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the results to a .png, .svg or .pdf file.", show_default=False),
    ] = None

    def check(self) -> None:
        """Check before hours of work that the files can be written.

        Raises:
            InvalidInputError: the plot's suffix is not a picture's.
            MissingExtraError: matplotlib is not installed.
            StoreUnavailableError: a file's folder does not exist.
        """
        if self.plot is not None:
            from agentmem.plots import check_plot

            check_plot(self.plot)
        check_output(self.json, self.plot)


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options, each as one parameter.

    Typer makes one option of each parameter. This replaces a parameter whose annotation is a
    dataclass, such as `OwnerOptions`, by the fields of that dataclass, and passes the command an
    instance of it. So a group of options is declared once instead of in every command.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            parameters += _parameters(hints[name])
        else:
            parameters.append(
                parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            )

    def call(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__module__ = command.__module__
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def _parameters(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=hints[field.name],
        )


def find_memory(memory: MemoryController | Client, prefix: str) -> Memory:
    """Return the memory with this id, or the only one whose id starts with it.

    Raises:
        MemoryNotFoundError: no memory matches, or several do.
    """
    from agentmem import MemoryNotFoundError

    if prefix:
        with suppress(MemoryNotFoundError):
            return memory.get(prefix)
    matches = [m for m in memory.get_all(limit=None) if m.id.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise MemoryNotFoundError(
            f"no memory of {memory.scope} has an id that starts with {prefix!r}; "
            "`agentmem list` prints ids"
        )
    raise MemoryNotFoundError(
        f"{len(matches)} ids of {memory.scope} start with {prefix!r}; use a longer prefix"
    )
