"""MetaChat (mmchat.xyz): the model list, and two account calls that the admin describes because they are not public.

Docs: https://metachat.apifox.cn/ and https://github.com/metachat2026/support, checked 2026-11-20. The site's section
"Account" names "查询 API 元点余额" (API point balance) and "查询 API 元点使用记录" (API point usage records), but no
copy of the two pages was found: neither method, path, paging nor field names are known, so nothing is guessed here.
Balance and usage stay off until the admin has pasted the URLs and said where in the answers the figures stand.
Key: any API key ("sk-live-..." with a JWT). No read-only kind was found, so every key can spend.
Quirks: the unit is "API points", not money, and no price of a point is public; a failure can come as HTTP 200 with
{"status": "Fail"}; the second host (.dev) serves the same account.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.parse import decimal, get, instant, integer, rows, text, unix_millis, unix_seconds
from providers.records import Balance, Identity, Model, UsageBucket
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

DOCS = "https://metachat.apifox.cn/"
CONSOLE = "https://metachat.fun"
PRIMARY = "https://llm-api.mmchat.xyz/v1"
BACKUP = "https://llm-api.mmchat.dev/v1"
OTHER_HOST = {PRIMARY: BACKUP, BACKUP: PRIMARY}
UNIT = "API points"
SECOND = timedelta(seconds=1)
FIRST_MILLISECONDS = 100_000_000_000  # as seconds that would be the year 5138, as milliseconds it is 1973
DAY_ONLY = re.compile(r"\d{4}-\d\d-\d\d")
ZONED = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


def document_of(reply: Reply) -> Any:
    """The decoded answer, unless it says "Fail" under HTTP 200, as MetaChat's envelope does."""
    document = reply.json()
    if isinstance(document, dict) and document.get("status") == "Fail":
        raise Retryable("MetaChat answered that the call failed.", status=reply.status)
    return document


def at_path(document: Any, path: str) -> Any:
    """The value at a dotted path such as "data.items" or "data.0.balance"; "$" is the whole document."""
    value = document
    for step in path.strip().removeprefix("$").lstrip(".").split(".") if path.strip() != "$" else ():
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and len(step) < 9 and int(step) < len(value):
            value = value[int(step)]
        else:
            raise PayloadError("The answer has nothing at a configured path. Compare the paths with MetaChat's page.")
    return value


def moment(value: Any, zone: str) -> datetime:
    """A time in any usual form: ISO 8601, "2026-11-20 10:00:00" (in the configured zone), seconds or milliseconds."""
    where = "The time of a usage row"
    if not isinstance(value, str) or value.strip().isdecimal():
        return (unix_millis if decimal(value, where) >= FIRST_MILLISECONDS else unix_seconds)(value, where)
    raw = value.strip()
    if DAY_ONLY.fullmatch(raw):
        raw += "T00:00:00"
    return instant(raw if ZONED.search(raw) else raw + zone, where)


def parse_balance(reply: Reply, path: str) -> Balance:
    points = decimal(at_path(document_of(reply), path), "The balance")
    return Balance(name="API points", kind="prepaid", amount=points, unit=UNIT)


def parse_usage(reply: Reply, account: Account, window: Window) -> Iterator[UsageBucket]:
    """Buckets of one second: nobody documents how wide a row is, and so a re-read that holds fewer rows overwrites
    nothing. Rows alike in every field are one row; others of one second and model are added up."""
    listed = rows(at_path(document_of(reply), account.get("usage_rows_json_path")), "The list of usage rows")
    readers = {"model": text, "points": decimal, "input": integer, "output": integer}
    found: dict[tuple[datetime, str | None], list[dict[str, Any]]] = {}
    for row in {repr(row): row for row in listed}.values():
        start = moment(at_path(row, account.get("usage_time_path")), account.get("usage_time_zone"))
        told: dict[str, Any] = {}
        for name, reader in readers.items():
            path = account.get(f"usage_{name}_path")
            value = at_path(row, path) if path else None
            told[name] = None if value is None else reader(value, f"“{name}” of a usage row")
        if window.start <= start < window.end:
            found.setdefault((start.replace(microsecond=0), told["model"]), []).append(told)
    for (start, model), parts in found.items():
        points = total(part["points"] for part in parts)
        yield UsageBucket(
            start=start,
            end=start + SECOND,
            model=model,
            input_tokens=total(part["input"] for part in parts),
            output_tokens=total(part["output"] for part in parts),
            cost=points,
            unit=None if points is None else UNIT,
        )


