"""Optional stages after the search: another model looks at what was found."""

from ._refiner import Refiner, refined
from ._relevance import RelevanceFilter
from ._reranker import Reranker

__all__ = ["Refiner", "RelevanceFilter", "Reranker", "refined"]
