"""The agent loop: search memories, build the prompt, call the model and its tools, write."""

from agentmem.agent.agent import Agent

__all__ = ["Agent"]
