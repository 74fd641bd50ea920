"""The console in a real browser: by keyboard alone, as wide as a phone, light and dark."""

import shutil
from contextlib import ExitStack

import pytest

from region_stage import SETTINGS, Regions
from servers import Browser, Cluster, Redis, Worker, until
from school import attached_school

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
TAB, ENTER = ("Tab", 9), ("Enter", 13)
SKIP_LINK, MAIN, REMEDY, FUNCTIONS, SLOW = "a.skip", "main#main", "button", "div h-functions", "div h-slow"

# What has the focus, with the width of its outline and whether it is within the window.
FOCUSED = """(() => {
    const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
    const name = at.localName + (at.className === 'skip' ? '.skip' : at.id ? '#' + at.id : at.getAttribute('aria-labelledby') ? ' ' + at.getAttribute('aria-labelledby') : '');
    return [name, style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth), box.left >= 0 && box.right <= innerWidth && box.bottom > 0 && box.top < innerHeight];
})()"""
# [text, its colour, the ground under it] of all that is shown: the nearest ground that is not transparent.
COLOURS = """[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).map((e) => {
    let under = e;
    while (under && getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)') under = under.parentElement;
    return [e.textContent.trim(), getComputedStyle(e).color, getComputedStyle(under ?? document.body).backgroundColor];
})"""


