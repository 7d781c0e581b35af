"""Vessels and the intake in the admin.

Position is not here: its key has two columns, which Django's admin cannot address; look at tracks instead.
"""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.ships import permission, services
from apps.ships.models import (
    HeatCell,
    HeatCellHistorical,
    IngestCursor,
    LatestPosition,
    RejectedMessage,
    Vessel,
)
from apps.ships.rejection import Reason
from monolith.admin.columns import excerpt
from monolith.admin.pages import ModuleAdmin, ReadOnlyAdmin


class WrittenByIntake(ReadOnlyAdmin[Model]):
    """Rows that the intake writes: to be looked at and removed, not made or edited by hand."""

    removable = True


@admin.register(Vessel)
class VesselAdmin(ModuleAdmin[Vessel]):
    list_display = ["mmsi", "name", "call_sign", "imo", "ship_type", "destination", "eta", "updated_at"]
    list_filter = ["ship_type", "updated_at"]
    search_fields = ["mmsi", "name", "call_sign", "imo", "destination"]
    readonly_fields = ["length", "beam", "name_at", "details_at", "voyage_at", "first_seen", "updated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Vessel | None = None) -> list[str]:
        return [*self.readonly_fields, *(["mmsi"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Vessel, form: Any, change: bool) -> None:  # noqa: FBT001 - Django calls it so
        now = timezone.now()
        obj.updated_at = now  # what readers hold in their caches is out of date
        if not change:
            obj.first_seen = now
        super().save_model(request, obj, form, change)


@admin.register(LatestPosition)
class LatestPositionAdmin(WrittenByIntake):
    list_display = ["vessel", "at", "latitude", "longitude", "sog", "cog", "anchored_since"]
    list_filter = ["at"]
    list_select_related = ["vessel"]
    search_fields = ["vessel__mmsi", "vessel__name"]


@admin.register(HeatCell)
class HeatCellAdmin(WrittenByIntake):
    list_display = ["row", "col", "movers", "updated_at"]
    search_fields = ["=row", "=col"]
    ordering = ["-movers"]


@admin.register(HeatCellHistorical)
class HeatCellHistoricalAdmin(WrittenByIntake):
    list_display = ["day", "row", "col", "movers"]
    list_filter = ["day"]
    search_fields = ["=row", "=col"]
    ordering = ["-day", "-movers"]


@admin.register(IngestCursor)
class IngestCursorAdmin(WrittenByIntake):
    list_display = ["source", "offset", "line", "updated_at"]
    list_filter = ["updated_at"]
    search_fields = ["source"]
    fields = ["source", "offset", "line", "counts", "fingerprint", "updated_at"]


@admin.register(RejectedMessage)
class RejectedMessageAdmin(WrittenByIntake):
    list_display = ["at", "source", "line", "reason", excerpt("sentence", 60)]
    list_filter = ["reason", "at"]
    search_fields = ["sentence", "source"]
    actions = ["replay"]

    @admin.action(description="Replay the oldest rejected messages with the reasons selected")
    def replay(self, request: HttpRequest, rows: QuerySet[RejectedMessage]) -> None:
        try:
            permission.require_permission(subject=f"user:{request.user.pk}", resource=permission.FROM_REPLAY)
        except permission.IngestDeniedError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        now = timezone.now()
        settled = lines = 0
        for reason in sorted({row.reason for row in rows}):
            counts = services.replay_rejected(now=now, reason=Reason(reason))
            lines += counts.lines
            settled += counts.lines - counts.rejected.total()
        self.message_user(request, f"{settled} of {lines} sentences were taken.", messages.SUCCESS)
