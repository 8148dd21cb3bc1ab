// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture, Fixtures} from "./Fixtures.sol";
import {Fraction, Fractions, HALF_LOST, HALF_WON, LOST, UNKNOWN, VOID, WON} from "./Fractions.sol";
import {Markets} from "./Markets.sol";

/// @title Outcomes
/// @notice What a result makes of each outcome of each market on its fixture.
///
/// Of two halves, a win is (2, 0), a half-win (1, 1), void (0, 2), a half-loss (0, 1), a loss
/// (0, 0). A bet pays stake x product over its legs of (odds x win + 1 x refund) / parts.
library Outcomes {
    // What a verdict is about.
    uint256 private constant ONE_WINS = 0;
    uint256 private constant ONE_LOSES = 1;
    uint256 private constant MARGIN = 2;

    /// @notice What all outcomes of the market share: UNKNOWN or VOID, or WON where the result tells
    /// them apart.
    /// @param countsFrom The market's start or, in play, when the bet was accepted. A match that was
    /// settled before has no say.
    /// @param voidAfter Seconds from the start in which a result must be published.
    function standing(uint256 market, uint256 countsFrom, Fixture fixture, uint256 voidAfter)
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

    /// @notice Whether the result says anything about the market. Of an abandoned match, what no
    /// further goal could change.
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

    /// @notice The fractions that a result makes which decides the market.
    function byResult(uint256 market, uint256 outcome, Fixture fixture)
        internal
        pure
        returns (Fraction)
    {
        if (Markets.kind(market) == Markets.PROPOSITION) return proposition(outcome, fixture);
        (int256 home, int256 away) = goals(Markets.period(market), fixture);
        (uint256 by, int256 value) = verdict(market, home, away);
        return under(by, value, outcome);
    }

    /// @notice What a score of the market's period says of all its outcomes: the outcome that alone
    /// wins or, should `by` be ONE_LOSES, alone loses; or by how many quarter goals outcome 0 is ahead.
    /// @dev Goals fit 8 bits and lines 16, so that nothing here can overflow.
    function verdict(uint256 market, int256 home, int256 away)
        internal
        pure
        returns (uint256 by, int256 value)
    {
        unchecked {
            uint256 kind = Markets.kind(market);
            if (kind == Markets.MATCH_RESULT) return (ONE_WINS, winner(home - away));
            int256 line = Markets.line(market);
            if (isTotal(kind)) return (MARGIN, 4 * counted(kind, home, away) - line);
            if (kind == Markets.ASIAN_HANDICAP || kind == Markets.DRAW_NO_BET) {
                return (MARGIN, 4 * (home - away) + line);
            }
            // Outcome 0 leaves out the away win (2), 1 the draw (1), 2 the home win (0).
            if (kind == Markets.DOUBLE_CHANCE) return (ONE_LOSES, 2 - winner(home - away));
            if (kind == Markets.BOTH_TEAMS_TO_SCORE) {
                return (ONE_WINS, home > 0 && away > 0 ? int256(0) : int256(1));
            }
            if (kind == Markets.ODD_EVEN_GOALS) return (ONE_WINS, 1 - (home + away) % 2);
            if (kind == Markets.EUROPEAN_HANDICAP) {
                return (ONE_WINS, winner(4 * (home - away) + line));
            }
            int256 most = int256(Markets.most(market));
            if (kind == Markets.CORRECT_SCORE) return (ONE_WINS, scoreOutcome(most, home, away));
            return (ONE_WINS, marginOutcome(most, home - away));
        }
    }

    /// @notice The fraction that a verdict makes of an outcome. Ahead by a quarter is a half-win,
    /// behind by a quarter a half-loss.
    function under(uint256 by, int256 value, uint256 outcome) internal pure returns (Fraction) {
        unchecked {
            if (by == MARGIN) return byMargin(outcome == 0 ? value : -value);
            return (uint256(value) == outcome) == (by == ONE_WINS) ? WON : LOST;
        }
    }

    /// @dev Whether no further goal can change the market: a total that is beaten by half a goal
    /// or more, and both teams' goals.
    function isUnchangeable(uint256 market, int256 home, int256 away) private pure returns (bool) {
        unchecked {
            uint256 kind = Markets.kind(market);
            if (kind == Markets.BOTH_TEAMS_TO_SCORE) return home > 0 && away > 0;
            return isTotal(kind) && 4 * counted(kind, home, away) - Markets.line(market) > 1;
        }
    }

    /// @dev Outcomes of a correct score: home goals x (most + 1) + away goals, then any other home
    /// win, any other draw, any other away win.
    function scoreOutcome(int256 most, int256 home, int256 away) private pure returns (int256) {
        unchecked {
            if (home <= most && away <= most) return home * (most + 1) + away;
            return (most + 1) * (most + 1) + winner(home - away);
        }
    }

    /// @dev Outcomes of a winning margin: home by 1 to most or more, draw, away by 1 to most or
    /// more.
    function marginOutcome(int256 most, int256 margin) private pure returns (int256) {
        unchecked {
            if (margin > 0) return (margin < most ? margin : most) - 1;
            if (margin == 0) return most;
            return most + (-margin < most ? -margin : most);
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

    /// @notice The goals of a period.
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

    /// @dev A result of status FRACTION says of a proposition: won in `homeHalf` and refunded in
    /// `awayHalf` of `homeFull` parts. "No" wins what "Yes" loses.
    function proposition(uint256 outcome, Fixture fixture) private pure returns (Fraction) {
        unchecked {
            (uint256 win, uint256 refund, uint256 parts) =
                (fixture.homeHalf(), fixture.awayHalf(), fixture.homeFull());
            return Fractions.make(outcome == 0 ? win : parts - win - refund, refund, parts);
        }
    }

    /// @dev 0 for home, 1 for nobody, 2 for away.
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
