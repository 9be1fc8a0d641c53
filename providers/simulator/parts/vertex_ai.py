"""Google Cloud as Purser reads it: tokens for a service account, Monitoring series, quota limits, a BigQuery table of
costs in EUR, a budget, and the project's billing link."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.simulator.server import Answer, Call, Handler, Part
from providers.simulator.world import ModelProfile, Profile, account_name

PROFILE = Profile(
    slug="vertex-ai",
    unit="EUR",
    step=Decimal("0.0001"),
    daily_spend=Decimal("110"),
    topup=Decimal("4000"),
    topup_below=Decimal("400"),
    models=(
        ModelProfile(id="claude-opus-5", input_price=Decimal("5"), output_price=Decimal("25"), weight=2),
        ModelProfile(id="claude-sonnet-4-5@20250929", input_price=Decimal("3"), output_price=Decimal("15"), weight=3),
        ModelProfile(id="claude-haiku-4-5@20251001", input_price=Decimal("1"), output_price=Decimal("5")),
    ),
    projects=("ai",),
)
BILLING_ACCOUNT = "0AAAAA-0BBBBB-0CCCCC"
TABLE_END = ".billing.gcp_billing_export_v1_" + BILLING_ACCOUNT.replace("-", "_")
COLUMNS = ("day", "service", "sku", "project", "currency", "cost_type", "net_cost")
SERVING = "aiplatform.googleapis.com/publisher/online_serving"
LIMITS = {
    "online_prediction_requests_per_base_model": 1200,
    "online_prediction_input_tokens_per_minute_per_base_model": 400_000,
    "online_prediction_output_tokens_per_minute_per_base_model": 80_000,
}
FAMILIES = {"opus": "anthropic-claude-opus", "sonnet": "anthropic-claude-sonnet-4-5", "haiku": "anthropic-claude-haiku"}
LISTED = "projects/123/locations/global/services/aiplatform.googleapis.com/quotaInfos"
DAY = timedelta(days=1)


def error(status: int, kind: str, message: str, reason: str | None = None) -> Answer:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    told = {"code": status, "message": message, "status": kind, "details": details}
    return Answer(status=status, document={"error": told})


def bigquery_error(status: int, reason: str) -> Answer:
    errors = [{"message": "made up", "domain": "global", "reason": reason}]
    return Answer(status=status, document={"error": {"code": status, "message": "made up", "errors": errors}})


def refuse(status: int) -> Answer:
    if status == 403:
        return error(403, "PERMISSION_DENIED", "The caller does not have permission")
    return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")


def issue(form: Mapping[str, str]) -> Answer:
    """A token for a signed claim. Whose it is stands in the claim; the signature is not looked at."""
    try:
        claims = form["assertion"].split(".")[1]
        address = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
    except (KeyError, IndexError, ValueError, TypeError):
        address = ""
    name = account_name(str(address))
    if name is None:
        words = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return Answer(status=400, document=words)
    return Answer(document={"access_token": f"ya29.c.sim-{name}", "expires_in": 3599, "token_type": "Bearer"})


def project_of(call: Call) -> str:
    return f"acme-{call.account.name}"


def own_project(handler: Handler) -> Handler:
    """A route below a project: another one than the account's is forbidden, whether it exists or not."""

    def guarded(call: Call) -> Answer:
        return handler(call) if call.one("project") == project_of(call) else refuse(403)

    return guarded


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def page(call: Call, rows: Sequence[Any], name: str, most: int) -> Answer:
    """A slice of a list. The marker is the place to go on from; an empty list is left out."""
    size, first = min(int(call.one("pageSize") or most), most), int(call.one("pageToken", "0"))
    document: dict[str, Any] = {name: rows[first : first + size]} if rows[first : first + size] else {}
    if first + size < len(rows):
        document["nextPageToken"] = str(first + size)
    return Answer(document=document)


