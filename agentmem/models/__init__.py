"""The chat model that runs here, without a key or a network."""

from ._asking import asked
from ._local_model import LocalChatModel, resolve_model

__all__ = ["LocalChatModel", "asked", "resolve_model"]
