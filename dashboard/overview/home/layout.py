"""How the panels of the overview share its two columns, so that both end together from 1280 px on.

Spend stands in the narrow column, balances in the wide one. Runways are wide and lead the page, with the quotas under
the spend; where no account is known to run dry they step aside, and the quotas take the wide column. The list of
balances gets as many rows as fit beside the rest; panels that can stretch take what is left. Heights are those of the
templates, in pixels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LEAST, MOST = 8, 20
_ROW = 36
_SPEND, _SPEND_ROW, _CHART = 136, 28, 252
_QUOTAS, _GROUP, _WINDOW, _NO_QUOTAS = 40, 42, 58, 172
_DRY, _DRY_ROW, _NOTHING_DRY = 108, 44, 172
_BALANCES = 68


def room_for_balances(spend: Mapping[str, Any], quotas: Sequence[Mapping[str, Any]], dry_rows: int) -> int:
    """Rows of the list of balances."""
    lines = len(spend["providers"]) + bool(spend["others"]) + len(spend["apart"]) + bool(spend["apart"])
    narrow = _SPEND + _SPEND_ROW * lines + (_CHART if spend["pace"] else 0)
    if dry_rows:
        left = narrow + sum(_heights(quotas, abreast=1)) - _DRY - _DRY_ROW * dry_rows
    elif quotas:
        left = narrow + _NOTHING_DRY - sum(_heights(quotas, abreast=2))
    else:  # what is not there is said in two halves of a line
        left = narrow - max(_NOTHING_DRY, _NO_QUOTAS)
    return max(LEAST, min(MOST, (left - _BALANCES) // _ROW))


def _heights(quotas: Sequence[Mapping[str, Any]], *, abreast: int) -> list[int]:
    """Of the quotas: head and lines, with so many accounts in a line."""
    if not quotas:
        return [_NO_QUOTAS]
    groups = [_GROUP + _WINDOW * len(group["windows"]) for group in quotas]
    return [_QUOTAS, *(max(groups[at : at + abreast]) for at in range(0, len(groups), abreast))]
