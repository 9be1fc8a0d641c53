"""Statements that are asked ahead: none waits for its answer, and a wrong one is told where it is read."""

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard.core.statements import asked, pipelined

pytestmark = pytest.mark.django_db
WRONG = "SELECT 1 / (%(value)s - 1)"


def test_answers_are_read_in_any_order_and_statements_are_counted() -> None:
    with CaptureQueriesContext(connection) as queries, pipelined():
        one, other = (asked("SELECT %(value)s", {"value": value}) for value in (1, 2))
        assert other() == [(2,)]
        assert one() == [(1,)]
    assert len(queries) == 2
    assert asked("SELECT %(value)s", {"value": 3})() == [(3,)]


def test_nothing_waits_for_its_answer_inside() -> None:
    with pytest.raises(DataError), transaction.atomic():
        asked(WRONG, {"value": 1})
    with transaction.atomic(), pytest.raises(DataError), transaction.atomic(), pipelined():
        rows = asked(WRONG, {"value": 1})  # not known to be wrong yet
        rows()
    assert asked("SELECT %(value)s", {"value": 4})() == [(4,)], "the connection is as before"


def test_what_nobody_reads_fails_all_the_same() -> None:
    with pytest.raises(DataError), transaction.atomic(), pipelined():
        asked(WRONG, {"value": 1})
    assert not connection.connection.broken
