"""Defines the refusals of a quote, one class per reason; those of slips come on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend.problems import Refused


class QuoteUnavailable(Refused):
    """This house signs no quotes, or none for these legs any more; the detail says which."""

    code = "quote-unavailable"
    title = "No quote"


class QuoteTooLarge(Refused):
    """The bet could pay more above its stake than the quotes of one account may."""

    code = "quote-too-large"
    title = "Quote too large"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "6000000000", "max_micro": "5000000000"}


class QuoteBudgetExceeded(Refused):
    """Quotes that can still be used have taken up the house's budget for quotes."""

    status = 503
    code = "quote-budget"
    title = "Quote budget used up"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "available_micro": "2000000"}
