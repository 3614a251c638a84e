"""Chat models: the one that runs here, and how any of them is asked."""

from ._asking import asked, pieces
from ._json import clean, framed, objects_in
from ._local_model import LocalChatModel, resolve_model

__all__ = ["LocalChatModel", "asked", "clean", "framed", "objects_in", "pieces", "resolve_model"]
