"""Readers of conversation files: LoCoMo, LongMemEval, MemoryBank, and JSON lines."""

from ._locomo import LOCOMO_CATEGORIES
from ._reading import FORMATS, detect, read
from ._records import Dialogue, DialogueSession, DialogueTurn, Question

__all__ = [
    "FORMATS",
    "LOCOMO_CATEGORIES",
    "Dialogue",
    "DialogueSession",
    "DialogueTurn",
    "Question",
    "detect",
    "read",
]
