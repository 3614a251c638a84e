"""The web page of a server: search, recall, timeline, portrait, graph, archive, and every memory.

It is rendered on the server; htmx exchanges parts of it, and every form works without JavaScript
too. It loads nothing from elsewhere, which its content security policy enforces.
"""

from agentmem.server.page.routes import install_page

__all__ = ["install_page"]
