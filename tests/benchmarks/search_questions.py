"""What newcomers ask, and the notes of the sample vault that answer them.

Written before the notes and never changed to suit the search: what finds no answer is for notes and ranking to mend.
"""

from typing import Final, NamedTuple


class Question(NamedTuple):
    """Any of `notes`, which are slugs, answers it."""

    text: str
    notes: tuple[str, ...]


QUESTIONS: Final = (
    Question("How do I get the whole thing running on my laptop?", ("up",)),
    Question("I don't have Postgres installed. Is that a problem?", ("embedded-postgresql",)),
    Question("Where do I find the password for the admin site?", ("admin-login",)),
    Question(
        "My code gets an exception when it touches another team's table. What went wrong?",
        ("boundary-violation",),
    ),
    Question(
        "We have an old code base that breaks these rules everywhere. Can we switch them on gradually?",
        ("audit-mode",),
    ),
    Question(
        "What can an attacker read if the website for anonymous visitors is hacked?",
        ("public-reader", "public-tier"),
    ),
    Question("Why is a view with a WHERE clause not good enough to hide unpublished rows?", ("projection",)),
    Question(
        "How can I prove to an auditor that nobody has more rights than they should?", ("audit", "probe")
    ),
    Question("Who is allowed to run ALTER TABLE?", ("migrator",)),
    Question("Where are the database passwords kept?", ("passfile",)),
    Question("Can visitors find my unpublished pages with the search box?", ("visibility",)),
    Question("How do I run just one part of the application on its own machine?", ("subset",)),
    Question("Will one busy module eat up all the connections of the others?", ("connection-pool",)),
    Question("Can a table point to a row of another module with a foreign key?", ("foreign-key",)),
    Question("How does the load balancer know whether a server is ready for traffic?", ("health",)),
    Question("What does an error look like in JSON?", ("problem-document",)),
    Question("Does the browser have to download an unchanged list again?", ("etag",)),
    Question("How large may an upload be?", ("request-limits",)),
    Question("Could an API key end up in the log files?", ("redaction",)),
    Question("How do I see how long each request and each SQL statement took?", ("traces",)),
    Question("How long will a 12 km hike with a lot of climbing take me?", ("walking-time",)),
    Question("When is the weather good enough to go out?", ("weather-window",)),
    Question("What happens to garbage that a radio receiver sends?", ("sentence-buckets",)),
    Question("How long is the history of a vessel's movements kept?", ("position-partitions",)),
    Question("How does the map know where there is a lot of traffic?", ("heat",)),
    Question("How does one module ask another for something?", ("contract",)),
    Question("What happens when the same request is sent twice by accident?", ("idempotency-key",)),
    Question("Which nights are good for a telescope?", ("dark-hour", "stars")),
    Question("What if the service I depend on is down or hangs?", ("circuit-breaker", "deadline")),
    Question("Who decides whether something may be published?", ("gate", "compliance")),
)
