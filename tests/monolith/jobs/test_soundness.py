"""Tasks that can be made and are not sound stop a process that would run them."""

import dataclasses
from typing import Any

import pytest
from pytest_django import Settings

from apps.hikes import tasks
from monolith import Profile, composed
from monolith.checks import check_tasks
from tests.monolith.jobs.toy import Toy


def endless() -> None:
    """Take as long as one likes."""


def messages() -> list[str]:
    return [str(message.msg) for message in check_tasks(None)]


def test_the_tasks_of_the_reference_application_are_sound() -> None:
    assert messages() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_limit_s": 0}, "apps.hikes.tasks: endless has no time limit."),
        (
            {"time_limit_s": 60, "lease_s": 60},
            "apps.hikes.tasks: endless may take 60 s, and its lease ends after 60 s.",
        ),
    ],
    ids=["limit", "lease"],
)
def test_an_unsound_task_is_an_error_where_jobs_run(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, settings: Settings, options: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(tasks, "endless", toy(endless, **options), raising=False)

    [error] = check_tasks(None)
    assert (error.id, error.msg, error.obj) == ("monolith.E010", message, "hikes")

    settings.MONOLITH = dataclasses.replace(composed(), profile=Profile.PUBLIC)
    assert messages() == []


def test_a_lease_that_outlasts_the_limit_is_sound(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "endless", toy(endless, time_limit_s=60, lease_s=61), raising=False)

    assert messages() == []
