"""`python -m tests.benchmarks [NAME ...]`: measure, print, and write var/bench.json."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from tests.benchmarks.browser import in_the_browser
from tests.benchmarks.figures import Figure
from tests.benchmarks.landing import landing
from tests.benchmarks.pages import overview
from tests.benchmarks.parsing import parsing
from tests.benchmarks.routing import routing
from tests.benchmarks.spend import spend
from tests.benchmarks.syncing import demo_refresh, many_credentials

BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "parsing": parsing,
    "landing": landing,
    "demo": demo_refresh,
    "sync": many_credentials,
    "routing": routing,
    "overview": overview,
    "spend": spend,
    "browser": in_the_browser,
}
OUT = Path(__file__).resolve().parents[2] / "var" / "bench.json"


def main(names: list[str]) -> int:
    if "PURSER_TEST_SERVICES" not in os.environ:
        sys.exit("Benchmarks empty their database: run them with `make bench`, which brings one of its own.")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        call_command("flush", interactive=False, verbosity=0)
        for figure in BENCHMARKS[name]():
            print(figure.line(), flush=True)
            figures.append(figure)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([figure.as_dict() for figure in figures], indent=1) + "\n")
    print(f"written to {OUT.relative_to(OUT.parents[1])}")
    return 0 if all(figure.ok is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