@pytest.fixture(scope="module")
def watched(ground):
    """A worker with something to say: two findings with a remedy each, functions that were called, and a slow call."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(ground, "console-pg", {"shared_preload_libraries": "$libdir/white_cross", "white_cross.slow_query_threshold": 0}))
        redis = stack.enter_context(Redis(ground, "console-redis"))
        school = attached_school(cluster, "console")
        stack.enter_context(school.connection)
        school.allow_worker()
        school.psql("ALTER TABLE allergies DISABLE TRIGGER white_cross_change; DROP TRIGGER white_cross_truncate ON chronic_conditions")
        for function in "wc_health_summary", "wc_growth_chart":
            school.psql(f"SELECT {function}('nobody')")
        yield stack.enter_context(Worker(ground, school.worker_dsn, redis, "console-worker"))


@pytest.fixture
def console(watched):
    """A browser that shows the console, as wide as a phone."""
    with ExitStack() as stack:
        browser = Browser()
        stack.callback(browser.close)
        browser.resize(400, 800)
        browser.open(f"{watched.url}/console")
        until(lambda: browser.evaluate("document.querySelectorAll('#findings button').length === 2 && document.querySelectorAll('#slow tr').length > 1"), 30,
              "the console to show what there is")
        yield browser


def too_wide(console, width):
    """What is wider than the window, but for what scrolls by itself."""
    wider = console.evaluate("""[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, .skip') && e.getBoundingClientRect().right > innerWidth)
                                .map((e) => e.outerHTML.slice(0, 100))""")
    return wider or console.evaluate("document.documentElement.scrollWidth") > width


def tab_stops(console):
    """[(what, the width of its outline, whether it is seen)] of each press of Tab, round the page once."""
    stops = []
    for _ in range(50):
        console.press(*TAB)
        stop = tuple(console.evaluate(FOCUSED))
        if stops and stop[0] in ("body", stops[0][0]):
            return stops
        stops.append(stop)
    raise AssertionError(f"Tab does not come round: {stops}")


@pytest.mark.parametrize("width", [320, 400, 1100])
def test_nothing_is_wider_than_the_window(console, width):
    console.resize(width, 800)
    assert not too_wide(console, width)


@pytest.mark.parametrize("width", [400, 1100])
def test_tab_goes_to_all_there_is_to_do_and_shows_where_it_is(console, width):
    """In a wide window the tables do not scroll, and Chromium stops at them for their tabindex alone, as other browsers always do."""
    console.resize(width, 800)
    stops = tab_stops(console)
    assert [name for name, _, _ in stops] == [SKIP_LINK, REMEDY, REMEDY, FUNCTIONS, SLOW]
    assert all(outline >= 2 and is_seen for _, outline, is_seen in stops), stops


def test_the_first_key_leads_past_the_heading(console):
    console.press(*TAB)
    console.press(*ENTER)
    assert console.evaluate(FOCUSED)[0] == MAIN


@pytest.mark.parametrize("setting, answer", [("granted", "Copied"), ("denied", "Selected: press Ctrl+C")])
def test_a_remedy_is_taken_by_enter_and_the_focus_outlives_what_the_page_asks(console, watched, setting, answer):
    """Where a browser gives a page no clipboard, the remedy is selected."""
    for permission in "clipboard-read", "clipboard-write":
        console.call("Browser.setPermission", permission={"name": permission}, setting=setting, origin=watched.url)
    for _ in range(3):
        console.press(*TAB)
    remedy = console.evaluate("document.activeElement.previousElementSibling.textContent")
    console.press(*ENTER)
    said = until(lambda: next((text for text in [console.evaluate("document.activeElement.textContent")] if text != "Copy the remedy"), None), 10, "the button to answer")
    assert said == answer
    assert console.evaluate("navigator.clipboard.readText()" if setting == "granted" else "getSelection().toString()", awaited=True).strip() == remedy.strip()
    before = console.evaluate("document.getElementById('age').textContent")
    until(lambda: console.evaluate("document.getElementById('age').textContent") != before, 30, "the page to ask again")
    assert console.evaluate("document.activeElement.textContent") == said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_its_ground(console, scheme):
    """WCAG 2.2, contrast of at least 4.5 to 1."""
    console.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    texts = console.evaluate(COLOURS)
    assert len(texts) > 30
    grounds = {ground for _, _, ground in texts}
    assert all((luminance(ground) > 0.5) == (scheme == "light") for ground in grounds), grounds
    weak = {(text, colour, ground) for text, colour, ground in texts if contrast(colour, ground) < 4.5}
    assert not weak


# ---- several Redis ----

TARGETS = """[...document.querySelectorAll('#targets tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"""


@pytest.fixture
def regions(ground):
    """A browser, as narrow as a phone, that shows a worker with two Redis; and these."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(ground, "regions-pg"))
        servers = {name: stack.enter_context(Redis(ground, f"regions-{name}")) for name in ("near", "far")}
        school = attached_school(cluster, "regions")
        stack.enter_context(school.connection)
        school.allow_worker()
        worker = stack.enter_context(Worker(ground, school.worker_dsn, Regions(servers), "regions-worker", SETTINGS))
        browser = Browser()
        stack.callback(browser.close)
        browser.resize(320, 800)
        browser.open(f"{worker.url}/console")
        yield browser, servers


def test_one_redis_has_no_table_of_its_own(console):
    assert console.evaluate("document.getElementById('several').checkVisibility()") is False


def test_each_of_several_redis_has_its_line(regions):
    console, servers = regions
    until(lambda: [row[:3] for row in console.evaluate(TARGETS)] == [["near", "idle", "yes"], ["far", "idle", "yes"]], 30, "the console to show both")
    servers["far"].stop()
    until(lambda: [row[:3] for row in console.evaluate(TARGETS)] == [["near", "idle", "yes"], ["far", "no redis", "no"]], 30, "the console to show that one is away")
    assert console.evaluate("document.getElementById('state').textContent") == "no redis"
    assert "far" in console.evaluate("document.getElementById('detail').textContent")
    assert not too_wide(console, 320)
    names = [name for name, _, _ in tab_stops(console)]
    assert names[0] == SKIP_LINK and "div h-targets" in names
    for scheme in "light", "dark":
        console.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        texts = console.evaluate(COLOURS)
        assert {"near", "no redis", "idle"} <= {text for text, _, _ in texts}
        assert not {text for text, colour, ground in texts if contrast(colour, ground) < 4.5}
    servers["far"].start()
    until(lambda: [row[:3] for row in console.evaluate(TARGETS)] == [["near", "idle", "yes"], ["far", "idle", "yes"]], 30, "the console to show that it is back")


def luminance(colour):
    """WCAG's relative luminance of rgb(r, g, b)."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1:-1].split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)
