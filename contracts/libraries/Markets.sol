// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Market id, see Markets for the map.
uint256 constant MARKET_FIXTURE_SHIFT = 128;
uint256 constant MARKET_STARTS_AT_SHIFT = 88;
uint256 constant MARKET_KIND_SHIFT = 80;
uint256 constant MARKET_PERIOD_SHIFT = 72;
uint256 constant MARKET_LINE_SHIFT = 56;
uint256 constant MARKET_FLAGS_SHIFT = 48;

// Exposure, see Markets for the map.
uint256 constant EXPOSURE_FIELD_MASK = 0xffffffffffffffff;
/// @dev Logarithm of the 64 bits of a field: outcome << 6 is the shift of the outcome's payouts.
uint256 constant EXPOSURE_FIELD_LOG2 = 6;
uint256 constant EXPOSURE_PAYOUTS_1_SHIFT = 64;
uint256 constant EXPOSURE_PAYOUTS_2_SHIFT = 128;
uint256 constant EXPOSURE_STAKES_SHIFT = 192;
uint256 constant EXPOSURE_MARKED_BITS = 1 << 255;

// Exposure modes, see Markets.mode.
uint256 constant MODE_NETTED = 0;
uint256 constant MODE_PAIRED = 1;
uint256 constant MODE_GROSS = 2;

