"""Take the screenshots of docs/page.md: python -m tests.agentmem.server.page.screenshots FOLDER."""

from __future__ import annotations

import base64
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from agentmem import Granularity, InMemoryStore, MemoryController
from agentmem.testing import ManualClock
from tests.agentmem.server.page.browser import ADA, chromium, resize, serve
from tests.agentmem.server.page.story import tell

QUESTION = urlencode({"q": "What did I bake for the wedding?"})


def main(out: Path) -> None:
    """Tell the story, and photograph every view of it."""
    out.mkdir(parents=True, exist_ok=True)
    clock = ManualClock(datetime(2025, 12, 1, tzinfo=UTC))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        MemoryController(InMemoryStore(), scope=ADA, clock=clock, linger=None) as memory,
    ):
        tell(memory, clock)
        by_text = {m.text: m.id for m in memory.get_all(granularity=Granularity.TURN, limit=None)}
        dog = by_text["We adopted a beagle called Biscuit from the shelter in Sintra."]
        starter = by_text["I keep the starter in the fridge and feed it on Wednesdays."]
        old_home = next(f.id for f in memory.facts(superseded=True) if f.value == "Lisbon")
        snails = by_text["Snails ate half of the basil within a week."]
        with serve(memory, Path(folder)) as site, chromium(Path(folder) / "chromium") as driver:
            driver.get(site.link())
            views = {
                "overview": "/",
                "search": f"/?{QUESTION}",
                "recall": f"/recall?{QUESTION}&max_tokens=600",
                "timeline": "/timeline?since=2026-04-01&until=2026-10-31",
                "portrait": "/portrait",
                "graph": "/graph",
                "memory": f"/memory?id={dog}",
                "history": f"/memory?id={starter}",
                "superseded": f"/memory?id={old_home}",
                "archive": "/archive",
                "forget": f"/forget?id={snails}",
            }
            for name, address in views.items():
                for look, width, height, dark in (
                    ("", 1280, 860, False),
                    ("-dark", 1280, 860, True),
                    ("-phone", 390, 844, False),
                ):
                    resize(driver, width, height, dark=dark)
                    driver.get(site.url + address)
                    settle(driver)
                    if name == "search":
                        driver.execute_script("document.querySelector('details.why').open = true")
                    shoot(driver, out / f"page-{name}{look}.png")
            resize(driver, 1280, 860)
            driver.get(f"{site.url}/forget?id={snails}")
            driver.execute_script("document.querySelector('main form').requestSubmit()")
            WebDriverWait(driver, 10).until(lambda d: "Receipt" in d.page_source)
            shoot(driver, out / "page-receipt.png")


def settle(driver: Chrome) -> None:
    """Wait until fonts are loaded and what is drawn is there."""
    driver.execute_async_script(
        "const done = arguments[0]; document.fonts.ready.then(() => setTimeout(done, 250))"
    )


def shoot(driver: Chrome, file: Path) -> None:
    """Save what the viewport shows."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    file.write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
