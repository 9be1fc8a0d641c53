"""10,000 usage rows of the heaviest adapters, beside `json.loads` of the same bytes."""

import json
import time
from collections.abc import Callable, Iterator

from providers.collect import Credentials, collect
from providers.registry import PROVIDERS
from providers.spec import Outgoing, Reply, Window
from tests.benchmarks.answers import END, HEAVIEST, NOW, STARTS, Answers
from tests.benchmarks.figures import Figure

ROUNDS = 15
GOAL = 4.0
TOKEN = json.dumps({"access_token": "made-up", "expires_in": 3599, "token_type": "Bearer"}).encode()


def parsing() -> Iterator[Figure]:
    """The whole path of a worker from ready replies to checked records, in turn with the floor: plain `json.loads`,
    which makes floats and looks at nothing. The best of each counts, so that a busy machine does not decide."""
    for make in HEAVIEST:
        answers = make()
        ours, bare = [], []
        for _ in range(ROUNDS):
            bare.append(_timed(lambda answers=answers: _load(answers)))
            ours.append(_timed(lambda answers=answers: _collect(answers)))
        name, size = f"parsing: {answers.slug} {answers.capability}", sum(map(len, answers.bodies))
        yield Figure(
            f"{name}, {answers.rows:,} rows of {size / answers.rows:,.0f} bytes", answers.rows / min(ours), "rows/s"
        )
        yield Figure(f"{name}, the same", size / min(ours) / 1e6, "MB/s")
        yield Figure(f"{name}, by json.loads of the same bytes", min(ours) / min(bare), "x", GOAL)


def _timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _load(answers: Answers) -> None:
    loaded = []
    for position, body in enumerate(answers.bodies):
        parts = body.splitlines() if position in answers.lines else [body]
        loaded.append([json.loads(part) for part in parts])


def _collect(answers: Answers) -> None:
    bodies = iter(answers.bodies)

    def send(call: Outgoing) -> Reply:
        return Reply(status=200, headers={}, body=TOKEN if call.form is not None else next(bodies))

    window = Window(start=STARTS[0], end=END, now=NOW)
    credentials = Credentials(values=answers.fields)
    collected = collect(PROVIDERS[answers.slug], answers.capability, credentials, window, send)
    if len(collected.records) != answers.records or collected.partial or next(bodies, None) is not None:
        raise AssertionError(
            f"{answers.slug} {answers.capability}: {len(collected.records)} records; {collected.partial}"
        )
