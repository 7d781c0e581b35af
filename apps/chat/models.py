"""The tables of chat."""

from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

SLUG: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
MAX_TEXT: Final = 10_000
FULL_TRUST: Final = 100
LOCKED_BELOW: Final = 40
LONGEST_KEPT_DAYS: Final = 3_650


class Visible(models.TextChoices):
    """Which notes answers in a channel may be made of."""

    PUBLIC = "public"
    ALL = "all"  # private notes too: whoever reads the channel reads what they say


class Channel(models.Model):
    """A place for messages."""

    slug = models.CharField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    purpose = models.CharField(max_length=500, default="", blank=True)
    answers_from = models.CharField(max_length=6, choices=Visible.choices, default=Visible.PUBLIC)
    kept_days = models.PositiveIntegerField(default=365, help_text="How long its messages are kept.")
    archived = models.BooleanField(default=False, help_text="Nothing can be posted any more.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="chat_channel_slug"),
            models.CheckConstraint(
                condition=Q(kept_days__gte=1, kept_days__lte=LONGEST_KEPT_DAYS), name="chat_channel_kept"
            ),
            models.CheckConstraint(
                condition=Q(answers_from__in=Visible.values), name="chat_channel_answers_from"
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def kept(self) -> timedelta:
        return timedelta(days=self.kept_days)


class Kind(models.TextChoices):
    """What a message is."""

    TEXT = "text"  # somebody's words
    QUESTION = "question"
    ANSWER = "answer"
    NOTICE = "notice"  # the system's own words


class State(models.TextChoices):
    """Where a message stands. Only an answer is ever something else than said; it leaves `answering` once."""

    SAID = "said"
    ANSWERING = "answering"
    ANSWERED = "answered"
    DECLINED = "declined"  # the notes do not say it
    FAILED = "failed"  # no answer came; its text says why


class Message(models.Model):
    """Words in a channel. `external_id` is the sender's name for them: the same twice is one message."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="messages")
    external_id = models.CharField(max_length=200)
    author = models.CharField(max_length=200, help_text="`user:7`, or which part of the system.")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.TEXT)
    state = models.CharField(max_length=9, choices=State.choices, default=State.SAID)
    text = models.TextField()
    citations = models.JSONField(default=list, help_text="Of an answer: note, section and the words quoted.")
    responder = models.CharField(max_length=40, default="")
    failure = models.CharField(max_length=40, default="", help_text="Of an answer that failed: what kind.")
    reply_to = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, related_name="replies", help_text="The question."
    )
    answer_by = models.DateTimeField(null=True, help_text="When an answer that is not there has failed.")
    fence = models.UUIDField(
        null=True, help_text="Of an answer: who writes it; nobody else writes or fails it."
    )
    written_until = models.DateTimeField(null=True, help_text="When its writer is taken for dead.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, help_text="When the answer was there, or given up.")

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="chat_message_external_id"),
            models.UniqueConstraint(
                fields=["reply_to"], condition=Q(kind=Kind.ANSWER), name="chat_message_one_answer"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="chat_message_kind"),
            models.CheckConstraint(
                condition=Q(~Q(kind=Kind.ANSWER), state=State.SAID)
                | Q(
                    kind=Kind.ANSWER,
                    state=State.ANSWERING,
                    answer_by__isnull=False,
                    ended_at=None,
                )
                | Q(
                    kind=Kind.ANSWER,
                    state__in=(State.ANSWERED, State.DECLINED, State.FAILED),
                    ended_at__isnull=False,
                ),
                name="chat_message_state",
            ),
        ]
        indexes = [
            models.Index("channel", F("created_at").desc(), F("id").desc(), name="chat_message_newest"),
            models.Index(fields=["author", "created_at"], name="chat_message_author"),
            models.Index(
                fields=["answer_by"], condition=Q(state=State.ANSWERING), name="chat_message_answering"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author} in {self.channel_id}: {self.text[:60]}"


class Summary(models.Model):
    """What was said in a channel between two messages, in sentences of theirs."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="summaries")
    first_id = models.BigIntegerField(help_text="Of the first message that it is about.")
    last_id = models.BigIntegerField()
    count = models.PositiveIntegerField(help_text="How many messages.")
    text = models.TextField()
    quoted = models.JSONField(default=list, help_text="Ids of the messages whose sentences it is made of.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "summaries"
        constraints = [
            models.UniqueConstraint(fields=["channel", "first_id"], name="chat_summary_first"),
            models.CheckConstraint(condition=Q(last_id__gte=F("first_id")), name="chat_summary_range"),
        ]

    def __str__(self) -> str:
        return f"{self.count} messages of channel {self.channel_id}"


class UserTrust(models.Model):
    """How far somebody is trusted: 100 at first, less for what moderation finds, more each day. Below 40 is locked."""

    subject = models.CharField(max_length=200, unique=True)
    score = models.IntegerField(default=FULL_TRUST)
    recovered_at = models.DateTimeField(help_text="Since when a day counts for the next recovery.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["score", "subject"]
        verbose_name_plural = "user trust"
        constraints = [
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=FULL_TRUST), name="chat_trust_score")
        ]
        indexes = [
            models.Index(
                fields=["recovered_at"], condition=Q(score__lt=FULL_TRUST), name="chat_trust_to_recover"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.score}"

    @property
    def locked(self) -> bool:
        return self.score < LOCKED_BELOW


class ModerationKind(models.TextChoices):
    """What happened."""

    SCORED = "scored"  # words that cost trust
    UNSCORED = "unscored"  # scoring failed: the words were let through
    REFUSED = "refused"  # somebody locked wanted to write
    SET = "set"  # a person set the trust


class ModerationEvent(models.Model):
    """Why somebody's trust is what it is. Rows are added and pruned, never changed."""

    subject = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=ModerationKind.choices)
    points = models.IntegerField(default=0, help_text="How much trust it cost; negative: gave.")
    reasons = models.JSONField(default=list)
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="moderation")
    by = models.CharField(max_length=200, default="", help_text="Who set it, if a person did.")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ModerationKind.values), name="chat_moderation_kind")
        ]
        indexes = [models.Index("subject", F("at").desc(), name="chat_moderation_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.points}"


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands.

    pending -> sending -> posted | failed | uncertain; sending -> pending, to be tried again.
    """

    PENDING = "pending"
    SENDING = "sending"
    POSTED = "posted"
    UNCERTAIN = "uncertain"  # it may have arrived: a person says whether it did
    FAILED = "failed"


class Delivery(models.Model):
    """Words on their way to a place: a channel of this chat, or a webhook that the settings name."""

    dedupe_key = models.CharField(max_length=200, unique=True)
    sender = models.CharField(max_length=20, help_text="`channel` or `webhook`.")
    target = models.CharField(max_length=80, help_text="The channel's slug, or the webhook's name.")
    text = models.TextField()
    idempotent = models.BooleanField(help_text="The same sent twice arrives once.")
    status = models.CharField(max_length=9, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    may_have_arrived = models.BooleanField(default=False, help_text="An attempt ended without an answer.")
    fence = models.UUIDField(null=True, help_text="Which attempt is under way: a late one writes nothing.")
    next_at = models.DateTimeField(help_text="Pending: when it is tried. Sending: when that is given up.")
    error = models.CharField(max_length=500, default="")
    receipt = models.CharField(max_length=200, default="", help_text="What the place calls it.")
    requested_by = models.CharField(max_length=200, default="")
    decided_by = models.CharField(max_length=200, default="", help_text="Who said what became of it.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values), name="chat_delivery_status"
            ),
            models.CheckConstraint(
                condition=Q(status=DeliveryStatus.SENDING, fence__isnull=False)
                | Q(~Q(status=DeliveryStatus.SENDING), fence=None),
                name="chat_delivery_fence",
            ),
        ]
        indexes = [
            models.Index(
                fields=["status", "next_at"],
                condition=Q(status__in=(DeliveryStatus.PENDING, DeliveryStatus.SENDING)),
                name="chat_delivery_due",
            ),
            models.Index("status", F("created_at").desc(), name="chat_delivery_newest"),
            models.Index(fields=["requested_by", "created_at"], name="chat_delivery_requested_by"),
        ]

    def __str__(self) -> str:
        return f"{self.sender}:{self.target} ({self.status})"


class ReminderStatus(models.TextChoices):
    """Where a reminder stands."""

    WAITING = "waiting"
    HANDED_ON = "handed_on"  # to a delivery
    CANCELLED = "cancelled"


class Reminder(models.Model):
    """Words that somebody wants said in a channel at a time."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="reminders")
    subject = models.CharField(max_length=200, help_text="Whose it is.")
    text = models.CharField(max_length=2_000)
    due_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=ReminderStatus.choices, default=ReminderStatus.WAITING)
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ReminderStatus.values), name="chat_reminder_status")
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(status=ReminderStatus.WAITING), name="chat_reminder_due"
            ),
            models.Index(fields=["subject", "created_at"], name="chat_reminder_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.due_at}: {self.text[:60]}"