def time_series(call: Call) -> Answer:
    """Token and request counts, newest point first. With view FULL a page counts points, so a series may go on."""
    metric = re.search(rf'metric\.type="{SERVING}/(\w+)"', call.one("filter"))
    period = timedelta(seconds=int(call.one("aggregation.alignmentPeriod").removesuffix("s") or 0))
    start, end = moment(call.one("interval.startTime")), moment(call.one("interval.endTime"))
    if metric is None or period < timedelta(minutes=1) or call.one("aggregation.perSeriesAligner") != "ALIGN_SUM":
        return error(400, "INVALID_ARGUMENT", "The filter or the aggregation is not valid.")
    counts: dict[tuple[str, str | None], dict[datetime, int]] = {}
    charges = call.account.daily if period == DAY else call.account.charges
    for charge in charges(start, min(end, call.now)):
        begins = start + (charge.start - start) // period * period
        for kind, count in counted(metric[1], charge):
            points = counts.setdefault((charge.model, kind), {})
            points[begins] = points.get(begins, 0) + count
    flat = [
        (model, kind, at, count)
        for (model, kind), points in counts.items()
        for at, count in sorted(points.items(), reverse=True)
    ]
    size, first = min(int(call.one("pageSize", "100000")), 500), int(call.one("pageToken", "0"))
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for model, kind, at, count in flat[first : first + size]:
        series = found.setdefault((model, kind), series_of(call, metric[1], model, kind))
        interval = {"startTime": stamp(at), "endTime": stamp(at + period)}
        series["points"].append({"interval": interval, "value": {"int64Value": str(count)}})
    document: dict[str, Any] = {"timeSeries": list(found.values())} if found else {}
    if first + size < len(flat):
        document["nextPageToken"] = str(first + size)
    return Answer(document={**document, "unit": "1"})


def counted(metric: str, charge: Any) -> Iterator[tuple[str | None, int]]:
    if metric == "token_count":
        yield "input", charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens
        yield "output", charge.output_tokens
    elif metric == "model_invocation_count":
        yield None, charge.requests


def series_of(call: Call, metric: str, model: str, kind: str | None) -> dict[str, Any]:
    name, _, version = model.partition("@")
    labels = {"publisher": "anthropic", "model_user_id": name, "model_version_id": version, "location": "global"}
    return {
        "metric": {"type": f"{SERVING}/{metric}", "labels": {"type": kind} if kind else {}},
        "resource": {
            "type": "aiplatform.googleapis.com/PublisherModel",
            "labels": {**labels, "resource_container": project_of(call)},
        },
        "metricKind": "DELTA",
        "valueType": "INT64",
        "points": [],
    }


def quota_infos(call: Call) -> Answer:
    """The limits of Claude among others of the service, by area."""
    rows: list[dict[str, Any]] = [
        {
            "name": f"{LISTED}/Endpoints",
            "quotaId": "Endpoints",
            "metric": "aiplatform.googleapis.com/online_endpoints",
            "dimensions": ["region"],
            "dimensionsInfos": [{"details": {"value": "100"}, "applicableLocations": ["europe-west1"]}],
        }
    ]
    for area, places in {"global_": ["global"], "eu_multi_region_": ["eu"]}.items():
        for metric, limit in LIMITS.items():
            rows.append(
                {
                    "name": f"{LISTED}/{area}{metric}",
                    "quotaId": f"{area}{metric}",
                    "metric": f"aiplatform.googleapis.com/{area}{metric}",
                    "service": "aiplatform.googleapis.com",
                    "refreshInterval": "minute",
                    "containerType": "PROJECT",
                    "dimensions": ["base_model"],
                    "dimensionsInfos": [
                        {
                            "dimensions": {"base_model": model},
                            "details": {"value": str(limit)},
                            "applicableLocations": places,
                        }
                        for model in FAMILIES.values()
                    ],
                }
            )
    return page(call, rows, "quotaInfos", 4)


def budgets(call: Call) -> Answer:
    if call.one("billing_account") != BILLING_ACCOUNT:
        return refuse(403)
    row = {
        "name": f"billingAccounts/{BILLING_ACCOUNT}/budgets/b1",
        "displayName": "AI monthly",
        "budgetFilter": {"calendarPeriod": "MONTH", "projects": ["projects/123"]},
        "amount": {"specifiedAmount": {"currencyCode": "EUR", "units": "4500"}},
    }
    return page(call, [row], "budgets", 100)


def billing_info(call: Call) -> Answer:
    name = f"billingAccounts/{BILLING_ACCOUNT}"
    return Answer(document={"billingAccountName": name, "billingEnabled": True})


