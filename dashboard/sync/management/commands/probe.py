"""`manage.py probe SLUG`: read an account once without storing anything, to learn what a key can tell. With `--all`
every provider of which the environment holds a key; with `--simulator` too, all of them, as the simulator plays them.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from dashboard.sync.management.survey import as_document, environment_survey, simulator_survey, span_start, table
from providers.collect import CapabilityNotOffered, Credentials, collect
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.records import as_json
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES, Provider, Window
from providers.transport import Transport

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FAILED = {"action_needed", "retryable", "payload_error"}


class Command(BaseCommand):
    help = "Read a provider account once, without storing anything."
    requires_system_checks: list[str] = []  # reads no database and no Redis

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", nargs="?", help=f"one of: {', '.join(sorted(PROVIDERS))}")
        parser.add_argument("--all", action="store_true", help="every provider whose key is in the environment")
        parser.add_argument("--simulator", action="store_true", help="with --all: every provider of the simulator")
        parser.add_argument(
            "--field",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a field of the credential; NAME=- reads the value from standard input, one line each",
        )
        parser.add_argument("--capability", action="append", default=[], metavar="NAME", help="only these")
        parser.add_argument("--via", metavar="URL", help="send every request to this server, original host in Host")
        parser.add_argument("--since", metavar="T", help="start of the span for usage and cost (ISO 8601)")
        parser.add_argument("--until", metavar="T", help="its end; now unless given")
        parser.add_argument("--now", metavar="T", help="the moment to read at; the clock unless given")
        parser.add_argument("--fields", action="store_true", help="list the fields of this provider and stop")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"] or options["simulator"]:
            self._survey(options)
        elif options["slug"] is None:
            raise CommandError("Say which provider, or --all.")
        else:
            self._probe(options)

    def _survey(self, options: Any) -> None:
        unfit = [name for name in ("slug", "field", "since", "until", "fields") if options[name]]
        if not options["all"] or unfit or (options["simulator"] and options["via"]):
            raise CommandError("--all goes with --simulator or --via, --capability, --now and --json alone.")
        now = _moment(options["now"], "--now") or datetime.now(UTC)
        capabilities = _wanted(CAPABILITIES, options["capability"])
        found = (
            simulator_survey(capabilities, now)
            if options["simulator"]
            else environment_survey(capabilities, now, _relay(options["via"]))
        )
        lines = list(found)
        if not lines:
            raise CommandError("The environment holds no provider's key. --simulator needs none.")
        if options["json"]:
            self.stdout.write(json.dumps(as_document(lines, now), indent=1, ensure_ascii=False))
        else:
            self.stdout.write(table(lines, capabilities))
        if any(line.failed for line in lines):
            sys.exit(1)

    def _probe(self, options: Any) -> None:
        provider = _provider(options["slug"])
        if options["fields"]:
            self._print_fields(provider, as_json_text=options["json"])
            return
        now = _moment(options["now"], "--now") or datetime.now(UTC)
        end = _moment(options["until"], "--until") or now
        start = _moment(options["since"], "--since")
        if start is not None and start > end:
            raise CommandError("--since must be before --until.")
        credentials = Credentials(values=_fields(provider, options["field"]))
        transport = Transport(reach="private" if provider.self_hosted else "public", via=_relay(options["via"]))
        results = [
            _read(provider, capability, credentials, (start, end, now), transport, asked=bool(options["capability"]))
            for capability in _wanted(list(provider.capabilities), options["capability"])
        ]
        if options["json"]:
            told = {"provider": provider.slug, "now": _text(now), "results": results}
            self.stdout.write(json.dumps(told, indent=1, ensure_ascii=False))
        else:
            self._print_table(provider, results)
        if any(result["status"] in FAILED for result in results):
            sys.exit(1)

    def _print_fields(self, provider: Provider, *, as_json_text: bool) -> None:
        rows = [
            {
                "name": field.name,
                "label": field.label,
                "secret": field.secret,
                "required": field.required,
                "help": field.help,
            }
            for field in provider.fields
        ]
        if as_json_text:
            self.stdout.write(json.dumps({"fields": rows}, indent=1, ensure_ascii=False))
            return
        for field in rows:
            marks = ", ".join(name for name in ("secret", "required") if field[name])
            self.stdout.write(f"{field['name']}  {field['label']}{f' ({marks})' if marks else ''}\n    {field['help']}")

    def _print_table(self, provider: Provider, results: Sequence[dict[str, Any]]) -> None:
        self.stdout.write(provider.name)
        for result in results:
            count = f"{len(result['records'])} records" if result["status"] == "ok" else ""
            note = " (in part)" if result["partial"] else ""
            self.stdout.write(
                f"\n{result['capability']:<8} {result['status']:<14} {count}{note} {result['message'] or ''}".rstrip()
            )
            for record in result["records"][:50]:
                told = {name: value for name, value in record.items() if name != "type" and value not in (None, {}, [])}
                self.stdout.write("    " + "  ".join(f"{name}={_in_line(value)}" for name, value in told.items()))
            if len(result["records"]) > 50:
                self.stdout.write(f"    ... and {len(result['records']) - 50} more (--json prints all)")


def _in_line(value: Any) -> Any:
    """Rows within a record (gauges) as what they tell; everything else as it is."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return value
    return "; ".join(" ".join(str(part) for part in row.values() if part is not None) for row in value)


