"""Names markets and their outcomes for people; pure. What a wallet signs are the bare outcomes."""

from __future__ import annotations

from protocol.market_id import KIND_NAMES, TOTAL_KINDS, Kind, MarketId


def outcome_labels(market: MarketId) -> list[str]:
    """The outcomes in order, each with its line, as in "Over 2.5" or "Home -0.75"."""
    if market.kind in TOTAL_KINDS:
        return [f"{name} {_goals(market.line_q)}" for name in market.outcomes]
    if market.kind is Kind.ASIAN_HANDICAP:
        lines_q = (market.line_q, -market.line_q)
        return [f"{n} {_signed(q)}" for n, q in zip(market.outcomes, lines_q, strict=True)]
    if market.kind is Kind.EUROPEAN_HANDICAP:
        return [f"{name} (home {_signed(market.line_q)})" for name in market.outcomes]
    return list(market.outcomes)


def kind_name(market: MarketId) -> str:
    """The kind of market, as in "Total goals"."""
    return KIND_NAMES[market.kind]


def _signed(line_q: int) -> str:
    return f"+{_goals(line_q)}" if line_q > 0 else _goals(line_q)


def _goals(line_q: int) -> str:
    whole, quarter = divmod(abs(line_q), 4)
    return f"{'-' if line_q < 0 else ''}{whole}{('', '.25', '.5', '.75')[quarter]}"
