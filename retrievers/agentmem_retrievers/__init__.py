"""How memories are found: channels, router, fusion, graph and forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._around import *
from ._blas import *
from ._calendar import *
from ._confidence import *
from ._engine import *
from ._expansion import *
from ._features import *
from ._forgetting import *
from ._fusion import *
from ._index import *
from ._late import *
from ._learning import *
from ._ledger import *
from ._lexical import *
from ._lookup import *
from ._question import *
from ._ranking import *
from ._results import *
from ._rounded import *
from ._router import *
from ._sessions import *
from ._shown import *
from ._signs import *
from ._soft import *
from ._table import *
from ._vocabulary import *
from ._when import *
from ._wording import *
from ._words import *

if TYPE_CHECKING:
    from ._langchain import MemoryRetriever as MemoryRetriever


def __getattr__(name: str) -> Any:
    # langchain-core's retrievers take a third of a second to import, and few need them.
    if name != "MemoryRetriever":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._langchain import MemoryRetriever

    return MemoryRetriever