/// @title Markets
/// @notice Reads the market id, which describes the market completely, and computes what a
/// market's open bets lock.
///
/// Market id, 32 bytes:
///   bytes  [0,16)      [16,21)   [21]  [22]    [23,25)            [25]              [26,32)
///   field  fixture id  startsAt  kind  period  line, quarter      flags, 1: in play  zero
///                                              goals, int16
/// "Terms" are bytes [21,26).
///
/// Exposure, the open single bets on a market in one word:
///   bits   [0,64)               [64,128)             [128,192)            [192,256)
///   field  payouts, outcome 0   payouts, outcome 1   payouts, outcome 2   stakes
/// Payouts on outcomes from 3 on are added to outcome 0's. Stakes fit 56 bits; bit 255 is set once
/// the market is marked, see SettlingByResults.
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

    /// @dev Flag.
    uint256 internal constant IN_PLAY = 1;
    /// @dev Largest line, in whole goals, of a correct score or winning margin.
    uint256 internal constant MAX_GOALS = 9;
    /// @dev Bytes of a market id without the zeros at its end, as lists of markets have it.
    uint256 internal constant PACKED_SIZE = 26;

    /// @dev Bit set of kinds: their outcomes are all scores or margins up to the line.
    uint256 private constant OUTCOMES_BY_LINE = (1 << CORRECT_SCORE) | (1 << WINNING_MARGIN);
    /// @dev Bit set of kinds whose bets are locked one by one.
    uint256 private constant LOCKED_GROSS = OUTCOMES_BY_LINE | (1 << PROPOSITION);

    /// @dev What no valid id has: flags but IN_PLAY, and bits of the zeros at the end.
    uint256 private constant UNKNOWN_BITS = 0xfeffffffffffff;
    /// @dev Quarter goals of a goal.
    int256 private constant GOAL = 4;

    /// @param fixtureName Hash of the fixture's name, which begins with the fixture's id.
    /// @param terms Kind, period, line and flags: the 40 bits of [21,26).
    function make(uint256 fixtureName, uint256 startsAt_, uint256 terms)
        internal
        pure
        returns (uint256)
    {
        return ((fixtureName >> MARKET_FIXTURE_SHIFT) << MARKET_FIXTURE_SHIFT)
            | (startsAt_ << MARKET_STARTS_AT_SHIFT) | (terms << MARKET_FLAGS_SHIFT);
    }

    /// @param word A word that begins with the id's PACKED_SIZE bytes.
    function ofPacked(uint256 word) internal pure returns (uint256) {
        return (word >> MARKET_FLAGS_SHIFT) << MARKET_FLAGS_SHIFT;
    }

    function fixture(uint256 market) internal pure returns (bytes16) {
        return bytes16(uint128(fixtureId(market)));
    }

    /// @notice The fixture's id as a number, the key of the ledger's fixtures.
    function fixtureId(uint256 market) internal pure returns (uint256) {
        return market >> MARKET_FIXTURE_SHIFT;
    }

    function startsAt(uint256 market) internal pure returns (uint256) {
        return uint40(market >> MARKET_STARTS_AT_SHIFT);
    }

    function kind(uint256 market) internal pure returns (uint256) {
        return uint8(market >> MARKET_KIND_SHIFT);
    }

    function period(uint256 market) internal pure returns (uint256) {
        return uint8(market >> MARKET_PERIOD_SHIFT);
    }

    function line(uint256 market) internal pure returns (int256) {
        return int16(uint16(market >> MARKET_LINE_SHIFT));
    }

    function inPlay(uint256 market) internal pure returns (bool) {
        return (market >> MARKET_FLAGS_SHIFT) & IN_PLAY != 0;
    }

    /// @notice Number of outcomes; 0 if the id is not a valid market.
    function outcomes(uint256 market) internal pure returns (uint256) {
        unchecked {
            uint256 unknown = (market & UNKNOWN_BITS) | (period(market) > SECOND_HALF ? 1 : 0);
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
            if (line_ % GOAL != 0) return 0;
            if (kind_ == EUROPEAN_HANDICAP) return 3;
            if (line_ < 0 || line_ > GOAL * int256(MAX_GOALS)) return 0;
            uint256 maxGoals_ = maxGoals(market);
            if (kind_ == CORRECT_SCORE) return (maxGoals_ + 1) * (maxGoals_ + 1) + 3;
            return kind_ == WINNING_MARGIN ? 2 * maxGoals_ + 1 : 0;
        }
    }

    /// @notice The line in whole goals: the highest goals per side that a correct score lists, or
    /// the margin from which on all winning margins are one outcome.
    function maxGoals(uint256 market) internal pure returns (uint256) {
        return uint256(line(market)) / uint256(GOAL);
    }

    /// @notice Whether the number and names of the outcomes follow from the line.
    function outcomesFollowLine(uint256 market) internal pure returns (bool) {
        return (OUTCOMES_BY_LINE >> kind(market)) & 1 != 0;
    }

    /// @notice How the market's open bets lock the bankroll's money.
    ///
    /// NETTED: bets placed before the match share one fate: the score decides all of them, or all
    /// are void. So only the worst outcome counts.
    /// PAIRED: the same, for a double chance, of which two outcomes win together.
    /// GROSS: payouts of all outcomes are added. In play, bets can be void one by one, so no bet
    /// may rely on the stake of another. A proposition can pay any fraction of any outcome,
    /// rounded bet by bet. And the exposure has no fields for more than three outcomes.
    function mode(uint256 market) internal pure returns (uint256) {
        uint256 kind_ = kind(market);
        if (((LOCKED_GROSS >> kind_) | (market >> MARKET_FLAGS_SHIFT)) & IN_PLAY != 0) {
            return MODE_GROSS;
        }
        return kind_ == DOUBLE_CHANCE ? MODE_PAIRED : MODE_NETTED;
    }

    /// @notice What one bet adds to its market's exposure. Both amounts fit 56 bits.
    /// @dev `PlacingFastPath.place` adds the same in its block on what the market locks.
    function exposureOf(uint256 outcome, uint256 payout, uint256 stake)
        internal
        pure
        returns (uint256)
    {
        return (payout << (outcome < 3 ? outcome << EXPOSURE_FIELD_LOG2 : 0))
            | (stake << EXPOSURE_STAKES_SHIFT);
    }

    function isMarked(uint256 exposure) internal pure returns (bool) {
        return exposure & EXPOSURE_MARKED_BITS != 0;
    }

    /// @notice Stakes of a market's open single bets.
    function stakes(uint256 exposure) internal pure returns (uint256) {
        return uint56(exposure >> EXPOSURE_STAKES_SHIFT);
    }

    /// @notice What the open single bets on outcome 0, 1 or 2 are paid if it wins.
    function payouts(uint256 exposure, uint256 outcome) internal pure returns (uint256) {
        return uint64(exposure >> (outcome << EXPOSURE_FIELD_LOG2));
    }

    /// @notice What a market locks: what the house could lose on it, above the stakes taken.
    /// @dev `PlacingFastPath.place` computes the same in its block on what the market locks.
    function locked(uint256 mode_, uint256 exposure) internal pure returns (uint256) {
        unchecked {
            if (exposure == 0) return 0;
            uint256 a = uint64(exposure);
            uint256 b = uint64(exposure >> EXPOSURE_PAYOUTS_1_SHIFT);
            uint256 c = uint64(exposure >> EXPOSURE_PAYOUTS_2_SHIFT);
            uint256 stakes_ = exposure >> EXPOSURE_STAKES_SHIFT;
            uint256 owed;
            if (mode_ == MODE_NETTED) {
                owed = a > b ? (a > c ? a : c) : (b > c ? b : c);
            } else {
                owed = a + b + c;
                if (mode_ == MODE_PAIRED) owed -= a < b ? (a < c ? a : c) : (b < c ? b : c);
            }
            return owed > stakes_ ? owed - stakes_ : 0;
        }
    }
}
