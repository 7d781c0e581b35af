"""The framework's own tables, one set in each module's schema."""

from django.db import models
from django.db.models.functions import Now


class CommandRecord(models.Model):
    """A command operation that was carried out, with its answer: the same request gets the same one again."""

    id = models.BigAutoField(primary_key=True)
    operation = models.TextField()
    caller = models.TextField()
    tenant = models.TextField()
    key = models.TextField()
    request_hash = models.BinaryField()
    result = models.TextField(default="", db_default="")  # JSON text, as it crosses
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "caller", "tenant", "key"], name="monolith_commandrecord_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class Job(models.Model):
    """One call of a task, from being enqueued to its end. `monolith.jobs` writes it; the SQL is in its `queries`."""

    class Status(models.TextChoices):
        """Where a job stands; the function of a running one runs, or ran in a process that is gone."""

        WAITING = "waiting", "waiting for its time"
        READY = "ready", "ready to run"
        BLOCKED = "blocked", "waiting for another job of its concurrency key"
        HELD = "held", "held: what would run it is switched off"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        DEAD = "dead", "dead: the last attempt failed"
        DISCARDED = "discarded", "discarded by hand"

    id = models.BigAutoField(primary_key=True)
    task = models.TextField()  # dotted name of the function
    arguments = models.JSONField()  # {"args": [], "kwargs": {}}
    travels = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )  # trace, tenant, actor
    queue = models.TextField(default="default", db_default="default")
    priority = models.SmallIntegerField(default=0, db_default=0)  # -100 to 100, higher ones first
    heavy = models.BooleanField(default=False, db_default=False)  # one at a time per host
    status = models.TextField(choices=Status.choices)
    due_at = models.DateTimeField(db_default=Now())  # not before
    claimed_until = models.DateTimeField(null=True)  # kept by a worker that has not started it
    leased_until = models.DateTimeField(null=True)  # of a running job
    fence = models.BigIntegerField(
        default=0, db_default=0
    )  # plus one with each claim: who has a lower one lost it
    workers = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField())
    )  # one per attempt
    errors = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))  # oldest first
    result = models.JSONField(null=True)
    dedupe_key = models.TextField(default="", db_default="")
    concurrency_key = models.TextField(default="", db_default="")
    # Of jobs with one key only the first that has not succeeded may run, dead ones included: the rest keeps its order.
    ordered = models.BooleanField(default=False, db_default=False)
    message_id = models.UUIDField(null=True)  # the message that this job hands to a subscriber: the inbox
    schedule = models.TextField(default="", db_default="")  # which schedule fired it
    tick = models.DateTimeField(null=True)  # the moment it was fired for
    enqueued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)  # of the last attempt
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # A started job does not stand in the way of a new one: it may have read its data already.
            models.UniqueConstraint(
                fields=["task", "dedupe_key"],
                condition=~models.Q(dedupe_key="") & models.Q(started_at=None, finished_at=None),
                name="monolith_job_dedupe",
            ),
            models.UniqueConstraint(
                fields=["concurrency_key"],
                condition=~models.Q(concurrency_key="") & models.Q(status="running"),
                name="monolith_job_concurrency",
            ),
            models.UniqueConstraint(
                fields=["schedule", "tick"], condition=~models.Q(schedule=""), name="monolith_job_tick"
            ),
            models.UniqueConstraint(
                fields=["message_id", "task"],
                condition=models.Q(message_id__isnull=False),
                name="monolith_job_message",
            ),
        ]
        # Each holds the jobs of one status alone, so that finished and waiting ones do not slow a claim.
        indexes = [
            models.Index(
                models.F("priority").desc(),
                "id",
                condition=models.Q(status="ready"),
                name="monolith_job_ready",
            ),
            models.Index(
                fields=["due_at"], condition=models.Q(status="waiting"), name="monolith_job_waiting"
            ),
            models.Index(
                fields=["leased_until"], condition=models.Q(status="running"), name="monolith_job_running"
            ),
            # The next of a key is its first entry, however many wait behind it.
            models.Index(
                models.F("concurrency_key"),
                models.F("priority").desc(),
                "id",
                condition=models.Q(status="blocked", ordered=False),
                name="monolith_job_blocked",
            ),
            models.Index(
                fields=["concurrency_key"],
                condition=~models.Q(concurrency_key="") & models.Q(status="ready"),
                name="monolith_job_ready_key",
            ),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(finished_at__isnull=False),
                name="monolith_job_finished",
            ),
            models.Index(fields=["id"], condition=models.Q(status="dead"), name="monolith_job_dead"),
            # Its first entry of a key says who is next; the dead one that parks a key, if there is one.
            models.Index(
                fields=["concurrency_key", "id"],
                condition=models.Q(ordered=True)
                & (models.Q(finished_at__isnull=True) | models.Q(status="dead")),
                name="monolith_job_order",
            ),
            models.Index(
                fields=["concurrency_key", "id"],
                condition=models.Q(status="blocked", ordered=True),
                name="monolith_job_order_blocked",
            ),
            models.Index(fields=["id"], condition=models.Q(status="held"), name="monolith_job_held"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"


class Schedule(models.Model):
    """When a task is due again. Declared beside the task; the row keeps the timing across deployments."""

    name = models.TextField(primary_key=True)  # the task's dotted name
    every_s = models.FloatField(null=True)  # either this
    cron = models.TextField(default="", db_default="")  # or this, with its time zone
    timezone = models.TextField(default="UTC", db_default="UTC")
    jitter_s = models.FloatField(default=0, db_default=0.0)
    catch_up = models.TextField()  # what happens to ticks that passed while nothing ran
    next_at = models.DateTimeField(db_index=True)
    last_at = models.DateTimeField(null=True)  # the last tick that was fired
    enabled = models.BooleanField(default=True, db_default=True)

    def __str__(self) -> str:
        return self.name


class Lease(models.Model):
    """Who leads a singleton: at most one holder at a time, by the database's clock."""

    deployment = models.TextField()  # systems that share a database do not share leaders
    name = models.TextField()  # the singleton's dotted name
    holder = models.TextField(default="", db_default="")
    fence = models.BigIntegerField(default=0, db_default=0)  # plus one with each new holder
    expires_at = models.DateTimeField(db_default=Now())
    enabled = models.BooleanField(default=True, db_default=True)  # the kill switch

    class Meta:
        constraints = [models.UniqueConstraint(fields=["deployment", "name"], name="monolith_lease_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.deployment}"


class OutboxMessage(models.Model):
    """A message that has not left the module yet: written with what it tells about, deleted when a broker has it."""

    class Status(models.TextChoices):
        """Where a message stands."""

        READY = "ready", "ready to go to the broker"
        WAITING = "waiting", "waiting for its time"

    position = models.BigAutoField(primary_key=True)  # the order of sending; a new one when its time has come
    id = models.UUIDField(unique=True)
    type = models.TextField()
    partition_key = models.TextField()
    environment = models.TextField()  # where it was written; no other environment sends it
    envelope = models.TextField()  # JSON, as it crosses
    status = models.TextField(choices=Status.choices)
    due_at = models.DateTimeField(db_default=Now())  # not before

    class Meta:
        db_table = "monolith_outbox"
        indexes = [
            models.Index(
                fields=["environment", "position"],
                condition=models.Q(status="ready"),
                name="monolith_outbox_ready",
            ),
            models.Index(
                fields=["environment", "due_at"],
                condition=models.Q(status="waiting"),
                name="monolith_outbox_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Position(models.Model):
    """How far a module has read a broker's log: moved in the transaction that keeps what was read."""

    stream = models.TextField(primary_key=True)  # which log; one that was made anew is another
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.position} of {self.stream}"


class Lane(models.Model):
    """One of 64 rows to lock: ordered keys share them, and keeping a message and ending the one before take turns."""

    id = models.SmallIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.pk)


class Switch(models.Model):
    """A task or subscriber that was switched off by hand: its jobs are held until it is switched on."""

    name = models.TextField(primary_key=True)  # dotted name of the function
    is_on = models.BooleanField()
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name}: {'on' if self.is_on else 'off'}"
