// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The fixture word, as stored:
///   bits   [0,56)  [56,136)           [136,176)    [176,216)  [216,240)  [240,256)
///   field  locked  result, see below  publishedAt  finalAt    term       zero
///
/// `term` is that of the council that stood when a batch with a bet first listed the fixture, and
/// which decides it; 0 if none has.
type Fixture is uint256;

using Fixtures for Fixture global;

/// @title Fixtures
/// @notice Reads and changes the fixture word: what the fixture's open single bets lock, and its
/// result. A result needs no slot of its own: the first bet has written the slot already.
///
/// The result word, as call data has it; the fixture word holds its bytes [16,26):
///   bytes  [0,16)      [16]    [17]      [18]      [19]      [20]      [21,26)    [26,32)
///   field  fixture id  status  homeHalf  awayHalf  homeFull  awayFull  settledAt  zero
library Fixtures {
    // Status of a result, see IResults.
    uint256 internal constant PLAYED = 1;
    uint256 internal constant VOID = 2;
    uint256 internal constant ABANDONED_BEFORE_HALF_TIME = 3;
    uint256 internal constant ABANDONED = 4;
    uint256 internal constant FRACTION = 5;

    uint256 private constant LOCKED_MASK = type(uint56).max;
    uint256 private constant RESULT_BITS = uint256(type(uint80).max) << SETTLED_AT_SHIFT;
    // The parts of the result, from right to left.
    uint256 private constant SETTLED_AT_SHIFT = 56;
    uint256 private constant AWAY_FULL_SHIFT = 96;
    uint256 private constant HOME_FULL_SHIFT = 104;
    uint256 private constant AWAY_HALF_SHIFT = 112;
    uint256 private constant HOME_HALF_SHIFT = 120;
    uint256 private constant STATUS_SHIFT = 128;
    uint256 private constant PUBLISHED_AT_SHIFT = 136;
    uint256 private constant FINAL_AT_SHIFT = 176;
    uint256 private constant TERM_SHIFT = 216;
    // The result word in call data.
    uint256 private constant RESULT_WORD_ID_SHIFT = 128;
    uint256 private constant RESULT_WORD_SETTLED_AT_SHIFT = 48;

    /// @dev What the fixture's open single bets lock. Not updated when bets settle: it serves the
    /// cap at placing.
    function locked(Fixture fixture) internal pure returns (uint256) {
        return Fixture.unwrap(fixture) & LOCKED_MASK;
    }

    /// @dev Cut to its bits: the sum is not updated when bets settle.
    function setLocked(Fixture fixture, uint256 locked_) internal pure returns (Fixture) {
        return Fixture.wrap((Fixture.unwrap(fixture) & ~LOCKED_MASK) | (locked_ & LOCKED_MASK));
    }

    /// @dev 0 if there is no result.
    function status(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> STATUS_SHIFT);
    }

    function homeHalf(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> HOME_HALF_SHIFT);
    }

    function awayHalf(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> AWAY_HALF_SHIFT);
    }

    function homeFull(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> HOME_FULL_SHIFT);
    }

    function awayFull(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> AWAY_FULL_SHIFT);
    }

    function settledAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> SETTLED_AT_SHIFT);
    }

    function publishedAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> PUBLISHED_AT_SHIFT);
    }

    function finalAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> FINAL_AT_SHIFT);
    }

    /// @dev 0 if the fixture was never bet on.
    function term(Fixture fixture) internal pure returns (uint256) {
        return uint24(Fixture.unwrap(fixture) >> TERM_SHIFT);
    }

    /// @dev The caller has checked that the fixture has no term yet.
    function setTerm(Fixture fixture, uint256 term_) internal pure returns (Fixture) {
        return Fixture.wrap(Fixture.unwrap(fixture) | (term_ << TERM_SHIFT));
    }

    /// @notice `sum` with its part `before` replaced by `after_`; 0 if that would be negative,
    /// since a part may be missing from the sum.
    /// @dev `PlacingFastPath.place` computes the same in its block on capacity and caps.
    function replaceInSum(uint256 sum, uint256 before, uint256 after_)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            sum += after_;
            return sum > before ? sum - before : 0;
        }
    }

    /// @notice The fixture word with a result.
    /// @param result A result word, as call data has it.
    function resolve(Fixture fixture, uint256 result, uint256 publishedAt_, uint256 finalAt_)
        internal
        pure
        returns (Fixture)
    {
        return Fixture.wrap(
            fixture.locked()
                | ((result << (SETTLED_AT_SHIFT - RESULT_WORD_SETTLED_AT_SHIFT)) & RESULT_BITS)
                | (publishedAt_ << PUBLISHED_AT_SHIFT) | (finalAt_ << FINAL_AT_SHIFT)
                | (fixture.term() << TERM_SHIFT)
        );
    }

    /// @notice The fixture's id in a result word.
    function idOf(uint256 result) internal pure returns (uint256) {
        return result >> RESULT_WORD_ID_SHIFT;
    }
}
