"""Filters as links: each changes one thing and keeps the rest."""

from django.http import QueryDict

from dashboard.core.addresses import address, chips, chosen, kept

QUERY = QueryDict("q=ink+%26+pen&kind=wallet&kind=bill&after=7&before=3")


def test_one_thing_changes_and_lists_begin_anew() -> None:
    assert address(QUERY) == "?q=ink+%26+pen&kind=wallet&kind=bill"
    assert address(QUERY, q=None) == "?kind=wallet&kind=bill"
    assert address(QUERY, q="a=b", kind=["bill"]) == "?q=a%3Db&kind=bill"
    assert address(QueryDict("")) == "?"
    assert QUERY.urlencode().endswith("after=7&before=3"), "the address that was read stays as it was"


def test_a_form_carries_on_what_is_not_its_own() -> None:
    assert kept(QUERY, "q") == [("kind", "wallet"), ("kind", "bill")]


def test_chips_add_themselves_and_take_themselves_away() -> None:
    options = [("wallet", "Wallets", 3), ("bill", "Bills", 0), ("plan", "Plans", None)]
    wallet, bill, plan = chips(QUERY, "kind", options)
    assert (wallet.pressed, wallet.count, wallet.url) == (True, 3, "?q=ink+%26+pen&kind=bill")
    assert (bill.pressed, bill.count) == (True, 0)
    assert (plan.pressed, plan.url) == (False, "?q=ink+%26+pen&kind=wallet&kind=bill&kind=plan")
    (only,) = chips(QueryDict("kind=wallet&kind=nobody"), "kind", options[:1])
    assert only.url == "?"


def test_what_is_not_known_is_not_chosen() -> None:
    assert chosen(QueryDict("kind=bill&kind=nobody&kind=bill"), "kind", ["wallet", "bill"]) == ["bill"]