def start_query(call: Call) -> Answer:
    """The documented query alone. A long one does not finish at once."""
    given = {one["name"]: one["parameterValue"]["value"] for one in call.body["queryParameters"]}
    if f"`{project_of(call)}{TABLE_END}`" not in call.body["query"] or call.body["location"] != "EU":
        return bigquery_error(404, "notFound")
    if given["project"] != project_of(call) or not call.body.get("maximumBytesBilled"):
        return bigquery_error(400, "invalidQuery")
    first, last = moment(given["from"]), moment(given["to"])
    job = f"job_{first:%Y%m%d}_{last:%Y%m%d}"
    return results(call, job, done=last - first <= 60 * DAY, most=int(call.body["maxResults"]))


def query_results(call: Call) -> Answer:
    return results(call, call.one("job"), done=True, most=int(call.one("maxResults", "1000")))


def results(call: Call, job: str, *, done: bool, most: int) -> Answer:
    reference = {"projectId": project_of(call), "jobId": job, "location": "EU"}
    document: dict[str, Any] = {"kind": "bigquery#queryResponse", "jobComplete": done, "jobReference": reference}
    if not done:
        return Answer(document=document)
    first, last = (datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in job.split("_")[1:])
    rows = list(cost_rows(call, first, min(last, call.now)))
    size, begin = min(most, 200), int(call.one("pageToken", "0"))
    shown = rows[begin : begin + size]
    types = {"net_cost": "FLOAT"}
    fields = [{"name": name, "type": types.get(name, "STRING"), "mode": "NULLABLE"} for name in COLUMNS]
    if shown:
        document["rows"] = [{"f": [{"v": value} for value in row]} for row in shown]
    document |= {"schema": {"fields": fields}, "totalRows": str(len(rows))}
    if begin + size < len(rows):
        document["pageToken"] = str(begin + size)
    return Answer(document=document)


def cost_rows(call: Call, first: datetime, last: datetime) -> Iterator[tuple[str, ...]]:
    found: dict[tuple[str, str], Decimal] = {}
    for charge in call.account.daily(first, last):
        words = " ".join(part.capitalize() for part in charge.model.partition("@")[0].split("-"))
        output = (charge.cost / 2).quantize(PROFILE.step)
        for kind, amount in (("Input", charge.cost - output), ("Output", output)):
            place = (f"{charge.start:%Y-%m-%d}", f"{words} {kind} Tokens (made up)")
            found[place] = found.get(place, Decimal(0)) + amount
    for (day, sku), amount in found.items():
        yield day, "Vertex AI", sku, project_of(call), "EUR", "regular", f"{amount:E}"


def throw_away() -> str:
    """A private key that nothing trusts, made anew by every process: the simulator looks at no signature."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()


def key_file(account: str) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": f"acme-{account}",
            "private_key_id": "made-up",
            "private_key": throw_away(),
            "client_email": f"sim-{account}@acme-{account}.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


MONITORED = "/v3/projects/{project}/timeSeries"
LIMITED = "/v1/projects/{project}/locations/global/services/aiplatform.googleapis.com/quotaInfos"
QUERIES = "/bigquery/v2/projects/{project}/queries"

PART = Part(
    slug="vertex-ai",
    hosts=frozenset(
        {
            "oauth2.googleapis.com",
            "monitoring.googleapis.com",
            "cloudquotas.googleapis.com",
            "bigquery.googleapis.com",
            "cloudbilling.googleapis.com",
            "billingbudgets.googleapis.com",
        }
    ),
    profile=PROFILE,
    routes={
        ("GET", MONITORED): own_project(time_series),
        ("GET", LIMITED): own_project(quota_infos),
        ("POST", QUERIES): own_project(start_query),
        ("GET", f"{QUERIES}/{{job}}"): own_project(query_results),
        ("GET", "/v1/projects/{project}/billingInfo"): own_project(billing_info),
        ("GET", "/v1/billingAccounts/{billing_account}/budgets"): budgets,
    },
    refuse=refuse,
    issuers={("POST", "/token"): issue},
    demo={
        "service_account_json": key_file("harbor"),
        "project_id": "acme-harbor",
        "location": "global",
        "billing_table": f"acme-harbor{TABLE_END}",
        "bigquery_location": "EU",
        "billing_account_id": BILLING_ACCOUNT,
    },
)
