// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IResults} from "../interfaces/IResults.sol";
import {Markets} from "./Markets.sol";

/// @title Outcomes
/// @notice What a result makes of each outcome of each market on its fixture.
///
/// An outcome earns `win` halves at its odds and `refund` halves at par: win (2, 0), half-win
/// (1, 1), void (0, 2), half-loss (0, 1), loss (0, 0). A bet pays
/// stake x product over its legs of (odds x win + 1 x refund) / 2.
library Outcomes {
    uint256 internal constant HALVES = 2;

    /// @return decided Whether the leg's fate is known for good.
    /// @return win Halves that are paid at the odds.
    /// @return refund Halves that are paid back.
    function fraction(
        uint256 market,
        uint256 outcome,
        uint256 acceptedAt,
        IResults.Published memory result,
        uint256 voidAfter
    ) internal view returns (bool decided, uint256 win, uint256 refund) {
        uint256 start = Markets.startsAt(market);
        uint256 voidFrom = start + voidAfter;
        if (result.status == 0) return (block.timestamp > voidFrom, 0, HALVES);
        if (result.publishedAt > voidFrom) return (true, 0, HALVES);
        if (block.timestamp < result.finalAt) return (false, 0, 0);
        uint256 countsTo = Markets.inPlay(market) ? acceptedAt : start;
        if (result.status == 2 || result.settledAt < countsTo) return (true, 0, HALVES);
        (win, refund) = byScore(market, outcome, result);
        return (true, win, refund);
    }

    /// @notice The fractions at a score. Margins are counted in quarter goals: ahead by a quarter
    /// is a half-win, behind by a quarter a half-loss.
    function byScore(uint256 market, uint256 outcome, IResults.Published memory result)
        internal
        pure
        returns (uint256 win, uint256 refund)
    {
        (int256 home, int256 away) = goals(Markets.period(market), result);
        uint256 kind = Markets.kind(market);
        int256 line = Markets.line(market);
        if (kind == Markets.MATCH_RESULT || kind == Markets.EUROPEAN_HANDICAP) {
            return won(winner(4 * (home - away) + line) == outcome);
        }
        if (kind == Markets.DOUBLE_CHANCE) {
            // Outcome 0 leaves out the away win (2), 1 the draw (1), 2 the home win (0).
            return won(winner(home - away) != 2 - outcome);
        }
        if (kind == Markets.BOTH_TEAMS_TO_SCORE) {
            return won((home > 0 && away > 0) == (outcome == 0));
        }
        if (kind == Markets.ODD_EVEN_GOALS) return won(uint256(home + away) % 2 != outcome);
        int256 margin;
        if (kind == Markets.TOTAL_GOALS) margin = 4 * (home + away) - line;
        else if (kind == Markets.HOME_TOTAL_GOALS) margin = 4 * home - line;
        else if (kind == Markets.AWAY_TOTAL_GOALS) margin = 4 * away - line;
        else margin = 4 * (home - away) + line;
        return byMargin(outcome == 0 ? margin : -margin);
    }

    function goals(uint256 period, IResults.Published memory result)
        private
        pure
        returns (int256 home, int256 away)
    {
        int256 homeHalf = int256(uint256(result.homeHalf));
        int256 awayHalf = int256(uint256(result.awayHalf));
        if (period == Markets.FIRST_HALF) return (homeHalf, awayHalf);
        home = int256(uint256(result.homeFull));
        away = int256(uint256(result.awayFull));
        if (period == Markets.SECOND_HALF) return (home - homeHalf, away - awayHalf);
    }

    function winner(int256 margin) private pure returns (uint256) {
        return margin > 0 ? 0 : margin == 0 ? 1 : 2;
    }

    function won(bool yes) private pure returns (uint256, uint256) {
        return (yes ? HALVES : 0, 0);
    }

    function byMargin(int256 margin) private pure returns (uint256, uint256) {
        if (margin > 1) return (2, 0);
        if (margin == 1) return (1, 1);
        if (margin == 0) return (0, 2);
        if (margin == -1) return (0, 1);
        return (0, 0);
    }
}
