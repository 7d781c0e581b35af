"""The pages in a real browser: nothing leaves the host, and nothing breaks the content policy."""

from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model

from tests.system.browsing import browser, log_in, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def address() -> Iterator[str]:
    with serving() as found:
        yield found


def test_pages_load_nothing_from_elsewhere_and_keep_to_their_policy(address: str) -> None:
    get_user_model().objects.create_superuser("ada", password="lovelace")
    elsewhere: list[str] = []
    complaints: list[str] = []
    with browser(address, elsewhere, complaints) as page:

        def visit(path: str) -> None:
            page.goto(f"{address}{path}")
            page.wait_for_load_state("networkidle")
            complaints.extend(page.evaluate("window.violations"))

        visit("/")
        assert page.locator("h1").inner_text() == "What runs here"
        visit("/api/docs")
        page.locator(".opblock-get", has=page.locator("[data-path='/api/hikes/walks']")).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table .response-col_status").first.wait_for()
        complaints.extend(page.evaluate("window.violations"))
        visit("/admin/")
        log_in(page, address, "ada", "lovelace")
        lists = page.eval_on_selector_all(
            "a.addlink, .model-link, th[scope=row] a", "links => links.map(l => l.pathname)"
        )
        assert lists
        for path in sorted(set(lists)):
            visit(path)
    assert elsewhere == []
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_the_front_page_can_be_read(address: str, scheme: str) -> None:
    """Every text has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    with browser(address, [], []) as page:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(address)
        assert page.evaluate(LOWEST_CONTRAST) >= 4.5


LOWEST_CONTRAST = """
() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}
"""
