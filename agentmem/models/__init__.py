"""The chat model that runs here, without a key or a network."""

from ._local_model import LocalChatModel, resolve_model

__all__ = ["LocalChatModel", "resolve_model"]
