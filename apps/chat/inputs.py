"""What people and agents may give chat: the same by HTTP and by tools."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from apps.chat.models import MAX_TEXT, SLUG

MAX_AHEAD: Final = timedelta(days=366)  # of a reminder
LINE: Final = r"^[^\x00-\x1f\x7f]+$"
TEXT: Final = r"^[^\x00]*\S[^\x00]*$"
KEY: Final = r"^[!-~]+$"

Slug = Annotated[str, Field(max_length=80, pattern=SLUG)]
Purpose = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Words = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=TEXT)]
QuestionText = Annotated[str, Field(min_length=1, max_length=500, pattern=TEXT)]  # what a search takes
ReminderText = Annotated[str, Field(min_length=1, max_length=2_000, pattern=TEXT)]
# So that `trust:` and it are no longer than what the gate takes.
Subject = Annotated[str, Field(min_length=1, max_length=190, pattern=LINE)]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=LINE)]
SenderName = Annotated[str, Field(max_length=20, pattern=r"^[a-z]+$")]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
Score = Annotated[int, Field(ge=0, le=100)]
