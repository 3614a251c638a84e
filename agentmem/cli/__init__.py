"""The command line: `agentmem`, the same as `python -m agentmem`.

Modules here import nothing heavy at their top, so that `--help` is quick. Each module of
commands adds its own to the app.
"""

from . import (  # noqa: F401
    _bench,
    _chat,
    _copying,
    _crowd,
    _drawing,
    _eval,
    _fit,
    _forgetting,
    _keeping,
    _knowing,
    _learning,
    _moving,
    _partitions,
    _reading,
    _writing,
)
from ._app import app

__all__ = ["app"]
