"""Take the screenshots of docs/page.md: make screenshots."""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from agentmem import Granularity, InMemoryStore, MemoryController
from agentmem.testing import ManualClock
from tests.agentmem.server.page.browser import ADA, chromium, resize, serve
from tests.agentmem.server.page.story import tell

QUESTION = urlencode({"q": "What did I bake for the wedding?"})


# Of each view: its address, and the looks to keep.
LOOKS = {"": (1280, 860, False), "-dark": (1280, 860, True), "-phone": (390, 844, False)}


def main(out: Path) -> None:
    """Tell the story, and photograph every view of it."""
    out.mkdir(parents=True, exist_ok=True)
    clock = ManualClock(datetime(2025, 12, 1, tzinfo=UTC))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        MemoryController(InMemoryStore(), scope=ADA, clock=clock, linger=None) as memory,
    ):
        tell(memory, clock)
        with serve(memory, Path(folder)) as site, chromium(Path(folder) / "chromium") as driver:
            driver.get(site.link())
            for name, (address, looks) in views(memory).items():
                for look in looks:
                    width, height, dark = LOOKS[look]
                    resize(driver, width, height, dark=dark)
                    driver.get(site.url + address)
                    settle(driver)
                    if name == "search":
                        driver.execute_script("document.querySelector('details.why').open = true")
                    elif name == "forget":
                        driver.execute_script("document.querySelector('main form').requestSubmit()")
                        WebDriverWait(driver, 10).until(lambda d: "Receipt" in d.page_source)
                        settle(driver)
                    shoot(driver, out / f"{name}{look}.png")


def views(memory: MemoryController) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the address and the looks of each view; the last one deletes a memory."""
    turns = {m.text: m.id for m in memory.get_all(granularity=Granularity.TURN, limit=None)}
    dog = turns["We adopted a beagle called Biscuit from the shelter in Sintra."]
    snails = turns["Snails ate half of the basil within a week."]
    old_home = next(f.id for f in memory.facts(superseded=True) if f.value == "Lisbon")
    return {
        "overview": ("/", ("",)),
        "search": (f"/?{QUESTION}", ("", "-phone")),
        "recall": (f"/recall?{QUESTION}&max_tokens=600", ("",)),
        "timeline": ("/timeline?since=2026-04-01&until=2026-10-31", ("-dark",)),
        "portrait": ("/portrait", ("",)),
        "graph": ("/graph", ("", "-dark")),
        "memory": (f"/memory?id={dog}", ("", "-dark", "-phone")),
        "superseded": (f"/memory?id={old_home}", ("",)),
        "archive": ("/archive", ("", "-phone")),
        "forget": (f"/forget?id={snails}", ("",)),
    }


def settle(driver: Chrome) -> None:
    """Wait until fonts are loaded and what is drawn is there."""
    driver.execute_async_script(
        "const done = arguments[0]; document.fonts.ready.then(() => setTimeout(done, 250))"
    )


def shoot(driver: Chrome, file: Path) -> None:
    """Save what the viewport shows, in 256 colors, which these pages hardly exceed."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    few = picture.quantize(256, kmeans=3, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