def total(values: Iterable[Any]) -> Any:
    """The sum of what is known, None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def parse_models(reply: Reply) -> Iterator[Model]:
    for row in get(document_of(reply), "data", rows):
        yield Model(id=get(row, "id", text))


def list_models(account: Account) -> Generator[Request | Partial, Reply, Reply]:
    """The model list from the chosen host; from the other host of the same account only when nothing answered."""
    base = account.get("base_url", PRIMARY).rstrip("/")
    try:
        return (yield Request(url=f"{base}/models", auth="api_key"))
    except Retryable as error:
        if not error.unreachable or base not in OTHER_HOST:
            raise
    return (yield Request(url=f"{OTHER_HOST[base]}/models", auth="api_key"))


def configured(account: Account, url_field: str, *fields: str) -> Generator[Request | Partial, Reply, Reply]:
    """The answer of an account call that the admin has described."""
    missing = [name for name in (url_field, *fields) if not account.has(name)]
    if missing:
        labels = ", ".join(PROVIDER.field(name).label for name in missing)
        raise NotAvailable(f"Endpoint not configured: paste from MetaChat's documentation (section Account): {labels}.")
    try:
        return (yield Request(url=account.get(url_field), auth="api_key"))
    except NotAvailable as error:
        raise ActionNeeded(
            "There is nothing at the configured URL. Copy it again from MetaChat's documentation (section Account).",
            code="missing_field",
            status=error.status,
            field=url_field,
            url=DOCS,
        ) from error


def balance(account: Account, window: Window) -> Steps:
    reply = yield from configured(account, "account_balance_url", "balance_json_path")
    return [parse_balance(reply, account.get("balance_json_path"))]


def usage(account: Account, window: Window) -> Steps:
    figures = ("usage_points_path", "usage_input_path", "usage_output_path")
    any_figure = () if any(account.has(name) for name in figures) else figures[:1]
    reply = yield from configured(account, "account_usage_url", "usage_rows_json_path", "usage_time_path", *any_figure)
    yield Partial(reason="MetaChat's paging is not documented: only the rows of one answer were read.")
    return parse_usage(reply, account, window)


def models(account: Account, window: Window) -> Steps:
    reply = yield from list_models(account)
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The model list is the only free call known to need a key. MetaChat tells no account id."""
    reply = yield from list_models(account)
    list(parse_models(reply))
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status != 401:
        return None
    words = "MetaChat does not know this key."
    if not request.url.endswith("/models"):
        words = (
            "The configured account call refused the key (401). Whether it takes this kind of key is not documented."
        )
    return ActionNeeded(words, status=401, field="api_key", url=CONSOLE)


PROVIDER = Provider(
    slug="metachat",
    name="MetaChat",
    summary="Model list; API points once the account calls are described.",
    docs_url=DOCS,
    console_url=CONSOLE,
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url=PRIMARY, use="both"),
        BaseUrl(url=BACKUP, use="both", label="Second host of the same account", backup=True),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="An ordinary API key from the console (API 管理). No read-only kind was found, so make one for Purser "
            "alone.",
            secret=True,
            required=True,
            url=CONSOLE,
            starts_with=("sk-live-",),
            environment="METACHAT_API_KEY",
            can_spend=True,
        ),
        Field(
            name="base_url",
            label="Base URL",
            help=f"Where the key is used. Enter {BACKUP} to start with the second host.",
            kind="url",
            default=PRIMARY,
        ),
        Field(
            name="account_balance_url",
            label="URL of the balance call",
            help="From MetaChat's documentation, section Account, “查询 API 元点余额”. The key is sent there, "
            "by GET as Bearer. Empty: the balance stays unknown.",
            kind="url",
            url=DOCS,
        ),
        Field(
            name="balance_json_path",
            label="Path of the balance",
            help="Dotted path to the number of points in that answer, e.g. data.balance.",
        ),
        Field(
            name="account_usage_url",
            label="URL of the usage call",
            help="From MetaChat's documentation, section Account, “查询 API 元点使用记录”. The key is sent "
            "there, by GET as Bearer, with the query that the URL holds. Empty: usage stays unknown.",
            kind="url",
            url=DOCS,
        ),
        Field(
            name="usage_rows_json_path",
            label="Path of the usage rows",
            help="Dotted path to the list of rows, e.g. data.items; $ is the whole.",
        ),
        Field(name="usage_time_path", label="Path of a row's time", help="Dotted path to the time, inside a row."),
        Field(
            name="usage_model_path",
            label="Path of a row's model",
            help="Dotted path to the model's name, inside a row. Optional.",
        ),
        Field(
            name="usage_points_path",
            label="Path of a row's points",
            help="Dotted path to the points charged, inside a row.",
        ),
        Field(
            name="usage_input_path",
            label="Path of a row's input tokens",
            help="Dotted path to the input tokens, inside a row. Optional.",
        ),
        Field(
            name="usage_output_path",
            label="Path of a row's output tokens",
            help="Dotted path to the output tokens, inside a row. Optional.",
        ),
        Field(
            name="usage_time_zone",
            label="Zone of a row's time",
            help="Only used when the times come without a zone. MetaChat does not document theirs.",
            kind="choice",
            choices=(("", "Times carry their zone"), ("+08:00", "China (UTC+8)"), ("+00:00", "UTC")),
        ),
        Field(
            name="cny_per_point",
            label="CNY per point",
            help="The price of a point in your contract, for your own records. Points are never converted into money.",
            kind="decimal",
        ),
    ),
    key_warning="Every MetaChat key can spend points. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source=DOCS),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("api_key",),
            confidence="unverified",
            source=DOCS,
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            needs=("api_key",),
            confidence="unverified",
            source=DOCS,
            history=timedelta(days=30),
            chunk=timedelta(days=30),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            confidence="observed",
            source="https://github.com/zifulifufu/team-agent",
        ),
        "quota": NotOffered(
            reason="MetaChat publishes no quota or rate-limit call.",
            fallback="Limits show only as 429 on real calls.",
        ),
        "cost": NotOffered(
            reason="MetaChat counts in API points and publishes no money figures.",
            fallback="Points are shown as the usage rows report them; the price of a point is in your contract.",
        ),
        "keys": NotOffered(
            reason="MetaChat lists API keys only in its console.",
            fallback="Look there for them.",
        ),
    },
)
