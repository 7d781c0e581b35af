"""Tokens, decisions and the audit of calls in the admin: who may do what, and what is shown where."""

import html
import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from monolith.tools import tokens
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision, Token, ToolCall
from monolith.tools.tokens import Identity
from tests.tool_calls import guest

pytestmark = pytest.mark.django_db(databases="__all__")

TOKENS: Final = "/admin/monolith_tools/token/"
DECISIONS: Final = "/admin/monolith_tools/decision/"
CALLS: Final = "/admin/monolith_tools/toolcall/"
NEW: Final[dict[str, Any]] = {
    "name": "assistant",
    "scopes": ["read:stars", "restricted:monolith"],
    "tenant": "",
    "days": "30",
    "calls_a_minute": "60",
    "units_a_day": "500",
}
SECRET: Final = re.compile(r"fmt_[\w-]{43}")
OPERATES: Final = "restricted:monolith"
REPLAY: Final = "monolith_replay_dead_letter"  # which asks a person


def signed_in(client: Client, *permissions: str) -> User:
    """Sign in a member of staff with these permissions and no others."""
    user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def asked(identity: Identity, job: str = "hikes/7") -> Decision:
    """Let an agent call a restricted tool: a person is asked about it."""
    assert call_tool(identity, REPLAY, {"job": job}).outcome == "undecided"
    return Decision.objects.get(arguments={"job": job})


def act(client: Client, page: str, action: str, *pks: Any, confirmed: bool = False) -> str:
    given = {"action": action, "_selected_action": [str(pk) for pk in pks]}
    answer = client.post(page, given | ({"confirmed": "yes"} if confirmed else {}), follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_a_new_token_has_what_was_chosen_and_its_secret_works(client: Client) -> None:
    user = signed_in(client, "view_token", "add_token")
    form = client.get(f"{TOKENS}add/").content.decode()
    for scope in ("read:*", "execute:hikes", "propose:chat", "restricted:monolith"):
        assert f'value="{scope}"' in form
    assert "_addanother" not in form

    page = client.post(f"{TOKENS}add/", NEW)

    token = Token.objects.get()
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert (token.scopes, token.calls_a_minute, token.units_a_day) == (
        ["read:stars", "restricted:monolith"],
        60,
        500,
    )
    assert token.made_by == f"user:{user.pk}"
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    [secret] = set(SECRET.findall(page.content.decode()))
    identity = tokens.authenticate(secret)
    assert identity is not None
    assert identity.id == token.pk


def test_a_secret_is_on_one_page_and_nowhere_else(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    signed_in(client, "view_token", "add_token")
    caplog.set_level("DEBUG")
    page = client.post(f"{TOKENS}add/", NEW)
    [secret] = set(SECRET.findall(page.content.decode()))
    key = Token.objects.get().pk

    kept = [str(cookie) for cookie in client.cookies.values()]
    kept += [str(session.get_decoded()) for session in Session.objects.all()]
    kept += [str(vars(entry)) for entry in LogEntry.objects.all()]
    kept += [caplog.text, str(page.headers)]
    kept += [
        client.get(address).content.decode() for address in (TOKENS, f"{TOKENS}{key}/change/", "/admin/")
    ]
    assert LogEntry.objects.count() == 1
    assert [text for text in kept if secret in text or "fmt_" in text] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["read:nowhere"]}, "is not one of the available choices"),
        ({"days": "367"}, "less than or equal to 366"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"name": "taken"}, "already exists"),
        ({"name": " "}, "This field is required"),
        ({"name": "un\u200bseen"}, "one line of at most 80 characters"),
    ],
)
def test_a_token_that_cannot_be_is_not_made(client: Client, wrong: dict[str, Any], said: str) -> None:
    signed_in(client, "view_token", "add_token")
    guest(name="taken")
    page = client.post(f"{TOKENS}add/", NEW | wrong)
    assert said in page.content.decode()
    assert list(Token.objects.values_list("name", flat=True)) == ["taken"]


