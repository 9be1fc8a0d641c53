"""Who brought a record, and whose word counts where several tell of the same day.

The provider's own account API comes first, then what people brought (an imported console export, a typed invoice), then
what gateways and scripts sent in. A row gives way to another of a better source that tells of the same day, so that
nothing is counted twice; it is kept, and counts again when the other is gone.
"""

API = ""


def imported(import_id: int) -> str:
    return f"import:{import_id}"


def typed(entry_id: int) -> str:
    return f"typed:{entry_id}"


def sent_in(token_id: int) -> str:
    return f"intake:{token_id}"


# 0 is the best; for statements of our own, over a column named `source`.
RANK = "CASE WHEN source = '' THEN 0 WHEN starts_with(source, 'intake:') THEN 2 ELSE 1 END"
