"""The agent loop: recall, prompt, call the model and tools, remember."""

from agentmem.agent.agent import Agent

__all__ = ["Agent"]