def test_what_a_token_may_call_is_not_edited(client: Client) -> None:
    identity = guest(OPERATES)
    signed_in(client, "view_token", "add_token", "change_token", "delete_token")
    page = f"{TOKENS}{identity.id}/change/"
    assert 'name="name"' not in client.get(page).content.decode()
    assert client.post(page, NEW).status_code == 403
    assert client.post(f"{TOKENS}{identity.id}/delete/", {"post": "yes"}).status_code == 403
    assert Token.objects.get().scopes == [OPERATES]


def test_revoking_asks_and_then_holds_at_once(client: Client) -> None:
    signed_in(client, "view_token", "change_token")
    identity, other = guest(OPERATES), guest("read:stars")

    question = act(client, TOKENS, "revoke", identity.id)
    assert OPERATES in question
    assert not Token.objects.exclude(revoked_at=None).exists()

    assert "1 revoked." in act(client, TOKENS, "revoke", identity.id, confirmed=True)
    assert call_tool(identity, REPLAY, {"job": "hikes/7"}).outcome == "forbidden"
    assert call_tool(other, "stars_find_sites", {}).outcome == "succeeded"
    assert LogEntry.objects.get().change_message == "Revoked."
    assert "Nothing was done" in act(client, TOKENS, "revoke", identity.id, confirmed=True)


def test_who_may_only_look_neither_makes_nor_revokes_nor_decides(client: Client) -> None:
    identity = guest(OPERATES)
    decision = asked(identity)
    signed_in(client, "view_token", "view_decision")

    assert client.get(f"{TOKENS}add/").status_code == 403
    assert client.post(f"{TOKENS}add/", NEW).status_code == 403
    for page, action, pk in ((TOKENS, "revoke", identity.id), (DECISIONS, "approve", decision.pk)):
        act(client, page, action, pk, confirmed=True)
        row = f"{page}{pk}/change/"
        assert "CHANGE_FORM-action" not in client.get(row).content.decode()
        given = {"CHANGE_FORM-action": action, "CHANGE_FORM-select_across": "0", "_selected_action": str(pk)}
        assert client.post(row, given | {"confirmed": "yes"}).status_code == 403
    decision.refresh_from_db()
    assert Token.objects.get().revoked_at is None
    assert decision.status == "pending"


def test_an_approved_call_happens_once_and_says_who_approved(client: Client) -> None:
    user = signed_in(client, "view_decision", "change_decision")
    identity = guest(OPERATES)
    decision = asked(identity)

    question = act(client, DECISIONS, "approve", decision.pk)
    assert '"job": "hikes/7"' in question  # read before it is decided
    assert Decision.objects.get().status == "pending"
    assert "approved" in act(client, DECISIONS, "approve", decision.pk, confirmed=True)

    decision.refresh_from_db()
    assert (decision.status, decision.decided_by) == ("approved", f"user:{user.pk}")
    assert decision.decided_at is not None
    assert call_tool(identity, REPLAY, {"job": "hikes/7"}).outcome == "refused"  # by the tool: no such letter
    assert "it is used" in act(client, DECISIONS, "refuse", decision.pk, confirmed=True)
    decision.refresh_from_db()
    assert decision.status == "used"
    page = client.get(f"{DECISIONS}{decision.pk}/change/").content.decode()
    assert f"{CALLS}{ToolCall.objects.get(outcome='refused').pk}/change/" in page


def test_buttons_on_the_page_of_a_decision_are_there_while_it_is_open(client: Client) -> None:
    signed_in(client, "view_decision", "change_decision")
    decision = asked(guest(OPERATES))
    page = f"{DECISIONS}{decision.pk}/change/"
    shown = html.unescape(client.get(page).content.decode())
    assert '"job": "hikes/7"' in shown
    assert 'name="CHANGE_FORM-action" value="approve"' in shown

    given = {
        "CHANGE_FORM-action": "refuse",
        "CHANGE_FORM-select_across": "0",
        "_selected_action": str(decision.pk),
    }
    assert client.post(page, given).status_code == 302
    decision.refresh_from_db()
    assert decision.status == "refused"
    assert "CHANGE_FORM-action" not in client.get(page).content.decode()
    assert client.post(page, {"status": "approved"}).status_code == 403


