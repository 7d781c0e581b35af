"""The admin's pages in a real browser: what it complains of, what fails to load, and whether text can be read."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page

from tests.admin_rows import addresses, make_rows
from tests.system.browsing import browser, log_in, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]

SCHEMES: Final[tuple[Literal["light"], Literal["dark"]]] = ("light", "dark")


@pytest.fixture
def address() -> Iterator[str]:
    get_user_model().objects.create_superuser("ada", password="lovelace")
    make_rows()
    with serving() as found:
        yield found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures of the pages go: TEST_PICTURES, or a temporary directory."""
    folder = Path(os.environ.get("TEST_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("admin-*.png"):
        old.unlink()
    return folder


def picture_of(path: str, scheme: str) -> str:
    """Name a page without the key of its row, which is another each time."""
    name = re.sub(r"/[^/]+/change/", "/change/", path).partition("?tenant")[0]
    return f"{re.sub(r'[^a-z]+', '-', name).strip('-')}-{scheme}.png"


def test_pages_of_the_admin_have_no_errors_and_can_be_read(address: str, pictures: Path) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []
    faint: dict[str, list[str]] = {}
    paths = list(addresses())  # here: the browser runs an event loop
    with browser(address, elsewhere, complaints) as page:
        log_in(page, address, "ada", "lovelace")
        for path in paths:
            page.goto(f"{address}{path}")
            complaints.extend(f"{path}: {each}" for each in page.evaluate("window.violations"))
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                if found := page.evaluate(FAINT_TEXTS):
                    faint[f"{path} ({scheme})"] = found
                page.screenshot(path=pictures / picture_of(path, scheme), full_page=True)
    assert elsewhere == []
    assert complaints == []
    assert faint == {}
    assert len(list(pictures.glob("admin-*.png"))) == len(paths) * len(SCHEMES)


def test_a_broken_page_is_seen(address: str) -> None:
    """The other test can fail: each kind of trouble is recorded."""
    complaints: list[str] = []
    with browser(address, [], complaints) as page:
        page.goto(f"{address}/admin/login/")
        _break(page)
    assert any("violates" in each for each in complaints)
    assert any("404: " in each for each in complaints)
    assert any("on purpose" in each for each in complaints)


def _break(page: Page) -> None:
    page.evaluate("document.body.setAttribute('onclick', 'alert(1)'); document.body.click()")
    page.evaluate("fetch('/there-is-no-such-page')")
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('on purpose'); })")


FAINT_TEXTS: Final = """
async () => {
  await Promise.all(document.getAnimations().map((change) => change.finished.catch(() => null)));
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
  const contrast = (element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && e.tagName !== "OPTION" && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => [contrast(e), e])
    .filter(([ratio]) => ratio < 4.5)
    .map(([ratio, e]) => `${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 40)}`);
}
"""
