"""The server: one process that owns a store and answers REST, MCP and the page.

It needs the extra `server`. `agentmem.client` talks to it without the extra's web framework.
"""

from __future__ import annotations

from agentmem_stores import MissingExtraError

try:
    import fastapi as _fastapi  # noqa: F401
    import mcp as _mcp  # noqa: F401
    import uvicorn as _uvicorn  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        f"the server needs {error.name}; pip install 'ebbinghaus-agentmem[server]'"
    ) from error
