"""What the columns of an export are, by their names. Pure.

The names come from the exports and bill tables that the providers' documentation and consoles show; a person sees the
proposal and changes it. A name is compared without case, punctuation and what stands in brackets.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy

TIME, MODEL, KEY, PROJECT, USER, ITEM = "time", "model", "provider_key", "project", "user", "line_item"
INPUT, CACHED, WRITTEN, OUTPUT = "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"
REASONING, REQUESTS, AMOUNT, UNIT = "reasoning_tokens", "requests", "amount", "unit"
COUNTS = (INPUT, CACHED, WRITTEN, OUTPUT, REASONING, REQUESTS)
NUMBERS = (*COUNTS, AMOUNT)
ADDED = frozenset(COUNTS)  # several columns may be one of these: they are added

FIELDS: dict[str, Any] = {
    TIME: gettext_lazy("Date or time"),
    MODEL: gettext_lazy("Model"),
    KEY: gettext_lazy("Key"),
    PROJECT: gettext_lazy("Project or workspace"),
    USER: gettext_lazy("Person"),
    ITEM: gettext_lazy("Item of the bill"),
    INPUT: gettext_lazy("Input tokens"),
    CACHED: gettext_lazy("Cached input tokens"),
    WRITTEN: gettext_lazy("Tokens written to the cache"),
    OUTPUT: gettext_lazy("Output tokens"),
    REASONING: gettext_lazy("of it reasoning tokens"),
    REQUESTS: gettext_lazy("Requests"),
    AMOUNT: gettext_lazy("Cost"),
    UNIT: gettext_lazy("Currency"),
}

# The better names first: where several columns would be the same thing, the first of these that is there is it.
_NAMES: dict[str, tuple[str, ...]] = {
    TIME: (
        "start time iso", "usage date utc", "utc date", "charge period start", "usage start date", "usage start time",
        "start date", "start time", "bucket start", "date", "day", "usage date", "billing date", "bill date",
        "consume time", "ymd", "timestamp", "datetime", "date time", "time", "created at", "created", "hour", "month",
        "usage month", "billing month", "billing cycle", "period", "日期", "时间", "账单日期", "消费时间", "消费日期",
        "使用日期", "账期", "日期时间", "時間",
    ),
    MODEL: (
        "model", "model name", "model id", "model version", "model permaslug", "deployment", "deployment name",
        "base model", "模型", "模型名称", "模型名稱", "resource name",
    ),
    KEY: (
        "api key id", "api key name", "api key", "key name", "key id", "key", "token name", "api密钥", "api key名称",
        "密钥名称",
    ),
    PROJECT: (
        "project name", "project id", "project", "workspace name", "workspace id", "workspace", "sub account name",
        "sub account id", "organization", "resource group", "业务空间", "项目", "项目名称", "工作空间",
    ),
    USER: ("user email", "user name", "username", "user id", "user", "member", "用户", "用户名"),
    ITEM: (
        "line item", "sku description", "sku", "sku meter", "meter name", "meter", "charge description", "token type",
        "billing item", "item", "method", "计费项", "消费类型",
    ),
    INPUT: (
        "usage input tokens no cache", "uncached input tokens", "input tokens no cache", "input tokens",
        "prompt tokens", "n context tokens total", "consume input token", "tokens prompt", "input token count",
        "input", "tokens in", "输入tokens", "输入token数", "输入 tokens", "输入token",
    ),
    CACHED: (
        "usage input tokens cache read", "cache read input tokens", "cache read tokens", "input cached tokens",
        "cached input tokens", "cached tokens", "prompt cache hit tokens", "cache read", "cached", "tokens cached",
        "缓存命中tokens", "缓存tokens",
    ),
    WRITTEN: (
        "usage input tokens cache write 5m", "usage input tokens cache write 1h", "cache creation input tokens",
        "cache write tokens", "cache write tokens 5m", "cache write tokens 1h", "cache write",
    ),
    OUTPUT: (
        "usage output tokens", "output tokens", "completion tokens", "generated tokens", "n generated tokens total",
        "consume output token", "tokens completion", "output token count", "output", "tokens out", "输出tokens",
        "输出token数", "输出 tokens", "输出token",
    ),
    REASONING: ("reasoning tokens", "output reasoning tokens", "tokens reasoning", "native tokens reasoning"),
    REQUESTS: (
        "num model requests", "requests", "request count", "n requests", "num requests", "api requests", "calls",
        "请求次数", "调用次数", "请求数",
    ),
    AMOUNT: (
        "amount value", "net amount", "billed cost", "cost usd", "cost in usd", "total cost", "pretax amount",
        "consume cash after voucher", "consume cash", "cost total", "cost", "subtotal", "spend", "charge", "fee",
        "total", "payment amount", "usage usd", "usage cost", "amount usd", "amount", "消费金额", "费用", "应付金额",
        "金额", "实付金额",
    ),
    UNIT: ("amount currency", "billing currency", "currency code", "currency", "wallet currency", "币种", "货币"),
}  # fmt: skip
_FIELD_OF = {name: (field, place) for field, names in _NAMES.items() for place, name in enumerate(names)}
# Providers that count like this tell the cached part again inside the whole.
_INCLUDING = frozenset({"prompt tokens", "input cached tokens", "prompt cache hit tokens", "n context tokens total"})
_APART = frozenset({"usage input tokens no cache", "uncached input tokens", "input tokens no cache"})
_UNIT_IN_NAME = re.compile(r"(?:^|[\W_])(usd|eur|gbp|cny|rmb|jpy|twd|hkd|sgd|inr|krw|\$|€|£|元)(?:$|[\W_])", re.I)
_MEANT = {"$": "USD", "€": "EUR", "£": "GBP", "元": "CNY", "RMB": "CNY"}


def plain(name: str) -> str:
    """A header as it is compared: "inputTokens (M)" and "input_tokens" are one."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[(（\[].*?[)）\]]", " ", name))
    return " ".join(re.findall(r"[^\W_]+", apart.lower()))


def recognised(name: str) -> str:
    """What a column of this name is, or ""."""
    return _FIELD_OF.get(plain(name), ("", 0))[0]


def proposed(names: Sequence[str]) -> list[str]:
    """For each column what it is, or "" to leave it out. What can be one column only is the best named."""
    found = [_FIELD_OF.get(plain(name), ("", 0)) for name in names]
    best: dict[str, int] = {}
    for field, rank in found:
        if field:
            best[field] = min(rank, best.get(field, rank))
    taken: set[str] = set()
    proposal = []
    for field, rank in found:
        several = field == WRITTEN
        chosen = bool(field) and (several or (rank == best[field] and field not in taken))
        proposal.append(field if chosen else "")
        taken |= {field} if chosen else set()
    return proposal


def unit_in(names: Sequence[str], columns: Sequence[str]) -> str:
    """The currency that the name of the cost column says, or ""."""
    for name, field in zip(names, columns, strict=True):
        if field == AMOUNT and (match := _UNIT_IN_NAME.search(name)):
            return _MEANT.get(match[1].upper(), match[1].upper())
    return ""


def cached_inside(names: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether the input column counts cached tokens too, by how the columns are named."""
    used = {plain(name) for name, field in zip(names, columns, strict=True) if field}
    return bool(used & _INCLUDING) and not used & _APART


def signature(names: Sequence[str]) -> str:
    """By which a file with the same columns is recognised: 32 hex digits."""
    return hashlib.sha256("\x1f".join(plain(name) or name for name in names).encode()).hexdigest()[:32]
