"""Headless Chromium uses the page of a real server over a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import quote, urlsplit

import pytest
from langchain_core.embeddings import Embeddings
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from agentmem import Granularity, MemoryController, MemoryNotFoundError, State
from agentmem.testing import ManualClock
from tests.agentmem.server.page.browser import (
    ADA,
    CHROMEDRIVER,
    CHROMIUM,
    Site,
    chromium,
    resize,
    serve,
)
from tests.agentmem.server.page.story import tell

pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and CHROMEDRIVER), reason="chromium is not installed; run make browser"
    ),
    pytest.mark.xdist_group("browser"),
]

QUESTION = "/?q=" + quote("What is my dog called?")
# Two for each way in which a text could leave its place: an element, an attribute, a link, the
# template, htmx, the data of the chart and the graph.
HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    '"><svg onload=window.hacked=3>',
    "' autofocus onfocus='window.hacked = 4'",
    "javascript:window.hacked=5",
    "[click](javascript:window.hacked=6)",
    "{{ 7 * 191 }} {% raw %} ${7 * 191}",
    "{{ cycler.__init__.__globals__ }}",
    "<div hx-get='/memory/sweep' hx-trigger='load'>hx</div>",
    "<a hx-on:click='window.hacked = 7'>hx</a>",
    "</script><script>window.hacked = 8</script>",
    "</textarea></title><script>window.hacked = 9</script>",
    "W" * 400,
]
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Views whose colors cover those of the others.
DARK = ("search", "memory", "graph")


@dataclass(frozen=True)
class Browser:
    """Chromium, logged in to a site."""

    driver: Chrome
    site: Site

    def open(self, address: str) -> None:
        self.driver.get(self.site.url + address)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str = "main") -> str:
        script = "return document.querySelector(arguments[0]).innerText"
        return str(self.driver.execute_script(script, selector))

    def wait(self, text: str, selector: str = "main") -> None:
        WebDriverWait(self.driver, 10, 0.05).until(
            lambda _: text in self.text(selector), f"{text!r} did not appear in {selector}"
        )

    def button(self, text: str, within: str = "main") -> WebElement:
        buttons = [b for b in self.all(f"{within} button, {within} a.button") if text in b.text]
        assert buttons, f"no button {text!r}"
        return buttons[0]

    def complaints(self) -> list[str]:
        """What the console reports: errors, and whatever the policy blocked."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] in ("SEVERE", "WARNING")
        ]


