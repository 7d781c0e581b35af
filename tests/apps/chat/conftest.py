"""What the tests of chat share."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apps.chat.channels import make_channel
from apps.chat.models import Channel, Visible
from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.sample import load
from monolith import entering
from monolith.contracts import forget_decisions


@pytest.fixture
def in_chat() -> Iterator[None]:
    """Run the test as the module chat."""
    with entering("chat"):
        yield


@pytest.fixture
def vault() -> None:
    """The notes that ship."""
    load(embedder=default_embedder())


@pytest.fixture
def granted() -> Iterator[None]:
    """Let every user do everything of chat."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(Rule(action="chat.*", right="chat.use", reason="test"), by="command:test")
        compliance.make_grant(Grant(subject="user:*", right="chat.use", reason="test"), by="command:test")
    yield
    forget_decisions()


@pytest.fixture
def staff(client: Client, django_user_model: Any) -> Client:
    """A member of staff who is signed in."""
    client.force_login(django_user_model.objects.create_superuser("keeper", "keeper@example.org", "secret"))
    return client


@pytest.fixture
def channel() -> Channel:
    """A channel whose answers may be made of every note."""
    with entering("chat"):
        return make_channel(slug="help", title="Help", answers_from=Visible.ALL)
