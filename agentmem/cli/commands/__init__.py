"""The commands of `agentmem`, grouped by what they do; each module registers its own on the app."""

from agentmem.cli.commands import (  # noqa: F401
    chat,
    copy,
    draw,
    evaluate,
    facts,
    forget,
    learning,
    maintain,
    read,
    transfer,
    write,
)
