"""Rules and grants to start with; `load` brings them in."""

from typing import Final

RULES: Final = (
    ("ships.ingest", "ships.ingest", "Positions are public as soon as they are stored."),
    (
        "knowledge.publish",
        "knowledge.publish",
        "What is published can have been read before it is taken back.",
    ),
    ("home.edit_slo", "home.edit_slo", "A service level is a promise to those who read the status page."),
    ("agent.*", "agent.use", "What a tenant has sent to the outside cannot be taken back."),
    ("chat.*", "chat.use", "What was said has been read before it is taken back."),
)
GRANTS: Final = (
    ("user:*", "ships.ingest", "Private routes are for staff; all of them may bring in sentences."),
    ("command:ingest_nmea", "ships.ingest", "Who runs commands here holds the module's own login anyway."),
    ("singleton:ingest", "ships.ingest", "Runs only where a feed is configured, which is leave enough."),
    ("user:*", "knowledge.publish", "Private routes are for staff; narrow it to those who should publish."),
    ("command:import_notes", "knowledge.publish", "As above, and only what asks to be published."),
    ("user:*", "home.edit_slo", "Private routes are for staff; narrow it to those who answer for a service."),
    (
        "user:*",
        "chat.use",
        "Private routes are for staff; give moderating and deciding a right of their own.",
    ),
)
TENANT_GRANTS: Final = (
    ("sample", "user:*", "agent.use", "The tenant of agent's sample calls, for all staff to try it."),
)
BY: Final = "command:load_samples"


def load() -> str:
    """Make the rules that the modules' gated actions need, and grants so that staff can try them.

    A right that anybody was ever granted is left as it is. Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from apps.compliance import services
    from apps.compliance.models import Grant, Rule
    from monolith import entering

    with entering("compliance"):
        rules = [
            services.make_rule(Rule(action=action, right=right, reason=reason), by=BY)
            for action, right, reason in RULES
            if not Rule.objects.filter(action=action).exists()
        ]
        grants = [
            services.make_grant(Grant(subject=subject, right=right, reason=reason), by=BY)
            for subject, right, reason in GRANTS
            if not Grant.objects.filter(subject=subject, right=right).exists()
        ]
        grants += [
            services.make_grant(Grant(tenant=tenant, subject=subject, right=right, reason=reason), by=BY)
            for tenant, subject, right, reason in TENANT_GRANTS
            if not Grant.objects.filter(tenant=tenant, subject=subject, right=right).exists()
        ]
    return f"{len(rules)} rules and {len(grants)} grants new"
