"""A server in a thread, and headless Chromium that looks at it."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from agentmem import MemoryController, Scope
from agentmem.server.app import create_app

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ADA = Scope("ada")


@dataclass(frozen=True)
class Site:
    """A running server; `new_link` returns an address that opens its page, once."""

    url: str
    memory: MemoryController
    new_link: object

    def link(self) -> str:
        assert callable(self.new_link)
        return str(self.new_link(self.url))


@contextmanager
def serve(memory: MemoryController, folder: Path, owner: Scope = ADA) -> Iterator[Site]:
    """Run the real application under uvicorn, on a free port of loopback."""
    app = create_app(memory, owner=owner, folder=folder)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
        try:
            yield Site(f"http://127.0.0.1:{port}", memory, app.state.server.new_link)
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """Start Debian's Chromium without a window, and with a profile of its own."""
    folder.mkdir(exist_ok=True)
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--hide-scrollbars",
        "--force-prefers-reduced-motion",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(str(CHROMEDRIVER), log_output=str(folder / "chromedriver.log"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


def resize(driver: webdriver.Chrome, width: int, height: int, *, dark: bool = False) -> None:
    """Set the size of the viewport, as a phone or a desktop has it, and the preferred colors."""
    scale = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", scale)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