@pytest.mark.parametrize("ended", ["time", "token"])
def test_a_decision_that_is_over_is_shown_so_and_stays_undecided(client: Client, ended: str) -> None:
    signed_in(client, "view_decision", "change_decision")
    decision = asked(guest(OPERATES))
    if ended == "time":
        Decision.objects.update(expires_at=timezone.now())
    else:
        tokens.revoke(decision.token.name)

    assert ">expired<" in client.get(f"{DECISIONS}{decision.pk}/change/").content.decode()
    assert str(decision.pk) in client.get(DECISIONS, {"state": "expired"}).content.decode()
    assert str(decision.pk) not in client.get(DECISIONS, {"state": "open"}).content.decode()
    said = act(client, DECISIONS, "approve", decision.pk, confirmed=True)
    assert "nothing was done, it is expired" in said
    decision.refresh_from_db()
    assert decision.status == "pending"


def test_decisions_that_wait_come_first_and_are_found_by_state(client: Client) -> None:
    signed_in(client, "view_decision", "change_decision")
    identity = guest(OPERATES)
    first, second, third = (asked(identity, f"hikes/{number}") for number in (1, 2, 3))
    act(client, DECISIONS, "refuse", third.pk, confirmed=True)
    Decision.objects.filter(pk=second.pk).update(expires_at=timezone.now())

    def listed(**given: str) -> list[str]:
        page = html.unescape(client.get(DECISIONS, given).content.decode())
        return re.findall(r"'hikes/(\d)'", page)

    assert listed()[0] == "1"
    assert set(listed()) == {"1", "2", "3"}
    assert set(listed(state="open")) == {"1"}
    assert set(listed(state="expired")) == {"2"}
    assert set(listed(state="refused")) == {"3"}
    assert listed(q=str(first.pk)) == ["1"]


def test_tokens_are_found_by_state(client: Client) -> None:
    signed_in(client, "view_token")
    for name in ("fine", "over", "ended"):
        guest(name=name)
    Token.objects.filter(name="over").update(expires_at=timezone.now())
    tokens.revoke("ended")
    for state, expected in {"good": "fine", "expired": "over", "revoked": "ended", "unused": "fine"}.items():
        page = client.get(TOKENS, {"state": state}).content.decode()
        assert [name for name in ("fine", "over", "ended") if f">{name}<" in page] == [expected]


def test_calls_are_found_by_what_they_were(client: Client) -> None:
    signed_in(client, "view_toolcall")
    one, two = guest("read:stars", name="one"), guest("read:hikes", name="two")
    call_tool(one, "stars_find_sites", {})
    call_tool(one, "hikes_find_walks", {})
    call_tool(two, "hikes_find_walks", {})
    call_tool(two, "no_such_<b>tool</b>", {})
    kept = {(call.token_name, call.tool): str(call.pk) for call in ToolCall.objects.all()}

    def listed(**given: str) -> set[str]:
        page = client.get(CALLS, given)
        assert page.status_code == 200
        assert b"<b>tool" not in page.content
        return {pk for pk in kept.values() if f"/{pk}/change/" in page.content.decode()}

    assert len(listed()) == 4
    assert listed(outcome="succeeded") == {kept["one", "stars_find_sites"], kept["two", "hikes_find_walks"]}
    assert listed(module="hikes") == {kept["one", "hikes_find_walks"], kept["two", "hikes_find_walks"]}
    assert listed(tag="read") == listed(outcome="succeeded")
    assert listed(module="stars", tool="stars_find_sites") == {kept["one", "stars_find_sites"]}
    assert listed(token=str(one.id)) == {pk for (name, _), pk in kept.items() if name == "one"}
    assert listed(q=kept["one", "stars_find_sites"]) == {kept["one", "stars_find_sites"]}
    assert listed(q=str(two.id)) == {pk for (name, _), pk in kept.items() if name == "two"}


def test_a_call_that_was_kept_is_looked_at_alone(client: Client) -> None:
    signed_in(client, "view_toolcall", "add_toolcall", "change_toolcall", "delete_toolcall")
    call_tool(guest(OPERATES), REPLAY, {"job": "hikes/7"})
    page = f"{CALLS}{ToolCall.objects.get().pk}/"
    assert '"job": "hikes/7"' in html.unescape(client.get(f"{page}change/").content.decode())
    assert client.get(f"{CALLS}add/").status_code == 403
    assert client.post(f"{page}change/", {"outcome": "succeeded"}).status_code == 403
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
