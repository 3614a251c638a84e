"""The agent: prompt, turn, tools and the loop around a chat model."""

from ._agent import Agent
from ._input import scope_of, session_of
from ._quoting import quote

__all__ = ["Agent", "quote", "scope_of", "session_of"]
