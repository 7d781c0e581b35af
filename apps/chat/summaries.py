"""Summaries of channels, made of sentences that were said there. Runs as chat: enter the module first."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from math import sqrt
from typing import Final

from apps.chat.models import Channel, Message, State, Summary
from apps.chat.words import sentences, stems
from monolith import atomic

FEWEST: Final = 20  # messages that are worth a summary of their own
MOST: Final = 500  # of one summary; the next one goes on from there
QUOTED: Final = 5

type _Said = tuple[int, str, str, frozenset[str]]  # message, author, sentence, its stems


def summarise(channel: Channel, *, now: datetime, fewest: int = FEWEST) -> Summary | None:
    """Summarise what was said since the last summary; None when that is too little."""
    with atomic():
        Channel.objects.select_for_update().get(pk=channel.pk)  # two at once would make the same one
        last = Summary.objects.filter(channel=channel).order_by("-last_id").values_list("last_id", flat=True)
        said = Message.objects.filter(channel=channel, id__gt=last.first() or 0).exclude(
            state__in=(State.ANSWERING, State.FAILED, State.DECLINED)
        )
        found = list(said.order_by("id")[:MOST])
        if len(found) < max(fewest, 1):
            return None
        text, quoted = _summary(found)
        return Summary.objects.create(
            channel=channel,
            first_id=found[0].pk,
            last_id=found[-1].pk,
            count=len(found),
            text=text,
            quoted=quoted,
            created_at=now,
        )


def _summary(found: Sequence[Message]) -> tuple[str, list[int]]:
    """Return the sentences with the words that most messages share, in their order, and whose they are."""
    said = [
        (message.pk, message.author, sentence, stems(sentence))
        for message in found
        for sentence in sentences(message.text)
    ]
    # In how many messages a word stands; one that a single message has says nothing about the talk.
    shared = Counter(stem for message in found for stem in stems(message.text))
    chosen = sorted(_best(said, shared))
    lines = [f"{said[place][1]}: “{said[place][2]}”" for place in chosen]
    return "\n".join(lines), sorted({said[place][0] for place in chosen})


def _best(said: Sequence[_Said], shared: Counter[str]) -> list[int]:
    """Pick sentence by sentence; the words of one that was picked count no more, so that none says it again."""
    left, chosen = Counter({word: count - 1 for word, count in shared.items()}), list[int]()
    while len(chosen) < QUOTED:
        rated = {
            place: sum(left[word] for word in words) / sqrt(len(words))
            for place, (_, _, _, words) in enumerate(said)
            if words and place not in chosen
        }
        if not rated:
            break
        best = max(rated, key=lambda place: (rated[place], -place))
        if chosen and rated[best] <= 0:
            break
        chosen.append(best)
        for word in said[best][3]:
            left[word] = 0
    return chosen
