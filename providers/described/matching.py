"""JMESPath over an answer, so bounded that neither a hostile expression nor a hostile answer holds a worker.

Only what walks down is taken: names, indexes, filters, projections, pipes, comparisons. Functions, multiselects and
slices are not: the functions of the library make floats of numbers, and a multiselect is the one form by which a result
can outgrow the answer (`[@,@][]` doubles it). What is left visits each part of an answer at most once for each step of
an expression, and every visit is paid from a budget. Numbers pass as they are: Decimals and whole numbers.
"""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser
from jmespath.visitor import TreeInterpreter

from providers.errors import PayloadError

MOST_CHARACTERS = 500
MOST_STEPS = 100
MOST_NESTING = 30
MOST_VISITS = 2_000_000  # some seconds of one core, for a whole reading

_TAKEN = frozenset(
    {
        *("and_expression", "comparator", "current", "field", "filter_projection", "flatten", "identity", "index"),
        *("index_expression", "literal", "not_expression", "or_expression", "pipe", "projection", "subexpression"),
        "value_projection",
    }
)
_REFUSED = {
    "function_expression": "functions are not taken: map the value, and say its scale beside it",
    "expref": "functions are not taken: map the value, and say its scale beside it",
    "multi_select_list": "lists in brackets are not taken: describe each field by itself",
    "multi_select_dict": "objects in braces are not taken: describe each field by itself",
    "slice": "slices are not taken",
}
# As the lexer of jmespath reads them: raw strings, quoted names, literals.
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`((?:[^`\\]|\\.)*)`", re.DOTALL)


class NotTaken(Exception):
    """An expression that is wrong or not taken; the message says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `text` is what the admin wrote."""

    text: str
    tree: Any = field(repr=False)


@dataclass(slots=True)
class Budget:
    """What is left to spend on one reading. Raises PayloadError when it is used up."""

    left: int = MOST_VISITS

    def spend(self, visits: int) -> None:
        self.left -= visits
        if self.left < 0:
            raise PayloadError("The answer is too large for these expressions. Ask for less at once.")


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """The expression, compiled once. Raises NotTaken."""
    if not text or len(text) > MOST_CHARACTERS:
        raise NotTaken(f"an expression has between 1 and {MOST_CHARACTERS} characters")
    _judge_literals(text)
    try:
        tree = Parser().parse(text).parsed
    except (JMESPathError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise NotTaken("this is not a JMESPath expression") from None  # its words quote the text
    _judge(tree)
    return Expression(text, tree)


def _judge_literals(text: str) -> None:
    """Literals in backticks are whole numbers, texts, true, false or null: a fraction would become a float."""
    for quoted in _QUOTED.finditer(text):
        if not quoted[0].startswith("`"):
            continue
        try:
            value = json.loads(quoted[1].replace("\\`", "`"))
        except (ValueError, RecursionError):
            raise NotTaken("what stands in backticks is no JSON; write 'text' in single quotes") from None
        if value is not None and not isinstance(value, str | int):
            raise NotTaken("only whole numbers, texts, true, false and null stand in backticks")


def _judge(tree: Any) -> None:
    steps, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        steps += 1
        if node["type"] not in _TAKEN:
            raise NotTaken(_REFUSED.get(node["type"], "this form is not taken"))
        if steps > MOST_STEPS or depth > MOST_NESTING:
            raise NotTaken("it is too long or nested too deeply")
        waiting += [(child, depth + 1) for child in node["children"]]


def search(expression: Expression, value: Any, budget: Budget) -> Any:
    """What stands there, None when nothing does. Raises PayloadError when the budget is used up."""
    return _Walk(budget).visit(expression.tree, value)


class _Walk(TreeInterpreter):
    """The library's interpreter, paying for every visit. Comparisons are between plain values of one kind."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        merged = super().visit_flatten(node, value)
        self._budget.spend(len(merged or ()))
        return merged

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        alike = _kind(left) == _kind(right) != "nested"
        if node["value"] in ("eq", "ne"):
            return (alike and left == right) == (node["value"] == "eq")
        if not alike or _kind(left) not in ("number", "text"):
            return None
        return self.COMPARATOR_FUNC[node["value"]](left, right)


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "plain"
    if isinstance(value, int | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "nested"
