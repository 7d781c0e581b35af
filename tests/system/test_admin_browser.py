"""The admin's pages in a real browser: what it complains of, what fails to load, and whether text can be read."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass
class Visit:
    """A walk through the admin, and what was wrong on it."""

    page: Page
    pictures: Path
    complaints: list[str]
    faint: dict[str, list[str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def look(self, path: str) -> None:
        """Judge the page that is open, in light and dark. Rows have no picture in the dark: lists show the same."""
        self.complaints.extend(f"{path}: {each}" for each in self.page.evaluate("window.violations"))
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme=scheme)
            if found := self.page.evaluate(FAINT_TEXTS):
                self.faint[f"{path} ({scheme})"] = found
            if scheme == "light" or not path.endswith(("/change/", "/add/")):
                name = picture_of(path, scheme)
                self.page.screenshot(path=self.pictures / name, full_page=True)
                self.taken.add(name)


def test_pages_of_the_admin_have_no_errors_and_can_be_read(address: str, pictures: Path) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []
    paths = list(addresses())  # here: the browser runs an event loop
    with browser(address, elsewhere, complaints) as page:
        log_in(page, address, "ada", "lovelace")
        visit = Visit(page, pictures, complaints)
        for path in paths:
            page.goto(f"{address}{path}")
            visit.look(path)
        _make_and_revoke_a_token(visit, f"{address}/admin/monolith_tools/token/")
    assert elsewhere == []
    assert complaints == []
    assert visit.faint == {}
    assert len(visit.taken) > len(paths)
    assert {picture.name for picture in pictures.glob("admin-*.png")} == visit.taken


def _make_and_revoke_a_token(visit: Visit, address: str) -> None:
    page = visit.page
    page.goto(f"{address}add/")
    page.fill("#id_name", "browser")
    page.get_by_label("read:stars").check()
    page.click("[name=_save]")
    assert page.inner_text("#secret").startswith("fmt_")
    visit.look("/admin/monolith_tools/token/made")
    page.get_by_role("link", name="The token").click()
    page.get_by_role("button", name="Revoke").click()
    visit.look("/admin/monolith_tools/token/revoke")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("1 revoked.").wait_for()


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
() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = new Map([[null, "rgb(255, 255, 255)"]]);  // what is behind an element, looked up once for each
  const ground = (element) => {
    if (!grounds.has(element)) {
      const color = getComputedStyle(element).backgroundColor;
      grounds.set(element, channels(color)[3] === 0 ? ground(element.parentElement) : color);
    }
    return grounds.get(element);
  };
  const ratios = new Map();  // of two colours, of which a page has few
  const contrast = (element) => {
    const colors = [getComputedStyle(element).color, ground(element)];
    const pair = colors.join();
    if (!ratios.has(pair)) {
      const [a, b] = colors.map(light);
      ratios.set(pair, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return ratios.get(pair);
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.tagName !== "OPTION" && [...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim()))
    .filter((e) => e.checkVisibility())
    .map((e) => [contrast(e), e])
    .filter(([ratio]) => ratio < 4.5)
    .map(([ratio, e]) => `${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 40)}`);
}
"""
