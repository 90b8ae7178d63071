"""The status page of a running demo, in a real browser, as somebody with a keyboard or a phone sees it."""

import time
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.e2e.running import ROOT, Demo

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]

PICTURES = ROOT / "build" / "status-page"
SCREENS = {"desktop": (1300, 900, "light"), "phone": (390, 844, "dark")}
PATIENCE = 300
SLOWLY = 60_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    try:
        wait_for(
            lambda: any("Ctrl-C" in line for line in running.lines) or running.process.poll() is not None
        )
        running.wait_for("/recommend/<userid>")
        yield running
    finally:
        if running.process.poll() is None:
            running.interrupt()


@pytest.fixture(scope="module")
def status_url(demo: Demo) -> str:
    """The page's address, as the demo's block says it, when it shows what viewers do."""
    url = demo.wait_for("Status page").split()[-1]
    wait_for(lambda: _measured(url))
    return url


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)


def _measured(url: str) -> bool:
    try:
        told = requests.get(f"{url}/data", timeout=10)
    except requests.ConnectionError:
        return False  # it is still starting
    return told.ok and bool(told.json()["quality"]["figures"] and told.json()["traffic"])


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser, status_url: str) -> Iterator[Page]:
    """The page, loaded, on each screen; nothing may have been complained of in the end."""
    width, height, scheme = SCREENS[request.param]
    opened = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda failed: complaints.append(f"{failed.url} {failed.failure}"))
    opened.set_default_timeout(SLOWLY)
    opened.goto(status_url)
    opened.wait_for_selector("#tiles dd")
    yield opened
    PICTURES.mkdir(parents=True, exist_ok=True)
    opened.evaluate("scrollTo(0, 0)")
    opened.screenshot(path=PICTURES / f"{request.node.name}.png", full_page=True)
    opened.close()
    assert complaints == []


def test_it_loads_and_tells_the_story(page: Page) -> None:
    page.wait_for_selector("#serving tr:nth-child(2)")
    page.wait_for_function("document.querySelectorAll('#experiment tbody tr').length == 4")
    models = page.inner_text("#serving tbody")
    assert "KNN_1_" in models and "KNN_2_" in models
    assert page.locator(".uplot canvas").count() == 7
    assert page.is_hidden("#troubles")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), (
        "it is wider than the screen"
    )


def test_it_refreshes_itself_and_can_be_paused(page: Page) -> None:
    before = page.inner_text("#tiles")
    page.wait_for_function("before => document.querySelector('#tiles').innerText != before", arg=before)
    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    told = page.inner_text("#updated")
    page.wait_for_timeout(6_000)
    assert page.inner_text("#updated") == told


def test_it_explains_a_user_with_the_keyboard_alone(page: Page, demo: Demo) -> None:
    user = int(demo.wait_for("$ curl -i").split("/")[-1])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(str(user))
    page.keyboard.press("Enter")
    page.wait_for_selector("#explanation li")
    movies = [movie.get_attribute("title") for movie in page.locator("#explanation li span").all()]
    answer = demo.recommend(user)
    assert movies and len(movies) == len(answer.text.split(","))
    head = page.inner_text("#explanation p")
    assert "because of" in page.inner_text("#explanation ol")
    assert all(answer.headers[name] in head for name in ("X-Arm", "X-Model", "X-Rung"))


def test_what_is_no_user_is_not_asked_for(page: Page) -> None:
    for wrong in ("", "seven", "7" * 19):
        page.fill("#user", wrong)
        page.keyboard.press("Enter")
        assert page.locator("#user:invalid").count() == 1
    assert page.inner_text("#explanation") == ""


def test_a_chart_is_read_with_arrow_keys(page: Page) -> None:
    chart = page.locator("#chart-requests .uplot")
    page.wait_for_function(
        "!document.querySelector('#chart-requests .u-legend').innerText.includes('\\u2013')"
    )
    latest = chart.locator(".u-legend").inner_text()
    chart.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert chart.locator(".u-legend").inner_text() != latest


def test_the_alerts_of_a_notification_are_shown(page: Page, status_url: str) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "SlowAnswers", "severity": "page"},
        "annotations": {"summary": "31% of the requests took longer than 750 ms."},
        "startsAt": "2026-11-25T16:40:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "a",
    }
    requests.post(
        status_url.replace("/status", "/alerts"), json={"alerts": [alert]}, timeout=5
    ).raise_for_status()
    page.wait_for_selector("#alerts .firing")
    assert "31% of the requests" in page.inner_text("#alerts")
