"""What somebody typed, and the names that it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.matching import LETTERS, best, fit


@pytest.mark.parametrize(
    ("words", "better", "worse"),
    [
        ("deep", "DeepSeek Production", "The Deep End"),
        ("pro", "DeepSeek Production", "Compromise"),
        ("seek", "Go Seek", "DeepSeek"),
        ("prod deep", "DeepSeek Production", "Depreciated Export of Product"),
        ("dsk", "DeepSeek", "Skid"),
        ("深度", "深度求索 生产", "生产 深度求索"),
        ("求索", "深度求索", "求真 索引"),
        ("ＯＰＥＮ", "OpenRouter", "Mistral"),
        ("cafe", "Café", "Facade"),
    ],
)
def test_what_fits_better_comes_first(words: str, better: str, worse: str) -> None:
    found = best(words, [worse, better], lambda name: (name,), limit=9)
    assert found[0][1] == better


def test_every_word_must_be_found_somewhere() -> None:
    assert fit("mei harbor", "Mei Lin", "mei@harbor.example") is not None
    assert fit("mei island", "Mei Lin", "mei@harbor.example") is None
    assert fit("mei@", "Mei Lin", "mei@harbor.example") is not None


def test_two_letters_in_their_order_fit_nothing() -> None:
    assert fit("dk", "DeepSeek") is None
    assert fit("dpk", "DeepSeek") == LETTERS


def test_without_words_everything_stays_in_its_order() -> None:
    assert [one for _, one in best("", ["b", "aa", "a"], lambda name: (name,), limit=2)] == ["b", "aa"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_anything_may_be_typed(words: str, name: str) -> None:
    assert fit(words, name) in (*range(7), LETTERS, None)


@given(st.text(min_size=1, max_size=30))
def test_a_name_fits_itself_best(name: str) -> None:
    assert fit(name, name) == 0
