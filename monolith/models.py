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
