"""Files of others are those that VENDORED.toml lists."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

import agentmem

VENDOR = Path(agentmem.__file__).parent / "server" / "page" / "static" / "vendor"
FILES = tomllib.loads((VENDOR / "VENDORED.toml").read_text(encoding="utf-8"))["file"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["name"])
def test_a_file_is_the_one_of_its_package(file: dict[str, Any]) -> None:
    content = (VENDOR / file["name"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert (VENDOR / file["license_text"]).read_text(encoding="utf-8")
    assert {"package", "version", "path", "license"} <= file.keys()


def test_every_file_is_listed() -> None:
    names = {path.name for path in VENDOR.iterdir() if path.is_file()}
    assert names == {file["name"] for file in FILES} | {"VENDORED.toml"}
    texts = {f"licenses/{path.name}" for path in (VENDOR / "licenses").iterdir()}
    assert texts == {file["license_text"] for file in FILES}
