"""Admin pages of tenant tables."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path
from pytest_django import Settings

from monolith import entering
from monolith.contracts import acting
from monolith.module import PLATFORM
from monolith.tenancy.admin import HINT, TenantAdmin
from tests.monolith.tenancy.toy import Hut

site = admin.AdminSite()
HUTS = "/admin/hikes/hut/"


class HutAdmin(TenantAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The toy's huts, of any tenant but one."""

    fields = ["name"]
    list_display = ["name"]
    log_addition = log_change = log_deletions = lambda *_: None  # type: ignore[assignment]  # it has no content type

    def may_serve(self, request: object, tenant: str) -> bool:
        return tenant != "secret"


site.register(Hut, HutAdmin)
urlpatterns = [path("admin/", site.urls)]


class Browser(Client):
    """A client whose requests come in as the host's, as they do in a server."""

    def request(self, **request: Any) -> Any:
        with entering(PLATFORM):
            return super().request(**request)


@pytest.fixture
def browser(tenant_tables: None, settings: Settings) -> Client:
    settings.ROOT_URLCONF = __name__
    for tenant, name in (("a", "alm"), ("b", "berg")):
        with acting(tenant=tenant):
            Hut.objects.create(name=name)
    client = Browser()
    with entering(PLATFORM):
        client.force_login(User.objects.create_superuser("root"))
    return client


def test_list_shows_the_tenant_of_its_address(browser: Client) -> None:
    page = browser.get(HUTS, {"tenant": "a"}).content.decode()

    assert "alm" in page
    assert "berg" not in page
    assert '<input id="tenant-filter" name="tenant" value="a" required>' in page
    assert HINT not in page


def test_list_without_a_tenant_shows_no_row_and_says_why(browser: Client) -> None:
    page = browser.get(HUTS).content.decode()

    assert "alm" not in page
    assert "berg" not in page
    assert HINT in page
    assert "addlink" not in page


def test_row_is_added_and_changed_for_the_tenant_of_the_address(browser: Client) -> None:
    added = browser.post(f"{HUTS}add/?_changelist_filters=tenant%3Da", {"name": "new"})
    assert added.status_code == 302
    assert added.headers["location"] == f"{HUTS}?tenant=a"
    with acting(tenant="a"):
        hut = Hut.objects.get(name="new")

    changed = browser.post(f"{HUTS}{hut.pk}/change/?_changelist_filters=tenant%3Da", {"name": "newer"})
    assert changed.status_code == 302
    other = browser.post(f"{HUTS}{hut.pk}/change/?_changelist_filters=tenant%3Db", {"name": "theirs"})
    assert other.headers["location"] == "/admin/"  # there is no such row

    with acting(tenant="a"):
        assert set(Hut.objects.values_list("name", flat=True)) == {"alm", "newer"}
    with acting(tenant="b"):
        assert set(Hut.objects.values_list("name", flat=True)) == {"berg"}


def test_rows_of_the_tenant_alone_are_deleted(browser: Client) -> None:
    with acting(tenant="b"):
        berg = Hut.objects.get()
    chosen = {"action": "delete_selected", "_selected_action": [str(berg.pk)], "post": "yes"}

    browser.post(f"{HUTS}?tenant=a", chosen)
    with acting(tenant="b"):
        assert Hut.objects.count() == 1
    browser.post(f"{HUTS}?tenant=b", chosen)
    with acting(tenant="b"):
        assert Hut.objects.count() == 0


def test_tenant_that_the_user_may_not_serve_is_refused(browser: Client) -> None:
    assert browser.get(HUTS, {"tenant": "secret"}).status_code == 403
