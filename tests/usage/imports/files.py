"""Files as consoles export them, and a way to read them without a database."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboard.usage.imports.dialect import dialect_of, encoding_of
from dashboard.usage.imports.lines import Line, Mapping, Reader, Refusal, Repeat
from dashboard.usage.imports.proposal import propose, sample_of

UNTIL = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)

# The columns that a coding assistant's premium request report has, as the provider's sheet lists them.
SEATS = (
    '"date","username","product","sku","model","quantity","gross_amount","discount_amount","net_amount","organization"\n'
    '"2026-11-16","kay","assistant","requests","m-large","3","0.12","0.02","0.10","harbor"\n'
    '"2026-11-16","","assistant","requests","m-large","1","0.04","0","0.04","harbor"\n'
)
# Start and end as epoch, cached tokens inside the input, many columns that say nothing to us.
USAGE = (
    "start_time,end_time,start_time_iso,end_time_iso,input_tokens,output_tokens,input_cached_tokens,num_model_requests,"
    "project_id,user_id,api_key_id,model,batch\n"
    "1794787200,1794873600,2026-11-16T00:00:00+00:00,2026-11-17T00:00:00+00:00,1000,50,400,7,proj_1,,key_1,m,False\n"
    "1794873600,1794960000,2026-11-17T00:00:00+00:00,2026-11-18T00:00:00+00:00,200,5,0,1,proj_1,,key_1,m,False\n"
)
COSTS = (
    "usage_date_utc,model,workspace,api_key,token_type,cost_usd\n"
    "2026-11-16,m,Research,ci,input,1.25\n"
    "2026-11-16,m,Research,ci,output,0.75\n"
    "2026-11-17,m,Research,ci,input,0.5\n"
)
EUROPEAN = "Datum;Modell;Eingabe;Kosten\n16.11.2026;m;1.234;1.234,56 €\n17.11.2026;m;2.000;0,44 €\n"
CHINESE = "日期,模型,输入tokens,输出tokens,消费金额,币种\n2026-11-16,m,100,20,1.5,CNY\n"


def written(
    names: Sequence[str], rows: Iterable[Sequence[Any]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> bytes:
    """A file in that dialect."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def proposal(data: bytes) -> Mapping:
    dialect = dialect_of(data[:65536], encoding_of([data]))
    return propose(sample_of([data], dialect), dialect)


def read(data: bytes, mapping: Mapping, **more: Any) -> list[Line | Refusal | Repeat]:
    return list(Reader(mapping, until=UNTIL, **more).read([data]))


def lines(data: bytes, mapping: Mapping) -> list[Line]:
    found = read(data, mapping)
    assert all(isinstance(one, Line) for one in found), found
    return found  # type: ignore[return-value]


def refusals(data: bytes, mapping: Mapping) -> list[tuple[int, str]]:
    return [(one.line, one.words) for one in read(data, mapping) if isinstance(one, Refusal)]
