"""The agent: prompt, turn, tools and the loop around a chat model."""

from ._agent import Agent
from ._input import scope_of, session_of
from ._quoting import quote, quote_exactly

__all__ = ["Agent", "quote", "quote_exactly", "scope_of", "session_of"]
