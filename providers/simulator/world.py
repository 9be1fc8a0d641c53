"""The simulated world: deterministic accounts that spend, are topped up, and keep a ledger of what they were charged.

Everything follows from (seed, provider slug, account name) and time, so that two processes tell the same history. What
a test moves by hand (`Moves`) is added on top.
"""

import math
import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

EPOCH = datetime(2025, 9, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Share of a day's traffic by UTC hour: quiet nights, a busy afternoon.
_DAY_SHAPE = tuple(1.0 + 0.9 * math.sin((hour - 8) / 24 * 2 * math.pi) for hour in range(24))
_CUMULATIVE = (*(sum(_DAY_SHAPE[:hour]) / sum(_DAY_SHAPE) for hour in range(24)), 1.0)
_ACCOUNT = re.compile(r"sim-([a-z0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """A model of a simulated provider. Prices per 1,000,000 tokens in the profile's unit; `weight` is its share."""

    id: str
    input_price: Decimal
    output_price: Decimal
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How accounts of a provider behave. `step` is the smallest amount the provider charges; every charge is a multiple
    of it. `daily_spend` is the middle of a weekday; `topup` is bought whenever the wallet falls under `topup_below`."""

    slug: str
    unit: str
    step: Decimal
    daily_spend: Decimal
    topup: Decimal
    topup_below: Decimal
    models: tuple[ModelProfile, ...]
    keys: tuple[str, ...] = ("team-blue", "team-green", "team-red")
    projects: tuple[str, ...] = ("proj-search", "proj-support")


class Charge(NamedTuple):
    """What one key used of one model within a day or an hour, and what the provider charged for it."""

    start: datetime
    model: str
    key: str
    project: str
    requests: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    at: datetime
    amount: Decimal


@dataclass(slots=True)
class Moves:
    """What was changed by hand while the server runs: extra money in or out, by account; keys that were made, by id as
    the part lists them; and ids of keys that were deleted."""

    topups: list[TopUp] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    switched: dict[str, bool] = field(default_factory=dict)  # key id: disabled
    deleted: set[str] = field(default_factory=set)


@dataclass(slots=True)
class History:
    """What follows from seed, profile and name alone, made once and kept: the charges of each day; from EPOCH on what
    is left at the end of each day, and all that was charged until then; and the automatic top-ups."""

    days: dict[datetime, tuple[Charge, ...]] = field(default_factory=dict)
    closings: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    topups: list[TopUp] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class SimAccount:
    """One account at one simulated provider. All amounts in the profile's unit."""

    def __init__(self, seed: int, profile: Profile, name: str) -> None:
        self.profile = profile
        self.name = name
        self.moves = Moves()
        self._seed = f"{seed}:{profile.slug}:{name}"
        start = random.Random(f"{self._seed}:start")
        self.scale = Decimal(str(round(start.uniform(0.6, 1.6), 2)))
        self.history = History()

    def charges(self, start: datetime, end: datetime) -> Iterator[Charge]:
        """Hourly charges that began in [start, end), oldest first. The future has none: pass end <= now."""
        day = day_of(max(start, EPOCH))
        while day < end:
            asked = [hour for hour in range(24) if start <= day + hour * HOUR < end]
            if asked:
                first, last = asked[0], asked[-1] + 1
                of_each = [hours_of_day(charge, first, last, self.profile.step) for charge in self._day(day)]
                for hour in zip(*of_each, strict=True):
                    yield from hour
            day += timedelta(days=1)

    def daily(self, start: datetime, end: datetime) -> Iterator[Charge]:
        """Charges of [start, end) summed by day, model, key and project. `start` is 00:00 UTC; a day that `end` cuts
        holds the hours begun by then."""
        day = day_of(max(start, EPOCH))
        while day < end:
            hours = min(24, -(-(end - day) // HOUR))
            for charge in self._day(day):
                yield charge if hours == 24 else part_of_day(charge, 0, hours, self.profile.step)
            day += timedelta(days=1)

    def spent(self, start: datetime, end: datetime) -> Decimal:
        """Money charged in [start, end); `start` is 00:00 UTC. An hour is charged when it begins."""
        start = day_of(max(start, EPOCH))
        if end <= start:
            return Decimal(0)
        today = day_of(end)
        hours = -(-(end - today) // HOUR)
        begun = sum((cost_of_hours(charge, 0, hours, self.profile.step) for charge in self._day(today)), Decimal(0))
        return self._charged_before(today) - self._charged_before(start) + begun

    def topups(self, until: datetime) -> list[TopUp]:
        """Money put in up to `until`, oldest first: the opening amount, automatic ones, and those made by hand."""
        self._closing(until)
        found = [TopUp(at=EPOCH, amount=self.profile.topup * self.scale)]
        found += [topup for topup in self.history.topups if topup.at <= until]
        return sorted(found + [move for move in self.moves.topups if move.at <= until], key=lambda topup: topup.at)

    def balance(self, at: datetime) -> Decimal:
        """What is left at `at`: all money in, less all hours begun before it."""
        day = day_of(at)
        opening = self._closing(day - timedelta(days=1))
        bought = sum((topup.amount for topup in self.topups(at) if topup.at >= day), Decimal(0))
        earlier = sum((move.amount for move in self.moves.topups if move.at < day), Decimal(0))
        return opening + earlier + bought - self.spent(day, at)

    def lifetime(self, at: datetime) -> tuple[Decimal, Decimal]:
        """(all money ever in, all money ever charged) at `at`."""
        bought = sum((topup.amount for topup in self.topups(at)), Decimal(0))
        return bought, bought - self.balance(at)

    def chance(self, *parts: object) -> random.Random:
        """A generator of this account's own, the same at every call with the same parts."""
        return random.Random(f"{self._seed}:{parts}")

    def _day(self, day: datetime) -> tuple[Charge, ...]:
        known = self.history.days.get(day)
        if known is None:
            known = self.history.days[day] = tuple(self._make_day(day))
        return known

    def _make_day(self, day: datetime) -> Iterator[Charge]:
        profile = self.profile
        weekend = 0.35 if day.weekday() >= 5 else 1.0
        # Slow growth over the months, plus the noise of the day.
        months = (day - EPOCH).days / 30
        mood = self.chance("day", day.date().isoformat())
        budget = float(profile.daily_spend * self.scale) * weekend * (1 + 0.03 * months) * mood.uniform(0.8, 1.2)
        total_weight = sum(model.weight for model in profile.models) * len(profile.keys)
        for index, key in enumerate(profile.keys):
            for model in profile.models:
                money = budget * model.weight / total_weight * (1.5 - 0.5 * index) * mood.uniform(0.7, 1.3)
                yield self._charge(day, model, key, profile.projects[index % len(profile.projects)], money)

    def _charge(self, start: datetime, model: ModelProfile, key: str, project: str, money: float) -> Charge:
        # Half of the money goes to input; a third of the input tokens is read from cache at a tenth of the price.
        tokens_in = int(money * 0.5 / max(float(model.input_price), 1e-9) * 1_000_000)
        tokens_out = int(money * 0.5 / max(float(model.output_price), 1e-9) * 1_000_000)
        cached, written = tokens_in // 3, tokens_in // 20
        fresh = tokens_in - cached - written
        exact = (
            Decimal(fresh + written) * model.input_price
            + Decimal(cached) * model.input_price / 10
            + Decimal(tokens_out) * model.output_price
        ) / 1_000_000
        return Charge(
            start=start,
            model=model.id,
            key=key,
            project=project,
            requests=max(1, tokens_in // 2600),
            input_tokens=fresh,
            cached_tokens=cached,
            cache_write_tokens=written,
            output_tokens=tokens_out,
            reasoning_tokens=tokens_out // 4,
            cost=exact.quantize(self.profile.step),
        )

    def _closing(self, day: datetime) -> Decimal:
        """Balance at the end of `day`, without moves made by hand."""
        # The opening amount comes in at EPOCH, as the first of `topups`.
        return Decimal(0) if day < EPOCH else self._closed(day)[0]

    def _charged_before(self, day: datetime) -> Decimal:
        """Everything charged until `day` began."""
        return Decimal(0) if day <= EPOCH else self._closed(day - timedelta(days=1))[1]

    def _closed(self, day: datetime) -> tuple[Decimal, Decimal]:
        """(what is left, what was charged in all) at the end of `day`. Computed once, in order, then kept."""
        position = (day - EPOCH).days
        with self.history.lock:
            topup = self.profile.topup * self.scale
            while len(self.history.closings) <= position:
                current = EPOCH + timedelta(days=len(self.history.closings))
                left, charged = self.history.closings[-1] if self.history.closings else (topup, Decimal(0))
                if left < self.profile.topup_below * self.scale:
                    left += topup
                    self.history.topups.append(TopUp(at=current + timedelta(hours=9, minutes=20), amount=topup))
                cost = sum((charge.cost for charge in self._day(current)), Decimal(0))
                self.history.closings.append((left - cost, charged + cost))
            return self.history.closings[position]


def day_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def part_of_day(charge: Charge, first: int, last: int, step: Decimal) -> Charge:
    """The share of a day's charge that falls into hours [first, last). The 24 parts add up to the whole."""

    def share(total: int) -> int:
        return int(total * _CUMULATIVE[last]) - int(total * _CUMULATIVE[first])

    return Charge(
        start=charge.start + first * HOUR,
        model=charge.model,
        key=charge.key,
        project=charge.project,
        requests=share(charge.requests),
        input_tokens=share(charge.input_tokens),
        cached_tokens=share(charge.cached_tokens),
        cache_write_tokens=share(charge.cache_write_tokens),
        output_tokens=share(charge.output_tokens),
        reasoning_tokens=share(charge.reasoning_tokens),
        cost=cost_of_hours(charge, first, last, step),
    )


def hours_of_day(charge: Charge, first: int, last: int, step: Decimal) -> list[Charge]:
    """What each of the hours [first, last) takes of a day's charge. The 24 hours add up to the whole."""
    begun = _CUMULATIVE[first : last + 1]

    def shares(total: int) -> list[int]:
        until = [int(total * part) for part in begun]
        return [after - before for before, after in pairwise(until)]

    counts = zip(
        shares(charge.requests),
        shares(charge.input_tokens),
        shares(charge.cached_tokens),
        shares(charge.cache_write_tokens),
        shares(charge.output_tokens),
        shares(charge.reasoning_tokens),
        (steps * step for steps in shares(int(charge.cost / step))),
        strict=True,
    )
    whose = charge.model, charge.key, charge.project
    return [Charge(charge.start + hour * HOUR, *whose, *used) for hour, used in enumerate(counts, start=first)]


def cost_of_hours(charge: Charge, first: int, last: int, step: Decimal) -> Decimal:
    """The money of a day's charge that hours [first, last) take."""
    steps = int(charge.cost / step)
    return (int(steps * _CUMULATIVE[last]) - int(steps * _CUMULATIVE[first])) * step


def account_name(token: str) -> str | None:
    """The account that a simulated key belongs to: "sk-...sim-harbor-..." is "harbor". None: there is no such key."""
    found = _ACCOUNT.search(token)
    return found.group(1) if found else None


class World:
    """All simulated accounts of one server."""

    def __init__(self, seed: int = 7) -> None:
        self.seed = seed
        self._accounts: dict[tuple[str, str], SimAccount] = {}
        self._lock = threading.Lock()

    def account(self, profile: Profile, name: str) -> SimAccount:
        with self._lock:
            place = (profile.slug, name)
            if place not in self._accounts:
                self._accounts[place] = SimAccount(self.seed, profile, name)
            return self._accounts[place]


@lru_cache(maxsize=4096)
def made_up_id(prefix: str, *parts: str, length: int = 24) -> str:
    """A stable id in a provider's style, e.g. made_up_id("key_", account, name)."""
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    chance = random.Random("|".join((prefix, *parts)))
    return prefix + "".join(chance.choice(letters) for _ in range(length))


@lru_cache(maxsize=4096)
def made_up_uuid(*parts: str) -> str:
    """A stable UUID in text form."""
    digits = f"{random.Random('|'.join(parts)).getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
