"""Search memories: derived indexes, features, ranking, entropy routing and forgetting.

`SearchEngine` searches an `IndexedStore` and returns a `SearchResult`; `SearchSettings` and
`ForgettingCurve` configure it; `MemoryRetriever` is a LangChain retriever over a controller.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentmem_retrievers.engine import Query, SearchEngine
from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.forgetting import ForgettingCurve
from agentmem_retrievers.index.citations import Citation
from agentmem_retrievers.index.fact_index import FactRecord
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.quantized import encode_tokens
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.ranking.latest_value import AttributeClassifier
from agentmem_retrievers.ranking.scoring import Ranking, Weights
from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_retrievers.routing import Routing, normalized_entropy, route
from agentmem_retrievers.settings import PARTS, SearchSettings
from agentmem_retrievers.text.tokenize import tokenize

if TYPE_CHECKING:
    from agentmem_retrievers.langchain import MemoryRetriever

__all__ = [
    "PARTS",
    "AttributeClassifier",
    "Citation",
    "FactRecord",
    "ForgettingCurve",
    "IndexedStore",
    "MemoryRetriever",
    "Query",
    "QueryToken",
    "Ranking",
    "RecalledMemory",
    "Routing",
    "ScopeIndex",
    "SearchEngine",
    "SearchResult",
    "SearchSettings",
    "Weights",
    "encode_tokens",
    "normalized_entropy",
    "route",
    "tokenize",
]

# Names that version 0.1.0 exported here, by the module where their successors are. They work for
# one more release, with a DeprecationWarning.
_MOVED = {
    "features.late_interaction": {"AskedWord": "QueryToken", "LateInteraction": "LateInteraction"},
    "features.lexical": {
        "Features": "Features",
        "Floats": "Floats",
        "Lookup": "TermStats",
        "SoftLookup": "TermExpansion",
        "WIDE": "WIDE",
        "Wording": "LexicalFeatures",
        "bm25": "bm25",
        "idf": "idf",
    },
    "features.turn": {
        "TurnFeatures": "turn_features",
        "confidence_features": "coverage_features",
        "expanded": "rm1_scores",
    },
    "forgetting": {"rest_days": "rest_days"},
    "index.citations": {"LEARNED": "LEARNED", "Learning": "CitationIndex"},
    "index.fact_index": {
        "Key": "AttributeKey",
        "Ledger": "FactIndex",
        "SELF": "SELF",
    },
    "index.inverted_index": {
        "Embed": "Embed",
        "InvertedIndex": "InvertedIndex",
        "Kin": "SimilarTerm",
        "Vocabulary": "Vocabulary",
    },
    "index.quantized": {
        "Bits": "Codes",
        "Rounded": "QuantizedVectors",
        "Signs": "TokenCodes",
        "bits_of": "decode_tokens",
        "differing": "hamming_distances",
        "rounded": "quantize",
        "signs_of": "encode_tokens",
    },
    "index.table": {
        "Around": "ContextWindow",
        "NEAR": "NEAR",
        "NONE": "NONE",
        "Rows": "Rows",
        "Shown": "VisibilityMask",
        "Table": "Table",
    },
    "ranking.pipeline": {
        "confidence": "confidence",
        "TurnRanking": "TurnRanking",
        "weighed": "weighted_parts",
    },
    "ranking.scoring": {"Ranked": "Ranking", "part_of": "part_of"},
    "ranking.sessions": {
        "rank_sessions": "rank_sessions",
        "session_features": "session_features",
    },
    "results": {"Recall": "SearchResult"},
    "routing": {"normalised_entropy": "normalized_entropy"},
    "text.dates": {
        "Anchor": "EventAnchor",
        "MONTHS": "MONTHS",
        "Period": "PartialDate",
        "Span": "TimeSpan",
        "Window": "TimeSpan",
        "anchor_in": "find_anchor",
        "dates_in": "find_partial_dates",
        "spans_in": "find_time_spans",
        "speaks_of_time": "mentions_time",
        "windows_in": "find_windows",
    },
    "text.question": {
        "Question": "Question",
        "RELATIVES": "RELATIVES",
        "ends_asking": "ends_with_question",
    },
    "text.tokenize": {"stems_of": "stems_of", "words_in": "words_in"},
}
_DEPRECATED = {
    former: (f"{__name__}.{module}", name)
    for module, names in _MOVED.items()
    for former, name in names.items()
}


def __getattr__(name: str) -> Any:
    # Importing langchain-core's retrievers takes a third of a second, and few need them.
    if name == "MemoryRetriever":
        from agentmem_retrievers.langchain import MemoryRetriever

        return MemoryRetriever
    if name in _DEPRECATED:
        module, current = _DEPRECATED[name]
        warnings.warn(
            f"{__name__}.{name} is deprecated; use {module}.{current}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(module), current)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
