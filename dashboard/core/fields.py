"""Fields of forms as browsers want them."""

from django import forms


class DayInput(forms.DateInput):
    """A day for the browser's own calendar, which reads and writes 2026-11-21 in every language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class MonthInput(forms.DateInput):
    """A month, by its first day: 2026-11."""

    input_type = "month"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m")
