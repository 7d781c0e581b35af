"""The front page of each tier, and what else a browser asks for."""

from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from monolith import Profile, composed
from tests.monolith.http_toy import NAME, toy_client


class Page(HTMLParser):
    """What a page refers to and how it is built."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.addresses += [value for name in ("href", "src") if (value := given.get(name))]
        if tag == "html":
            self.language = given.get("lang")
        runs = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if runs or tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(tag)


@pytest.mark.parametrize("profile", [Profile.PUBLIC, Profile.PRIVATE])
def test_the_front_page_says_what_runs_here_and_links_it(settings: object, profile: Profile) -> None:
    response = toy_client(settings, profile).get("/")
    page = Page(response.text)
    for module in composed().modules.values():
        assert module.display_title in response.text
    assert {"/api/docs", "/api/openapi.json", "/healthz", "/readyz"} <= set(page.addresses)
    assert ("/admin/" in page.addresses) == (profile is Profile.PRIVATE)


@pytest.mark.parametrize("address", ["/", "/api/docs", "/nowhere"])
def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(client: Client, address: str) -> None:
    page = Page(client.get(address, headers={"accept": "text/html"}).text)
    assert page.inline == []
    assert page.language == "en"
    assert "main" in page.tags
    assert all(a.startswith(("/", "#")) and not a.startswith("//") for a in page.addresses)


def test_what_pages_load_is_served(client: Client) -> None:
    from django.contrib.staticfiles import finders

    for address in ("/", "/api/docs"):
        assets = [a for a in Page(client.get(address).text).addresses if a.startswith("/static/")]
        assert assets
        assert all(finders.find(asset.removeprefix("/static/")) for asset in assets)


def test_routes_without_parameters_are_a_click_away(client: Client) -> None:
    page = Page(client.get("/").text)
    routes = {a for a in page.addresses if a.startswith("/api/") and "#" not in a}
    opened = {route: client.head(route).status_code for route in routes if "{" in route}
    assert opened == {}
    assert any(a.startswith("/api/docs#/") for a in page.addresses)


def test_docs_send_the_token_on_the_private_tier_alone(settings: object) -> None:
    assert "data-csrf" in toy_client(settings, Profile.PRIVATE).get("/api/docs").text
    public = toy_client(settings, Profile.PUBLIC).get("/api/docs")
    assert "data-csrf" not in public.text
    assert public.cookies == {}


def test_robots_read_nothing_private(client: Client) -> None:
    assert "Disallow: /\n" in client.get("/robots.txt").text


def test_the_icon_is_found_where_browsers_look(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].startswith("/static/monolith/favicon")


def test_the_admin_asks_to_sign_in(client: Client) -> None:
    assert client.get("/admin")["Location"] == "/admin/"
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


@pytest.mark.django_db(databases="__all__")
def test_a_stale_login_form_gets_a_page_that_says_so() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/admin/login/", {"username": "ada"}, headers={"accept": "text/html"})
    assert response.status_code == 403
    assert "token is missing or stale" in response.text


@pytest.mark.django_db(databases="__all__")
def test_every_module_has_its_admin_page(client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("ada", password="x"))
    index = client.get("/admin/")
    assert index.status_code == 200
    for address in sorted({a for a in Page(index.text).addresses if a.startswith(f"/admin/{NAME}/")}):
        assert client.get(address).status_code == 200
