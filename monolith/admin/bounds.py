"""Lists that count no further than a page can show."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

MAX_COUNTED: Final = 10_000  # more lets people page further, and lets each page of a big table cost more


class BoundedPaginator(_Paginator):
    """Pages through the first MAX_COUNTED rows: what lies behind them is found by filters and search.

    Django's own reads a whole table to say how many rows it has.
    """

    @cached_property
    def count(self) -> int:
        return min(self._counted, MAX_COUNTED)

    @property
    def is_cut(self) -> bool:
        """Say whether there are rows beyond those that are counted."""
        return self._counted > MAX_COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: MAX_COUNTED + 1].count())
