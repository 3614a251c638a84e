"""The cache folder of the user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(part: str) -> Path:
    """Return the folder for a part of this package in the user's cache folder.

    The environment variable AGENTMEM_CACHE names another folder, for all parts.
    """
    override = os.environ.get("AGENTMEM_CACHE")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "agentmem" / part
