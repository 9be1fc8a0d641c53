"""Counters that only grow, made into hours: what a server counted between two readings.

A server of one's own keeps no history: it tells what it has counted since its start. The first reading of a series
books nothing, because nobody knows when that was used. A series that began after the last reading of its server counts
whole. Otherwise its growth counts; a fall is a restart, and what was counted since counts whole. What lies between two
readings is spread over the hours between them, in whole numbers whose sum is exact.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from dashboard.usage.models import CounterReading, UsageRecord
from dashboard.usage.services import Landed, key_hash, usage_land
from providers.records import CounterSample, UsageBucket

HOUR = timedelta(hours=1)
COUNTED = ("input_tokens", "cached_input_tokens", "output_tokens", "requests")
LONGEST_GAP = timedelta(days=31)  # what was used before that is booked on the last hours of it


def counters_partitions(now: datetime) -> list[datetime]:
    """Moments in every month that growth may be booked in, for partitions to be made before the landing."""
    return [now, now - LONGEST_GAP / 2, now - LONGEST_GAP]


Place = tuple[datetime, str, str]
"""(start of the hour, model, server)."""


def counters_land(*, account_id: int, samples: Sequence[CounterSample], now: datetime) -> Landed:
    """Book the growth of these counters since their last readings, and remember the readings. In the transaction of the
    run that brought them, so that nothing is booked twice. A reading that is no later than the last one books nothing.
    """
    known = {row.series: row for row in CounterReading.objects.select_for_update().filter(account_id=account_id)}
    last_of_server: dict[str, datetime] = {}
    for row in known.values():
        last_of_server[row.server] = max(row.at, last_of_server.get(row.server, row.at))
    growth: dict[Place, dict[str, int]] = {}
    for sample in samples:
        before = known.get(_series(sample))
        if before is not None and sample.at <= before.at:
            continue
        grown, since = _grown(sample, before, last_of_server.get(_server(sample)))
        if grown and sample.name in COUNTED:
            for start, part in spread(grown, since, sample.at):
                place = (start, sample.labels.get("model", ""), _server(sample))
                counts = growth.setdefault(place, {})
                counts[sample.name] = counts.get(sample.name, 0) + part
    landed = _book(account_id, growth, now) if growth else Landed(changed=0, removed=0)
    _remember(account_id, samples, known)
    return landed


def _grown(sample: CounterSample, before: CounterReading | None, last: datetime | None) -> tuple[int, datetime]:
    """How much was counted, and since when."""
    value = int(sample.value)
    if before is not None:
        return (value - int(before.value) if sample.value >= before.value else value), before.at
    began = _moment(sample.labels.get("since", ""))
    if last is not None and began is not None and began > last:
        return value, began
    return 0, sample.at


def spread(count: int, since: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    """The count over the hours of (since, until], by how much of each lies in it. The parts are whole and add up."""
    since = max(min(since, until - timedelta.resolution), until - LONGEST_GAP)
    length, done = (until - since) // timedelta.resolution, 0
    start = since.replace(minute=0, second=0, microsecond=0)
    while start < until:
        reached = (min(start + HOUR, until) - since) // timedelta.resolution
        upto = count * reached // length
        if upto > done:
            yield start, upto - done
            done = upto
        start += HOUR


def _book(account_id: int, growth: Mapping[Place, Mapping[str, int]], now: datetime) -> Landed:
    buckets = [_bucket(place, counts, now) for place, counts in growth.items()]
    hashes = [key_hash(bucket.key) for bucket in buckets]
    rows = UsageRecord.objects.filter(
        account_id=account_id, start__in={bucket.start for bucket in buckets}, key_hash__in=hashes
    )
    booked = {(row.start, row.key_hash): row for row in rows}
    whole = []
    for bucket, digest, (place, counts) in zip(buckets, hashes, growth.items(), strict=True):
        row = booked.get((bucket.start, digest))
        sums = {name: (getattr(row, name) or 0 if row else 0) + counts.get(name, 0) for name in COUNTED}
        told = {
            name: value for name, value in sums.items() if name in counts or (row and getattr(row, name) is not None)
        }
        whole.append(_bucket(place, told, now))
    return usage_land(account_id=account_id, buckets=whole, complete=None)


def _bucket(place: Place, counts: Mapping[str, int], now: datetime) -> UsageBucket:
    start, model, server = place
    return UsageBucket(
        start=start,
        end=start + HOUR,
        model=model or None,
        endpoint=server or None,
        final=False if start + HOUR > now else None,
        **counts,  # type: ignore[arg-type]
    )


def _remember(account_id: int, samples: Sequence[CounterSample], known: Mapping[str, CounterReading]) -> None:
    """Keep the newest reading of each series that the server still tells; the others are of processes that are gone."""
    fresh = [
        CounterReading(
            account_id=account_id, series=_series(sample), server=_server(sample), value=sample.value, at=sample.at
        )
        for sample in samples
        if (before := known.get(_series(sample))) is None or sample.at > before.at
    ]
    CounterReading.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["account", "series"], update_fields=["value", "at"]
    )
    servers, told = {_server(sample) for sample in samples}, {_series(sample) for sample in samples}
    newest = max((sample.at for sample in samples), default=None)
    gone = [row.pk for row in known.values() if row.server in servers and row.series not in told and newest]
    if gone and newest is not None:
        CounterReading.objects.filter(pk__in=gone, at__lt=newest).delete()


def _series(sample: CounterSample) -> str:
    labels = "\x1f".join(f"{name}={sample.labels[name]}" for name in sorted(sample.labels))
    return str(key_hash((sample.name, labels)))


def _server(sample: CounterSample) -> str:
    return sample.labels.get("server", "")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
