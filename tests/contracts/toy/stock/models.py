"""The tables of stock."""

from typing import ClassVar

from django.db import models


class StockedItem(models.Model):
    """Something that can be taken."""

    name = models.CharField(max_length=100, unique=True)
    count = models.PositiveIntegerField()
    objects: "ClassVar[models.Manager[StockedItem]]" = models.Manager()

    class Meta:
        app_label = "stock"


class Waiting(models.Model):
    """A provider that waits."""

    name = models.CharField(max_length=100, unique=True)
    is_released = models.BooleanField(default=False)
    objects: "ClassVar[models.Manager[Waiting]]" = models.Manager()

    class Meta:
        app_label = "stock"
