"""What every tool of the reference application is called with, in an order in which each needs only those before it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from tests.apps.ships.nmea import VESSEL, position

type Arguments = dict[str, Any]
type Earlier = Mapping[str, Any]
"""What tools have answered, by name."""

TENANT: Final = "sample"
"""Whose token calls what agents share work with; what is about all tenants takes a token of none."""
# Rules and grants without which the gate lets no token write, run by `manage.py shell -c`.
LET_TOKENS_IN: Final = f"""
from apps.compliance import services
from apps.compliance.models import Grant, Rule
from monolith import entering
with entering("compliance"):
    for module in ("agent", "chat", "home", "knowledge", "ships"):
        services.make_rule(Rule(action=module + ".*", right=module + ".use"), by="user:1")
        for tenant in ("", "{TENANT}"):
            services.make_grant(Grant(subject="token:*", right=module + ".use", tenant=tenant), by="user:1")
"""
GPX: Final = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>Over the hill</name><trkseg>
<trkpt lat="54.0" lon="-3.0"><ele>100</ele></trkpt>
<trkpt lat="54.03" lon="-3.0"><ele>400</ele></trkpt>
</trkseg></trk></gpx>
"""


def valid_arguments(run: str) -> Mapping[str, Arguments | Callable[[Earlier], Arguments]]:
    """Return the arguments of each tool that needs some; `run` keeps those of several runs apart."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    channel = {"channel": f"{run}-help"}
    return {
        **_agent(run, tomorrow),
        "chat_make_channel": {"slug": f"{run}-help", "title": "Help"},
        "chat_post_message": {"idempotency_key": "one", "text": "Good morning to you all.", **channel},
        "chat_get_message": lambda e: {"message": e["chat_post_message"]["message"]["id"], **channel},
        "chat_ask_question": {"idempotency_key": "two", "text": "What does a module require?", **channel},
        "chat_list_messages": channel,
        "chat_make_summary": channel,
        "chat_list_summaries": channel,
        "chat_add_reminder": {"text": "Look.", "due_at": tomorrow, **channel},
        "chat_cancel_reminder": lambda e: {"reminder": e["chat_add_reminder"]["id"]},
        "chat_request_delivery": {
            "idempotency_key": "one",
            "sender": "channel",
            "target": f"{run}-help",
            "text": "It is done.",
        },
        "chat_get_delivery": lambda e: {"delivery": e["chat_request_delivery"]["delivery"]["id"]},
        "chat_decide_delivery": {"delivery": 1, "arrived": True},
        "chat_set_trust": {"whose": "user:1", "score": 100, "reason": "A test."},
        "compliance_check_permission": {"action": "chat.post", "resource": f"channel:{run}-help"},
        "hikes_find_walks": {},
        "hikes_get_walk": lambda e: {"slug": e["hikes_find_walks"]["result"][0]["slug"]},
        "hikes_upload_walk": {"gpx": GPX},
        "hikes_edit_walk": {"slug": "over-the-hill", "summary": "Up."},
        "hikes_publish_walk": {"slug": "over-the-hill"},
        "hikes_retire_walk": {"slug": "over-the-hill"},
        "home_list_slos": {},
        "home_list_slo_history": lambda e: {"service": e["home_list_slos"]["items"][0]["slug"]},
        "home_list_samples": lambda e: {"service": e["home_list_slos"]["items"][0]["slug"]},
        "home_edit_slo": lambda e: {"service": e["home_list_slos"]["items"][0]["slug"], "target_pct": 99.0},
        "knowledge_create_note": {
            "title": f"Note of {run}",
            "body": "Modules say what they require.",
            "tags": ["a"],
        },
        "knowledge_get_note": lambda e: {"slug": e["knowledge_create_note"]["slug"]},
        "knowledge_edit_note": lambda e: {
            "slug": e["knowledge_create_note"]["slug"],
            "revision": e["knowledge_create_note"]["revision"],
            "body": "Modules say what they provide.",
        },
        "knowledge_dispute_note": lambda e: {
            "slug": e["knowledge_create_note"]["slug"],
            "claim": "provide",
            "reason": "And require.",
        },
        "knowledge_publish_note": lambda e: {
            "slug": e["knowledge_create_note"]["slug"],
            "revision": e["knowledge_edit_note"]["revision"],
        },
        "knowledge_propose_note": {"title": "A proposal", "body": "Words."},
        "knowledge_ingest_raw": {"idempotency_key": run, "text": "A text."},
        "knowledge_search_notes": {"text": "modules"},
        "monolith_explain_route": {"name": "knowledge.search"},
        "monolith_replay_dead_letter": {"job": "hikes/1"},
        "scheduler_run_now": {"idempotency_key": run, "task": "apps.hikes.tasks.prune"},
        "scheduler_get_job": lambda e: {"job": "{module}/{job}".format(**e["scheduler_run_now"])},
        "scheduler_replay_job": {"job": "hikes/1"},
        "scheduler_discard_job": {"job": "hikes/1"},
        "scheduler_switch_schedule": {"module": "hikes", "name": "apps.hikes.tasks.prune", "enabled": True},
        "ships_ingest_sentences": {"text": position().decode()},
        "ships_find_vessels": {"near": {"latitude": 55.0, "longitude": 11.0, "radius_km": 50.0}},
        "ships_get_vessel": {"mmsi": VESSEL},
        "ships_get_track": {"mmsi": VESSEL},
        "stars_add_site": {
            "name": f"Site of {run}",
            "place": {"latitude": 55.2, "longitude": -2.6},
            "time_zone": "Europe/London",
        },
        "stars_list_nights": lambda e: {"site": e["stars_add_site"]["slug"]},
        "stars_list_months": lambda e: {"site": e["stars_add_site"]["slug"]},
        "stars_get_moon_days": {"place": {"latitude": 57.0, "longitude": -4.0}, "days": ["2026-11-21"]},
        "stars_get_sun_times": {"places": [{"latitude": 57.0, "longitude": -4.0}], "days": ["2026-11-21"]},
    }


def _agent(run: str, tomorrow: str) -> Mapping[str, Arguments | Callable[[Earlier], Arguments]]:
    def call(earlier: Earlier) -> Arguments:
        return {"call_id": earlier["agent_submit_call"]["id"]}

    def lock(earlier: Earlier) -> Arguments:
        return {"name": run, "lock_id": earlier["agent_acquire_lock"]["id"]}

    def claimed(earlier: Earlier) -> Arguments:
        job = earlier["agent_claim_routine_job"]["job"]
        return {"job_id": job["id"], "claim_id": job["claim_id"]}

    return {
        "agent_submit_call": {
            "idempotency_key": f"{run}-{uuid4()}",
            "name": "things",
            "request": {"method": "POST", "url": "https://api.example/things"},
            "due_at": tomorrow,
        },
        "agent_get_call": call,
        "agent_reschedule_call": lambda e: call(e) | {"due_at": tomorrow},
        "agent_cancel_call": call,
        "agent_acquire_lock": {"name": run, "ttl_s": 60},
        "agent_extend_lock": lambda e: lock(e) | {"ttl_s": 60},
        "agent_release_lock": lock,
        "agent_add_routine_job": {"idempotency_key": "one", "name": run, "payload": {"n": [1, None]}},
        "agent_claim_routine_job": {"idempotency_key": "one", "ttl_s": 60, "name": run},
        "agent_extend_claim": lambda e: claimed(e) | {"ttl_s": 60},
        "agent_complete_routine_job": lambda e: claimed(e) | {"succeeded": True, "result": {"done": 1}},
        "agent_ask_decision": {"idempotency_key": "one", "question": "Why?", "options": ["a", "b"]},
        "agent_get_decision": lambda e: {"decision_id": e["agent_ask_decision"]["id"]},
    }
