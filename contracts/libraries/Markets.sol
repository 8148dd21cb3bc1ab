// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Markets
/// @notice The market id that describes itself, and the most that the house can owe on a market.
///
/// Id: fixture 128 | startsAt 40 | kind 8 | period 8 | line int16, quarter goals | flags 8 | zero 48.
/// Exposure: payouts owed on outcome 0, 1, 2 and the stakes taken, 64 bits each, lowest first.
library Markets {
    uint256 internal constant MATCH_RESULT = 1;
    uint256 internal constant DOUBLE_CHANCE = 2;
    uint256 internal constant DRAW_NO_BET = 3;
    uint256 internal constant TOTAL_GOALS = 4;
    uint256 internal constant HOME_TOTAL_GOALS = 5;
    uint256 internal constant AWAY_TOTAL_GOALS = 6;
    uint256 internal constant ASIAN_HANDICAP = 7;
    uint256 internal constant EUROPEAN_HANDICAP = 8;
    uint256 internal constant BOTH_TEAMS_TO_SCORE = 9;
    uint256 internal constant CORRECT_SCORE = 10;
    uint256 internal constant ODD_EVEN_GOALS = 11;
    uint256 internal constant WINNING_MARGIN = 12;
    uint256 internal constant PROPOSITION = 13;

    uint256 internal constant FULL_TIME = 0;
    uint256 internal constant FIRST_HALF = 1;
    uint256 internal constant SECOND_HALF = 2;

    uint256 internal constant IN_PLAY = 1;
    uint256 internal constant MOST = 9;

    /// @dev Bits by kind: those whose outcomes are scores or margins, counted up to the line.
    uint256 private constant COUNTED = (1 << CORRECT_SCORE) | (1 << WINNING_MARGIN);

    uint256 internal constant NETTED = 0;
    uint256 internal constant PAIRED = 1;
    uint256 internal constant GROSS = 2;

    function fixture(uint256 market) internal pure returns (bytes16) {
        return bytes16(uint128(market >> 128));
    }

    function startsAt(uint256 market) internal pure returns (uint256) {
        return uint40(market >> 88);
    }

    function kind(uint256 market) internal pure returns (uint256) {
        return uint8(market >> 80);
    }

    function period(uint256 market) internal pure returns (uint256) {
        return uint8(market >> 72);
    }

    function line(uint256 market) internal pure returns (int256) {
        return int16(uint16(market >> 56));
    }

    function inPlay(uint256 market) internal pure returns (bool) {
        return (market >> 48) & IN_PLAY != 0;
    }

    /// @notice Number of outcomes; 0 for an id that describes no market of this contract.
    function outcomes(uint256 market) internal pure returns (uint256) {
        unchecked {
            // Flags that are none, and bits that are to be zero.
            uint256 unknown = (market & 0xfeffffffffffff) | (period(market) > SECOND_HALF ? 1 : 0);
            if (unknown != 0) return 0;
            (uint256 kind_, int256 line_) = (kind(market), line(market));
            if (line_ == 0) {
                if (kind_ == MATCH_RESULT || kind_ == DOUBLE_CHANCE) return 3;
                if (
                    kind_ == DRAW_NO_BET || kind_ == BOTH_TEAMS_TO_SCORE || kind_ == ODD_EVEN_GOALS
                        || kind_ == ASIAN_HANDICAP
                ) return 2;
                if (kind_ == EUROPEAN_HANDICAP) return 3;
                return kind_ == PROPOSITION && period(market) == FULL_TIME ? 2 : 0;
            }
            if (kind_ >= TOTAL_GOALS && kind_ <= AWAY_TOTAL_GOALS) return line_ > 0 ? 2 : 0;
            if (kind_ == ASIAN_HANDICAP) return 2;
            if (line_ % 4 != 0) return 0;
            if (kind_ == EUROPEAN_HANDICAP) return 3;
            if (line_ < 0 || line_ > 4 * int256(MOST)) return 0;
            uint256 most_ = most(market);
            if (kind_ == CORRECT_SCORE) return (most_ + 1) * (most_ + 1) + 3;
            return kind_ == WINNING_MARGIN ? 2 * most_ + 1 : 0;
        }
    }

    /// @notice The most goals that a correct score lists for a side, and the margin from which a
    /// winning margin counts on: the market's line in whole goals.
    function most(uint256 market) internal pure returns (uint256) {
        return uint256(line(market)) / 4;
    }

    /// @notice Whether the line says how many outcomes the market has, and their names.
    function isCounted(uint256 market) internal pure returns (bool) {
        return (COUNTED >> kind(market)) & 1 != 0;
    }

    /// @notice How the market's open bets count against the bankroll.
    ///
    /// Netted: before the match all bets of a market share one fate (won and lost by the score, or
    /// void together), so the worst outcome counts. Paired: two outcomes of a double chance win
    /// together. Gross: in play bets can be void one by one, so no bet may count on the stake of
    /// another; and a market of many outcomes has no room in its word for each of them.
    function mode(uint256 market) internal pure returns (uint256) {
        uint256 kind_ = kind(market);
        if (((COUNTED >> kind_) | (market >> 48)) & IN_PLAY != 0) return GROSS;
        return kind_ == DOUBLE_CHANCE ? PAIRED : NETTED;
    }

    /// @notice One bet's share of a market's exposure. Both amounts fit 56 bits.
    function exposureOf(uint256 outcome, uint256 payout, uint256 stake)
        internal
        pure
        returns (uint256)
    {
        return (payout << (outcome < 3 ? outcome << 6 : 0)) | (stake << 192);
    }

    /// @notice What the bankroll must hold for a market beside the stakes taken on it.
    function locked(uint256 mode_, uint256 exposure) internal pure returns (uint256) {
        unchecked {
            if (exposure == 0) return 0;
            uint256 a = uint64(exposure);
            uint256 b = uint64(exposure >> 64);
            uint256 c = uint64(exposure >> 128);
            uint256 stakes = exposure >> 192;
            uint256 owed;
            if (mode_ == NETTED) {
                owed = a > b ? (a > c ? a : c) : (b > c ? b : c);
            } else {
                owed = a + b + c;
                if (mode_ == PAIRED) owed -= a < b ? (a < c ? a : c) : (b < c ? b : c);
            }
            return owed > stakes ? owed - stakes : 0;
        }
    }
}
