"""The report in a real browser: it draws, sorts, filters and fits; attacks in it do nothing."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
    ),
]

# Runs before the page: whatever an attack gets done is noted here.
CANARY = """
window.broken = [];
window.pwned = (how) => window.broken.push(`pwned ${how}`);
for (const name of ["alert", "confirm", "prompt", "open"]) {
  window[name] = () => window.broken.push(name);
}
window.addEventListener("securitypolicyviolation", (event) => {
  window.broken.push(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


class Browser:
    """Chromium with the report in it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def show(self, page: Path, size: str = "wide", scheme: str = "light") -> None:
        """Open a page from the disk and scroll through it until all is drawn."""
        width, height = SIZES[size]
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=size == "phone",
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.driver.get(page.as_uri())
        for plot in self.all(".plot"):
            self.run("arguments[0].scrollIntoView({behavior: 'instant'})", plot)
            WebDriverWait(self.driver, 30).until(lambda _, p=plot: p.get_attribute("data-drawn"))
        self.run("scrollTo({top: 0, behavior: 'instant'})")

    def command(self, name: str, **values: Any) -> None:
        self.driver.execute_cdp_cmd(name, values)

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def all(self, selector: str) -> list[WebElement]:
        found: list[WebElement] = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found

    def one(self, selector: str) -> WebElement:
        (found,) = self.all(selector)
        return found

    def names(self) -> list[str]:
        """The rows of the leaderboard that are shown, by name."""
        rows = self.all("#board tbody tr")
        return [
            row.find_element(By.CSS_SELECTOR, "th").text.split("\n")[0].removesuffix(" ★")
            for row in rows
            if row.is_displayed()
        ]

    def troubles(self) -> list[str]:
        """What the console said since the last call, and what the canary noted."""
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        return [*logged, *self.run("return window.broken")]

    def requests(self) -> list[str]:
        """Every address that the browser asked for since the last call."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CANARY})
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def shown(browser: Browser, page: Path) -> Browser:
    browser.show(page)
    return browser


def test_draws_every_plot_without_a_word_in_the_console(shown: Browser) -> None:
    assert shown.troubles() == []
    assert len(shown.all(".plot svg.main-svg")) >= len(shown.all(".plot")) > 12
    assert shown.all(".plot.missing") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_fits_and_can_be_read(browser: Browser, page: Path, size: str, scheme: str) -> None:
    browser.show(page, size, scheme)
    assert browser.troubles() == []
    assert browser.run("return document.documentElement.scrollWidth") <= SIZES[size][0]
    luminances = browser.run("""
      const style = getComputedStyle(document.body);
      return [style.color, style.backgroundColor].map((color) => {
        const part = color.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
          .map((value) => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
        return .2126 * part[0] + .7152 * part[1] + .0722 * part[2];
      });
    """)
    low, high = sorted(luminances)
    assert (luminances[1] > 0.5) == (scheme == "light")
    assert (high + 0.05) / (low + 0.05) > 7  # WCAG 2.2's AAA.


def test_sorts_by_every_heading_and_back(shown: Browser) -> None:
    before = shown.names()
    for head in shown.all("#board thead th"):
        shown.run("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", head)
        for _ in range(2):
            head.find_element(By.TAG_NAME, "button").click()
            column, order = head.get_property("cellIndex"), head.get_attribute("aria-sort")
            keys = shown.run(
                "return [...document.querySelectorAll('#board tbody tr')]"
                ".map((row) => row.cells[arguments[0]].dataset.sort)",
                column,
            )
            known = [key for key in keys if key]
            assert keys == [*known, *[""] * (len(keys) - len(known))]  # The unknown go last.
            if head.get_attribute("class") == "number":
                expected = sorted(map(float, known), reverse=order == "descending")
                assert list(map(float, known)) == expected
    assert sorted(shown.names()) == sorted(before)
    shown.all("#board thead button")[0].click()
    assert shown.names() == before


def test_sorts_by_keyboard(shown: Browser) -> None:
    head = shown.one('#board th[data-key="latency_us"]')
    button = head.find_element(By.TAG_NAME, "button")
    shown.run("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") == "ascending"


def test_filters(shown: Browser) -> None:
    everything = shown.names()
    shown.one("#filter").send_keys("trial 1")
    assert shown.names() == ["trial 1"]
    assert shown.one("#count").text == f"1 of {len(everything)}"
    shown.one("#filter").send_keys(Keys.ENTER)  # Sends no form anywhere.
    shown.one("#filter").clear()
    shown.one("#filter").send_keys(" ")
    shown.one("#kind").send_keys("baseline")
    assert set(shown.names()) == {"model2", "linear", "cell"}
    shown.one("#status").send_keys("failed")
    assert shown.names() == []
    shown.one("#kind").send_keys("all")
    assert shown.names() == ["trial 6"]
    assert shown.troubles() == []


@pytest.mark.parametrize("size", list(SIZES))
def test_attacks_do_nothing(browser: Browser, hostile_page: Path, size: str) -> None:
    browser.requests()
    browser.show(hostile_page, size)
    assert browser.run("return document.documentElement.scrollWidth") <= SIZES[size][0]
    # Everything that reacts to a pointer or to the keyboard gets one.
    labels = 0
    for plot in browser.all(".plot"):
        browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", plot)
        for part in (-0.35, -0.1, 0.05, 0.3):
            offset = int(part * min(plot.size["width"], SIZES[size][0] - 40))
            ActionChains(browser.driver, duration=0).move_to_element_with_offset(
                plot, offset, int(part * 60)
            ).pause(0.06).perform()
            labels += len(browser.all(".hoverlayer text"))
    assert labels > 10
    browser.run(
        "for (const each of document.querySelectorAll('*')) {"
        "  each.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));"
        "  if (each.focus) each.focus({preventScroll: true});"
        "}"
    )
    for head in browser.all("#board thead button")[:3]:
        browser.run("arguments[0].click()", head)
    browser.one("#filter").send_keys("<script>")
    assert browser.troubles() == []
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked == [hostile_page.as_uri()]
    assert browser.driver.title.startswith("<img src=x")
    assert browser.all("main img, main iframe, main script") == []
    assert browser.run("return document.querySelectorAll('a[href^=javascript]').length") == 0


def test_the_canary_would_sing(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<meta charset=utf-8><img src=x onerror=pwned('img')><script>alert(1)</script>")
    browser.driver.get(page.as_uri())
    WebDriverWait(browser.driver, 10).until(lambda _: len(browser.run("return window.broken")) > 1)
    assert set(browser.run("return window.broken")) == {"alert", "pwned img"}
    assert any(url.endswith("/x") for url in browser.requests())
    browser.troubles()


def test_the_policy_would_stop_what_got_through(
    browser: Browser, hostile_page: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    attack = (
        "<img src=http://127.0.0.1:9/x.png onerror=pwned('img')><script>pwned('tag')</script>"
        "<link rel=stylesheet href=http://127.0.0.1:9/x.css><main>"
    )
    page.write_text(hostile_page.read_text(encoding="utf-8").replace("<main>", attack, 1), "utf-8")
    browser.driver.get(page.as_uri())
    WebDriverWait(browser.driver, 20).until(lambda _: len(browser.run("return window.broken")) > 2)
    broken = browser.run("return window.broken")
    assert all(line.startswith("policy: ") for line in broken), broken
    browser.troubles()