@pytest.fixture(scope="module")
def browser(embeddings: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("page")
    clock = ManualClock(datetime(2025, 12, 1, tzinfo=UTC))
    with MemoryController.open(
        folder / "store", scope=ADA, embeddings=embeddings, clock=clock, linger=None
    ) as memory:
        tell(memory, clock)
        with serve(memory, folder) as site, chromium(folder / "chromium") as driver:
            driver.get(site.link())
            yield Browser(driver, site)


@pytest.fixture(autouse=True)
def quiet_console(browser: Browser) -> Iterator[None]:
    """Each test starts on a desktop, and ends without an error or a blocked request."""
    resize(browser.driver, 1280, 800)
    browser.complaints()
    yield
    assert browser.complaints() == []


def turn(browser: Browser, text: str) -> str:
    turns = browser.site.memory.get_all(granularity=Granularity.TURN, limit=None)
    return next(memory.id for memory in turns if memory.text == text)


def views(browser: Browser) -> dict[str, str]:
    memory = browser.site.memory
    old_home = next(f.id for f in memory.facts(superseded=True) if f.value == "Lisbon")
    dog = turn(browser, "We adopted a beagle called Biscuit from the shelter in Sintra.")
    return {
        "overview": "/",
        "search": QUESTION,
        "recall": "/recall?q=" + quote("Summarize what we discussed about Biscuit"),
        "timeline": "/timeline",
        "portrait": "/portrait",
        "graph": "/graph",
        "archive": "/archive",
        "memory": f"/memory?id={dog}",
        "superseded": f"/memory?id={old_home}",
        "forget": f"/forget?id={dog}",
        "error": "/memory?id=unknown",
    }


def test_search_while_typing_and_the_reasons(browser: Browser) -> None:
    browser.open("/")
    assert "Messages" in browser.text(".tiles")
    browser.one("#q").send_keys("What is my dog called?")
    browser.wait("Confidence", "#results")
    first = browser.one(".hit")
    assert "beagle called Biscuit" in first.text
    assert [mark.text for mark in first.find_elements(By.TAG_NAME, "mark")] == ["called"]
    assert browser.one("#q") == browser.driver.switch_to.active_element
    assert "memories found" in browser.text("#notice")
    assert "q=What" in browser.driver.current_url
    first.find_element(By.TAG_NAME, "summary").click()
    assert "Meaning word by word" in first.find_element(By.TAG_NAME, "table").text


def test_recall_spends_another_budget(browser: Browser) -> None:
    browser.open("/recall?q=" + quote("What did I bake?") + "&max_tokens=800")
    lines = len(browser.all(".context .line"))
    assert "precise question" in browser.text("#results")
    slider = browser.one("#max-tokens")
    slider.send_keys(Keys.HOME)
    browser.wait("of 100 tokens", "#results")
    assert 0 < len(browser.all(".context .line")) < lines
    assert browser.one(".budget rect.form").get_attribute("width") != "0%"


def test_edit_a_fact(browser: Browser) -> None:
    browser.open("/portrait")
    [home] = browser.site.memory.facts(attribute="home")
    editor = browser.one(f"details.editor:has(input[value='{home.id}'])")
    editor.find_element(By.TAG_NAME, "summary").click()
    field = editor.find_element(By.NAME, "text")
    assert field.get_attribute("value") == "Porto"
    field.clear()
    field.send_keys("Gaia", Keys.ENTER)
    browser.wait("Saved", "#notice")
    browser.wait("Gaia", ".portrait")
    assert browser.site.memory.get(home.id).text == "home: Gaia"
    browser.open(f"/memory?id={home.id}")
    assert "Edited" in browser.text(".marks")
    assert "home: Porto" in browser.text(".history") or "Porto" in browser.text(".history")


def test_archive_and_bring_back(browser: Browser) -> None:
    memory = browser.site.memory
    nuno = turn(browser, "My colleague Nuno sails to the Azores every summer.")
    browser.open(f"/memory?id={nuno}")
    browser.button("Archive").click()
    browser.wait("Moved to the archive", "#notice")
    assert memory.get(nuno).state is State.ARCHIVED
    browser.open("/archive")
    row = browser.one(f".row:has(input[value='{nuno}'])")
    row.find_element(By.TAG_NAME, "button").click()
    browser.wait("Brought back", "#notice")
    assert browser.all(f".row:has(input[value='{nuno}'])") == []
    assert memory.get(nuno).state is State.ACTIVE
    # The button is gone; the focus is not lost with it.
    assert browser.driver.switch_to.active_element.get_attribute("id") == "results"


def test_pin_and_unpin(browser: Browser) -> None:
    basil = turn(browser, "I planted tomatoes and basil in the garden.")
    browser.open(f"/memory?id={basil}")
    browser.button("Pin").click()
    browser.wait("never fades")
    browser.button("Unpin").click()
    browser.wait("It fades again", "#notice")


def test_forget_with_a_receipt(browser: Browser) -> None:
    soup = turn(browser, "Clara's wedding was wonderful, the bread was gone before the soup.")
    browser.open(f"/memory?id={soup}")
    browser.button("Forget").click()
    browser.wait("cannot be undone")
    browser.button("Forget for good").click()
    browser.wait("Receipt")
    assert "1 message" in browser.text(".ledger")
    assert "soup" not in browser.text()
    with pytest.raises(MemoryNotFoundError):
        browser.site.memory.get(soup)
    browser.open(f"/memory?id={soup}")
    browser.wait("This memory is gone")
    # Chromium reports the answer 404 itself.
    assert all("404" in complaint for complaint in browser.complaints())


def test_the_graph_can_be_zoomed_and_filtered_and_the_chart_is_drawn(browser: Browser) -> None:
    browser.open("/graph")
    WebDriverWait(browser.driver, 10).until(lambda _: browser.all("#graph canvas"))
    rows = len(browser.all(".links tbody tr"))
    browser.one("[data-zoom=in]").click()
    browser.one("#topic").send_keys(Keys.ARROW_DOWN)
    WebDriverWait(browser.driver, 10).until(lambda _: len(browser.all(".links tbody tr")) < rows)
    assert "topic=" in browser.driver.current_url
    browser.open(views(browser)["memory"])
    WebDriverWait(browser.driver, 10).until(lambda _: browser.all("#curve canvas"))
    assert browser.text(".marks").count("Recalled") == 3


def test_no_view_overflows_and_axe_finds_nothing_serious(browser: Browser) -> None:
    """Every view in three widths; axe on a desktop, and in dark colors on a phone."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for name, address in views(browser).items():
        resize(browser.driver, 1280, 800)
        browser.open(address)
        browser.driver.execute_script(
            "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
        )
        browser.driver.execute_script(axe)
        assert serious(browser.driver) == [], name
        for width in (1280, 768, 360):
            resize(browser.driver, width, 800, dark=width == 360)
            # The chart and the graph are drawn again a moment after the size has changed.
            WebDriverWait(browser.driver, 5, 0.05).until(
                lambda driver: driver.execute_script(OVERFLOW) == 0, f"{name} at {width} px"
            )
        if name in DARK:
            assert serious(browser.driver) == [], f"{name}, dark"
    assert all("404" in complaint for complaint in browser.complaints())


def serious(driver: Chrome) -> list[str]:
    problems = driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations))"
    )
    return [
        f"{violation['id']}: {[node['html'] for node in violation['nodes'][:3]]}"
        for violation in problems
        if violation["impact"] in ("serious", "critical")
    ]


def test_everything_can_be_reached_with_the_keyboard(browser: Browser) -> None:
    browser.open("/archive")
    active = browser.driver.switch_to
    browser.one("body").send_keys(Keys.TAB)
    assert active.active_element.text == "Skip to content"
    active.active_element.send_keys(Keys.ENTER)
    reached = []
    for _ in range(4):
        active.active_element.send_keys(Keys.TAB)
        reached.append(active.active_element.text.partition("\n")[0])
    assert reached[0] == "Archive what has faded"
    assert "Bring back" in reached
    outline = browser.driver.execute_script(
        "return getComputedStyle(document.activeElement).outlineStyle"
    )
    assert outline == "solid"


def test_the_theme_is_switched_and_kept(browser: Browser) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser.open("/")
    light = browser.driver.execute_script(ground)
    browser.one("#theme").click()
    dark = browser.driver.execute_script(ground)
    assert dark != light
    browser.open("/archive")
    assert browser.driver.execute_script(ground) == dark
    browser.one("#theme").click()
    assert browser.driver.execute_script(ground) == light


def test_a_hostile_text_stays_text(browser: Browser) -> None:
    memory = browser.site.memory
    turns = memory.add(
        [{"role": "user", "content": text, "speaker": text} for text in HOSTILE],
        session_id="<b>hostile</b>",
    )
    fact = memory.facts(attribute="pet")[0]
    memory.update(fact.id, text=HOSTILE[0])
    for text, address in [
        *((text, "/?q=" + quote(text)) for text in HOSTILE[:8:3]),
        (HOSTILE[0], "/portrait"),
        (HOSTILE[1], "/timeline"),
        (HOSTILE[5], "/recall?max_tokens=2000&q=" + quote(HOSTILE[5])),
        (HOSTILE[0], "/graph"),
        *((turn.text, f"/memory?id={quote(turn.id)}") for turn in turns),
        (HOSTILE[10], f"/forget?id={quote(turns[10].id)}"),
    ]:
        browser.open(address)
        source = browser.text("main")
        assert text.split("'")[0][:20] in source or address.startswith("/graph"), (text, address)
        assert "1337" not in source, address
        assert browser.driver.execute_script("return window.hacked") is None, (text, address)
        links = browser.driver.execute_script("return [...document.links].map((a) => a.protocol)")
        assert set(links) == {"http:"}, address
        if text.startswith("W"):
            resize(browser.driver, 360, 800)
            WebDriverWait(browser.driver, 5, 0.05).until(
                lambda driver: driver.execute_script(OVERFLOW) == 0
            )
    memory.delete_session("<b>hostile</b>")


def test_no_request_leaves_the_machine(browser: Browser) -> None:
    browser.driver.get_log("performance")  # type: ignore[no-untyped-call]
    for address in list(views(browser).values())[:8]:
        browser.open(address)
    hosts = set()
    for entry in browser.driver.get_log("performance"):  # type: ignore[no-untyped-call]
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = urlsplit(message["params"]["request"]["url"])
            # Icons of Chromium's own controls are data: addresses.
            if url.scheme != "data":
                hosts.add(url.netloc)
    assert hosts == {urlsplit(browser.site.url).netloc}
