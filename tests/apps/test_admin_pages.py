"""Every list and page that the admin has, from its registry: few statements, and none per row."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from monolith.admin.pages import ModuleAdmin
from monolith.composition import composed
from tests.admin_rows import ROWS, addresses, make_rows, registered

pytestmark = pytest.mark.django_db(databases="__all__")

BUDGET: Final = 20
VALUE: Final = re.compile(
    r"'[^']*'|\b\d+\b"
)  # of which a statement that comes once per row has others each time


@pytest.fixture
def keeper(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper"))
    make_rows()
    return client


@contextmanager
def counting() -> Iterator[Counter[tuple[str, str]]]:
    """Count the statements of the block on all connections, by connection and text."""
    found: Counter[tuple[str, str]] = Counter()
    with ExitStack() as stack:
        captured = {
            alias: stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in connections
        }
        yield found
        for alias, queries in captured.items():
            found.update((alias, VALUE.sub("?", query["sql"])) for query in queries.captured_queries)


def test_every_table_of_a_module_has_bounded_lists() -> None:
    """Built on the framework's base, a list counts no further than its bound."""
    unbounded = [
        model._meta.label
        for model, pages in registered()
        if model._meta.app_label in composed().modules and not isinstance(pages, ModuleAdmin)
    ]
    assert unbounded == []


def test_every_page_takes_few_statements_and_none_per_row(keeper: Client) -> None:
    too_many, repeated = {}, {}
    for address in addresses():
        with counting() as found:
            answer = keeper.get(address)
        assert answer.status_code == 200, address
        if found.total() > BUDGET:
            too_many[address] = found.total()
        if worst := [(sql, n) for (_, sql), n in found.items() if n >= ROWS - 1]:
            repeated[address] = worst
    assert too_many == {}
    assert repeated == {}
