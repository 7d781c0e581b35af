"""Outbox and inbox: messages that leave, jobs that hand messages to subscribers, in their order."""

import django.db.models.functions.datetime
from django.db import migrations, models

# All that is written here is soon deleted: without an early vacuum the relay reads over what is gone.
STORAGE = """
ALTER TABLE monolith_outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)
"""
STORAGE_BEFORE = """
ALTER TABLE monolith_outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("monolith", "0004_dead_letters"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                ("id", models.UUIDField(unique=True)),
                ("type", models.TextField()),
                ("partition_key", models.TextField()),
                ("environment", models.TextField()),
                ("envelope", models.TextField()),
                (
                    "status",
                    models.TextField(
                        choices=[("ready", "ready to go to the broker"), ("waiting", "waiting for its time")]
                    ),
                ),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "monolith_outbox",
            },
        ),
        migrations.CreateModel(
            name="Lane",
            fields=[("id", models.SmallIntegerField(primary_key=True, serialize=False))],
        ),
        migrations.CreateModel(
            name="Position",
            fields=[
                ("stream", models.TextField(primary_key=True, serialize=False)),
                ("position", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Switch",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("is_on", models.BooleanField()),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="monolith_job_blocked",
        ),
        migrations.AddField(
            model_name="job",
            name="message_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="ordered",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="job",
            name="status",
            field=models.TextField(
                choices=[
                    ("waiting", "waiting for its time"),
                    ("ready", "ready to run"),
                    ("blocked", "waiting for another job of its concurrency key"),
                    ("held", "held: what would run it is switched off"),
                    ("running", "running"),
                    ("succeeded", "succeeded"),
                    ("dead", "dead: the last attempt failed"),
                    ("discarded", "discarded by hand"),
                ]
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                models.F("concurrency_key"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("id"),
                condition=models.Q(("ordered", False), ("status", "blocked")),
                name="monolith_job_blocked",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(
                    ("ordered", True),
                    models.Q(("finished_at__isnull", True), ("status", "dead"), _connector="OR"),
                ),
                fields=["concurrency_key", "id"],
                name="monolith_job_order",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("ordered", True), ("status", "blocked")),
                fields=["concurrency_key", "id"],
                name="monolith_job_order_blocked",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "held")), fields=["id"], name="monolith_job_held"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("message_id__isnull", False)),
                fields=("message_id", "task"),
                name="monolith_job_message",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("status", "ready")),
                fields=["environment", "position"],
                name="monolith_outbox_ready",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("status", "waiting")),
                fields=["environment", "due_at"],
                name="monolith_outbox_waiting",
            ),
        ),
        migrations.RunSQL(STORAGE, STORAGE_BEFORE),
    ]
