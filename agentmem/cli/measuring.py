"""Options of the commands that measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "MEASURE", "Ablate", "Cache", "Consolidate", "Embeddings", "File", "Fresh", "JsonFile",
    "Judge", "K", "Limit", "Model", "Plot", "Rerank", "Seed",
]  # fmt: skip

# The panel of `agentmem --help` that these commands stand in.
MEASURE = "Measure"

File = Annotated[
    Path, typer.Argument(help="The data set's file, as it is published.", show_default=False)
]
K = Annotated[
    int, typer.Option("--k", "-k", min=1, help="How many memories a question finds, at most.")
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Ask only the first so many questions, and ingest only the conversations they need.",
        show_default=False,
    ),
]
Embeddings = Annotated[
    str | None,
    typer.Option(
        help="A sentence-transformers model (name or folder), or a LangChain name such as "
        "openai:text-embedding-3-small; MiniLM, offline, by default.",
        show_default=False,
    ),
]
Ablate = Annotated[
    bool, typer.Option("--ablate", help="Also with each part of the search off (or on) in turn.")
]
Consolidate = Annotated[
    bool,
    typer.Option("--consolidate", help="Also after `agentmem consolidate`, on a copy."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Let this model answer from what is found (any of LangChain's init_chat_model) and "
        "mark its words: token-F1 and exact match, normalised as in SQuAD.",
        show_default=False,
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(help="Let this model judge the answers of --model.", show_default=False),
]
Rerank = Annotated[
    str | None,
    typer.Option(
        help="Let this sentence-transformers cross-encoder (name or folder) order the best 50 "
        "turns anew.",
        show_default=False,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        envvar="AGENTMEM_CACHE",
        help="Where ingested conversations are kept for the next run; by default the system's "
        "folder for caches.",
        show_default=False,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ingest anew, whatever is kept.")]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="Write everything to this file as JSON.", show_default=False),
]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw it: a .png, .svg or .pdf.", show_default=False),
]
Seed = Annotated[int, typer.Option(help="What is generated; the same seed makes the same.")]
