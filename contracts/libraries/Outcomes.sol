// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture, Fixtures} from "./Fixtures.sol";
import {Fraction, Fractions, HALF_LOST, HALF_WON, LOST, UNKNOWN, VOID, WON} from "./Fractions.sol";
import {Markets} from "./Markets.sol";

/// @title Outcomes
/// @notice Decides each outcome of a market by the result of its fixture.
///
/// An outcome earns a Fraction. In halves (win, refund): win (2, 0), half win (1, 1), void (0, 2),
/// half loss (0, 1), loss (0, 0). A bet pays its stake times the product, over its legs, of
/// (odds x win + 1 x refund) / parts, rounded down once at the end.
library Outcomes {
    // Rules of a verdict: which outcomes win, given its value.
    uint256 private constant ONE_WINS = 0;
    uint256 private constant ONE_LOSES = 1;
    uint256 private constant MARGIN = 2;

    /// @notice Whether the market is decided, and how: UNKNOWN while it is not; VOID if all bets
    /// on it are void; WON if the score decides each outcome.
    /// @param countsFrom The market's start or, in play, when the bet was accepted. The market is
    /// void if the result was settled before.
    /// @param voidAfter Seconds from the market's start within which the result must be published.
    function marketStatus(uint256 market, uint256 countsFrom, Fixture fixture, uint256 voidAfter)
        internal
        view
        returns (Fraction)
    {
        unchecked {
            uint256 voidFrom = Markets.startsAt(market) + voidAfter;
            if (fixture.status() == 0) return block.timestamp > voidFrom ? VOID : UNKNOWN;
            if (fixture.publishedAt() > voidFrom) return VOID;
            if (block.timestamp < fixture.finalAt()) return UNKNOWN;
            return fixture.settledAt() < countsFrom || !isDecided(market, fixture) ? VOID : WON;
        }
    }

    /// @notice Whether the result decides the market. If the match was abandoned, it decides what
    /// no further goal could change.
    function isDecided(uint256 market, Fixture fixture) internal pure returns (bool) {
        uint256 status = fixture.status();
        if (Markets.kind(market) == Markets.PROPOSITION) return status == Fixtures.FRACTION;
        if (status == Fixtures.PLAYED) return true;
        if (status == Fixtures.VOID || status == Fixtures.FRACTION) return false;
        if (status == Fixtures.ABANDONED && Markets.period(market) == Markets.FIRST_HALF) {
            return true;
        }
        (int256 home, int256 away) = goals(Markets.period(market), fixture);
        return isUnchangeable(market, home, away);
    }

    /// @notice What an outcome earns by a result that decides its market.
    function byResult(uint256 market, uint256 outcome, Fixture fixture)
        internal
        pure
        returns (Fraction)
    {
        if (Markets.kind(market) == Markets.PROPOSITION) return proposition(outcome, fixture);
        (int256 home, int256 away) = goals(Markets.period(market), fixture);
        (uint256 rule, int256 value) = verdict(market, home, away);
        return fractionFor(rule, value, outcome);
    }

    /// @notice What the score of the market's period decides for all its outcomes at once.
    /// @return rule ONE_WINS: only outcome `value` wins. ONE_LOSES: only outcome `value` loses.
    /// MARGIN: outcome 0 is ahead of outcome 1 by `value` quarter goals.
    /// @dev Goals fit 8 bits and lines 16, so nothing here can overflow.
    function verdict(uint256 market, int256 home, int256 away)
        internal
        pure
        returns (uint256 rule, int256 value)
    {
        unchecked {
            uint256 kind = Markets.kind(market);
            if (kind == Markets.MATCH_RESULT) return (ONE_WINS, winner(home - away));
            int256 line = Markets.line(market);
            if (isTotal(kind)) return (MARGIN, 4 * counted(kind, home, away) - line);
            if (kind == Markets.ASIAN_HANDICAP || kind == Markets.DRAW_NO_BET) {
                return (MARGIN, 4 * (home - away) + line);
            }
            // Outcome 0 loses by an away win (2), 1 by a draw (1), 2 by a home win (0).
            if (kind == Markets.DOUBLE_CHANCE) return (ONE_LOSES, 2 - winner(home - away));
            if (kind == Markets.BOTH_TEAMS_TO_SCORE) {
                return (ONE_WINS, home > 0 && away > 0 ? int256(0) : int256(1));
            }
            if (kind == Markets.ODD_EVEN_GOALS) return (ONE_WINS, 1 - (home + away) % 2);
            if (kind == Markets.EUROPEAN_HANDICAP) {
                return (ONE_WINS, winner(4 * (home - away) + line));
            }
            int256 maxGoals = int256(Markets.maxGoals(market));
            if (kind == Markets.CORRECT_SCORE) {
                return (ONE_WINS, scoreOutcome(maxGoals, home, away));
            }
            return (ONE_WINS, marginOutcome(maxGoals, home - away));
        }
    }

    /// @notice What an outcome earns by a verdict. Ahead by a quarter goal is a half win, behind
    /// by a quarter goal a half loss.
    function fractionFor(uint256 rule, int256 value, uint256 outcome)
        internal
        pure
        returns (Fraction)
    {
        unchecked {
            if (rule == MARGIN) return byMargin(outcome == 0 ? value : -value);
            return (uint256(value) == outcome) == (rule == ONE_WINS) ? WON : LOST;
        }
    }

    /// @dev Whether no further goal can change the market: totals that are exceeded by half a goal
    /// or more, and both teams to score when both have scored.
    function isUnchangeable(uint256 market, int256 home, int256 away) private pure returns (bool) {
        unchecked {
            uint256 kind = Markets.kind(market);
            if (kind == Markets.BOTH_TEAMS_TO_SCORE) return home > 0 && away > 0;
            return isTotal(kind) && 4 * counted(kind, home, away) - Markets.line(market) > 1;
        }
    }

    /// @dev Outcomes of a correct score: home goals x (maxGoals + 1) + away goals, then any other
    /// home win, any other draw, any other away win.
    function scoreOutcome(int256 maxGoals, int256 home, int256 away) private pure returns (int256) {
        unchecked {
            if (home <= maxGoals && away <= maxGoals) return home * (maxGoals + 1) + away;
            return (maxGoals + 1) * (maxGoals + 1) + winner(home - away);
        }
    }

    /// @dev Outcomes of a winning margin: home by 1, 2, ... maxGoals or more, draw, away by 1, 2,
    /// ... maxGoals or more.
    function marginOutcome(int256 maxGoals, int256 margin) private pure returns (int256) {
        unchecked {
            if (margin > 0) return (margin < maxGoals ? margin : maxGoals) - 1;
            if (margin == 0) return maxGoals;
            return maxGoals + (-margin < maxGoals ? -margin : maxGoals);
        }
    }

    function isTotal(uint256 kind) private pure returns (bool) {
        return kind >= Markets.TOTAL_GOALS && kind <= Markets.AWAY_TOTAL_GOALS;
    }

    function counted(uint256 kind, int256 home, int256 away) private pure returns (int256) {
        unchecked {
            if (kind == Markets.TOTAL_GOALS) return home + away;
            return kind == Markets.HOME_TOTAL_GOALS ? home : away;
        }
    }

    /// @notice Goals scored in a period.
    function goals(uint256 period, Fixture fixture)
        internal
        pure
        returns (int256 home, int256 away)
    {
        unchecked {
            (home, away) = (int256(fixture.homeFull()), int256(fixture.awayFull()));
            if (period == Markets.FULL_TIME) return (home, away);
            (int256 homeHalf, int256 awayHalf) =
                (int256(fixture.homeHalf()), int256(fixture.awayHalf()));
            if (period == Markets.FIRST_HALF) return (homeHalf, awayHalf);
            return (home - homeHalf, away - awayHalf);
        }
    }

    /// @dev A result of status FRACTION decides a proposition: of `homeFull` parts, "Yes" wins
    /// `homeHalf` and is refunded `awayHalf`. "No" wins what "Yes" loses.
    function proposition(uint256 outcome, Fixture fixture) private pure returns (Fraction) {
        unchecked {
            (uint256 win, uint256 refund, uint256 parts) =
                (fixture.homeHalf(), fixture.awayHalf(), fixture.homeFull());
            return Fractions.make(outcome == 0 ? win : parts - win - refund, refund, parts);
        }
    }

    /// @dev 0: home, 1: draw, 2: away.
    function winner(int256 margin) private pure returns (int256) {
        return margin > 0 ? int256(0) : margin == 0 ? int256(1) : int256(2);
    }

    function byMargin(int256 margin) private pure returns (Fraction) {
        if (margin > 1) return WON;
        if (margin == 1) return HALF_WON;
        if (margin == 0) return VOID;
        return margin == -1 ? HALF_LOST : LOST;
    }
}