def _provider(slug: str) -> Provider:
    if slug not in PROVIDERS:
        raise CommandError(f"There is no provider “{slug}”. Known: {', '.join(sorted(PROVIDERS))}.")
    return PROVIDERS[slug]


def _wanted(known: Sequence[str], wanted: Sequence[str]) -> list[str]:
    for name in wanted:
        if name not in known:
            raise CommandError(f"There is no capability “{name}”. Known: {', '.join(known)}.")
    return list(wanted or known)


def _fields(provider: Provider, pairs: Sequence[str]) -> dict[str, str]:
    known = {field.name for field in provider.fields}
    values = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or name not in known:
            # Nothing is repeated: a key given without its NAME= would stand here.
            raise CommandError(f"--field expects NAME=VALUE with one of these names: {', '.join(sorted(known))}.")
        values[name] = (sys.stdin.readline() if value == "-" else value).strip()
    return values


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{option} is not an ISO 8601 time, e.g. 2026-11-20T00:00:00Z.") from error


def _relay(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise CommandError("--via is a URL such as https://relay.example or http://127.0.0.1:8700.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise CommandError("--via without encryption is for this machine only: use https, or http://127.0.0.1:PORT.")
    return url


def _read(
    provider: Provider,
    capability: str,
    credentials: Credentials,
    span: tuple[datetime | None, datetime, datetime],
    transport: Transport,
    *,
    asked: bool,
) -> dict[str, Any]:
    start, end, now = span
    if start is None:
        start = span_start(provider.endpoint(capability), end)
    result: dict[str, Any] = {
        "capability": capability,
        "status": "ok",
        "message": None,
        "retry_after_seconds": None,
        "partial": False,
        "records": [],
    }
    try:
        found = collect(provider, capability, credentials, Window(start=start, end=end, now=now), transport.send)
    except CapabilityNotOffered as absent:
        words = " ".join(part for part in (absent.declared.reason, absent.declared.fallback) if part)
        return {**result, "status": "not_offered", "message": words}
    except ProviderError as error:
        status = error.kind
        if isinstance(error, ActionNeeded) and error.code == "missing_field" and not asked:
            # Asked for everything, a key tells what it can; what needs another key is not a failure of this one.
            required = {field.name for field in provider.fields if field.required}
            if credentials.account(provider).secrets and error.field not in required:
                status = "not_available"
        retry_after = error.retry_after if isinstance(error, Retryable) else None
        return {**result, "status": status, "message": error.message, "retry_after_seconds": retry_after}
    return {
        **result,
        "message": " ".join(found.partial) or None,
        "partial": bool(found.partial),
        "records": [as_json(record) for record in found.records],
    }


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
