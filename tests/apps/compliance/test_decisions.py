"""How the gate decides, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.compliance.decisions import Holding, Need, Question, decide
from apps.compliance.patterns import (
    patterns_matching,
    validate_pattern,
    validate_right,
    validate_subject,
)
from contracts.compliance import Outcome

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
QUESTION = Question(tenant="", subject="user:7", action="knowledge.publish", resource="note:moon")
PUBLISH = Need("knowledge.publish", WEEK)
EDIT = Need("knowledge.edit", timedelta(0))


def test_what_no_rule_mentions_is_denied_and_says_so() -> None:
    decision = decide(QUESTION, needs=[], holdings={}, now=NOW)
    assert decision.outcome is Outcome.DENY
    assert "a rule for knowledge.publish on note:moon" in decision.missing[0]


def test_every_right_that_is_needed_must_be_held_and_each_missing_one_is_named() -> None:
    held = {"knowledge.edit": Holding(None)}
    assert decide(QUESTION, needs=[PUBLISH, EDIT], holdings=held, now=NOW).missing == (
        "the right knowledge.publish on note:moon for user:7. Grant it under Compliance > Grants",
    )
    held["knowledge.publish"] = Holding(None)
    allowed = decide(QUESTION, needs=[PUBLISH, EDIT], holdings=held, now=NOW)
    assert (allowed.outcome, allowed.missing, allowed.ends_at) == (Outcome.ALLOW, (), None)


def test_a_right_that_ended_is_missing_and_says_since_when() -> None:
    held = {"knowledge.publish": Holding(NOW - timedelta(hours=1))}
    decision = decide(QUESTION, needs=[PUBLISH], holdings=held, now=NOW)
    assert decision.outcome is Outcome.DENY
    assert "it ended 2026-11-21 11:00 UTC" in decision.missing[0]


def test_a_tenant_is_named_with_what_is_missing() -> None:
    question = Question("acme", QUESTION.subject, QUESTION.action, QUESTION.resource)
    assert "for user:7 in tenant acme" in decide(question, needs=[PUBLISH], holdings={}, now=NOW).missing[0]


@pytest.mark.parametrize(
    ("left", "outcome"),
    [
        (timedelta(0), Outcome.DENY),
        (timedelta(microseconds=1), Outcome.EXPIRING),
        (WEEK, Outcome.EXPIRING),
        (WEEK + timedelta(microseconds=1), Outcome.ALLOW),
    ],
)
def test_a_right_expires_within_the_notice_and_is_gone_at_its_end(left: timedelta, outcome: Outcome) -> None:
    decision = decide(QUESTION, needs=[PUBLISH], holdings={PUBLISH.right: Holding(NOW + left)}, now=NOW)
    assert decision.outcome is outcome
    assert decision.ends_at == (NOW + left if decision.allowed else None)


def test_the_first_right_to_end_decides_when_it_ends_and_each_has_its_own_notice() -> None:
    first, last = NOW + timedelta(days=1), NOW + timedelta(days=2)
    held = {"knowledge.edit": Holding(first), "knowledge.publish": Holding(last)}
    decision = decide(QUESTION, needs=[PUBLISH, EDIT], holdings=held, now=NOW)
    assert (decision.outcome, decision.ends_at) == (Outcome.EXPIRING, first)
    held["knowledge.publish"] = Holding(NOW + 2 * WEEK)
    assert decide(QUESTION, needs=[PUBLISH, EDIT], holdings=held, now=NOW).outcome is Outcome.ALLOW


ENDS = st.one_of(st.none(), st.timedeltas(-2 * WEEK, 2 * WEEK).map(lambda left: NOW + left))


@given(st.dictionaries(st.sampled_from("abcd"), ENDS), st.sets(st.sampled_from("abcd")))
def test_allowed_means_that_every_right_needed_holds(
    held: dict[str, datetime | None], needed: set[str]
) -> None:
    decision = decide(
        QUESTION,
        needs=[Need(right, WEEK) for right in needed],
        holdings={right: Holding(end) for right, end in held.items()},
        now=NOW,
    )
    lacking = [right for right in needed if right not in held or not _later(held[right])]
    assert decision.allowed == (bool(needed) and not lacking)
    assert len(decision.missing) == (len(lacking) if needed else 1)


def _later(end: datetime | None) -> bool:
    return end is None or end > NOW


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("user:7", ["*", "user:*", "user:7"]),
        ("note:draft/a.b", ["*", "note:*", "note:draft/*", "note:draft/a.*", "note:draft/a.b"]),
        ("plain", ["*", "plain"]),
    ],
)
def test_a_name_fits_itself_a_star_and_its_beginnings(name: str, patterns: list[str]) -> None:
    assert patterns_matching(name) == patterns


@given(st.text(min_size=1, max_size=20, alphabet="ab.:/ü"))
def test_every_pattern_that_a_name_fits_is_a_valid_one(name: str) -> None:
    for pattern in patterns_matching(name):
        validate_pattern(pattern)


@pytest.mark.parametrize("pattern", ["*", "user:*", "ships.ingest", "note:draft/*", "a b", "über.*"])
def test_patterns_are_taken(pattern: str) -> None:
    validate_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "fix"),
    [
        ("", "write \\* for anything"),
        ("user:1*", "put one of . : / before the star"),
        ("*.publish", "one star, at the end"),
        ("a.**", "one star, at the end"),
        ("a\nb", "one line"),
        ("a\x00", "one line"),
        ("a\n", "one line"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_fix(pattern: str, fix: str) -> None:
    with pytest.raises(ValidationError, match=fix):
        validate_pattern(pattern)


@pytest.mark.parametrize("subject", ["*", "user:*", "user:7", "command:ingest_nmea", "agent:acme/*"])
def test_subjects_are_taken(subject: str) -> None:
    validate_subject(subject)


@pytest.mark.parametrize(
    ("subject", "fix"),
    [
        ("7", "write user:7"),
        ("User:7", "write user:User:7"),
        ("user:", "kind"),
        ("user:1*", "before the star"),
    ],
)
def test_what_names_no_subject_is_refused_with_the_fix(subject: str, fix: str) -> None:
    with pytest.raises(ValidationError, match=fix):
        validate_subject(subject)


@pytest.mark.parametrize("right", ["", "ingest", "ships.*", "Ships.ingest", "ships.", "ships ingest"])
def test_what_is_no_right_is_refused_with_the_fix(right: str) -> None:
    with pytest.raises(ValidationError, match=r"ships\.ingest"):
        validate_right(right)
    validate_right("ships.ingest")
