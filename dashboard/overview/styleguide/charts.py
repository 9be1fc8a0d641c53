"""Charts of made-up figures."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboard.core.charts.balance import Dry, balance_chart
from dashboard.core.charts.shapes import Layer
from dashboard.core.charts.spend import stack_chart


def chart_samples(now: datetime) -> dict[str, Any]:
    """A stack of days whose last two are open, and a balance with its end in sight."""
    today = now.date()
    days = [today - timedelta(days=back) for back in range(13, -1, -1)]
    layers = [
        Layer(name, [Decimal(base + (number * step) % 17) for number in range(14)], days[-2:] if number_open else ())
        for name, base, step, number_open in (
            ("Search", 41, 5, True),
            ("Support", 23, 7, False),
            ("Research", 9, 3, True),
        )
    ]
    readings = [(now - timedelta(days=back), Decimal(40 + 31 * back)) for back in range(30, -1, -1)]
    return {
        "stack": stack_chart(days, layers, unit="USD", title="Spend of two weeks"),
        "falling": balance_chart(
            readings,
            unit="USD",
            title="Balance",
            zone="Asia/Taipei",
            since=readings[0][0],
            now=now,
            dry=Dry(now + timedelta(days=1), now + timedelta(days=2)),
        ),
    }
