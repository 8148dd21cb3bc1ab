// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The fixture word, as stored:
///   bits   [0,56)  [56,136)           [136,176)    [176,216)  [216,240)  [240,256)
///   field  locked  result, see below  publishedAt  finalAt    term       zero
///
/// `term` is that of the council that stood when the fixture was first bet on, which decides it; 0
/// if it was never bet on.
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

    uint256 private constant LOCKED = type(uint56).max;
    uint256 private constant RESULT_AT = 56;
    /// @dev From bit 48, where the result ends in call data, to bit 56.
    uint256 private constant SHIFT = 8;
    uint256 private constant RESULT = uint256(type(uint80).max) << RESULT_AT;
    uint256 private constant PUBLISHED_AT = 136;
    uint256 private constant FINAL_AT = 176;
    uint256 private constant TERM_AT = 216;

    /// @dev What the fixture's open single bets lock. Not updated when bets settle: it serves the
    /// cap at placing.
    function locked(Fixture fixture) internal pure returns (uint256) {
        return Fixture.unwrap(fixture) & LOCKED;
    }

    /// @dev Cut to its bits: the sum is not updated when bets settle.
    function setLocked(Fixture fixture, uint256 locked_) internal pure returns (Fixture) {
        return Fixture.wrap((Fixture.unwrap(fixture) & ~LOCKED) | (locked_ & LOCKED));
    }

    /// @dev 0 if there is no result.
    function status(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> (RESULT_AT + 72));
    }

    function homeHalf(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> (RESULT_AT + 64));
    }

    function awayHalf(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> (RESULT_AT + 56));
    }

    function homeFull(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> (RESULT_AT + 48));
    }

    function awayFull(Fixture fixture) internal pure returns (uint256) {
        return uint8(Fixture.unwrap(fixture) >> (RESULT_AT + 40));
    }

    function settledAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> RESULT_AT);
    }

    function publishedAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> PUBLISHED_AT);
    }

    function finalAt(Fixture fixture) internal pure returns (uint256) {
        return uint40(Fixture.unwrap(fixture) >> FINAL_AT);
    }

    /// @dev 0 if the fixture was never bet on.
    function term(Fixture fixture) internal pure returns (uint256) {
        return uint24(Fixture.unwrap(fixture) >> TERM_AT);
    }

    /// @dev The caller has checked that the fixture has no term yet.
    function setTerm(Fixture fixture, uint256 term_) internal pure returns (Fixture) {
        return Fixture.wrap(Fixture.unwrap(fixture) | (term_ << TERM_AT));
    }

    /// @notice `sum` with its part `before` replaced by `after_`; 0 if that would be negative,
    /// since a part may be missing from the sum.
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
            fixture.locked() | ((result << SHIFT) & RESULT) | (publishedAt_ << PUBLISHED_AT)
                | (finalAt_ << FINAL_AT) | (fixture.term() << TERM_AT)
        );
    }

    /// @notice The fixture's id in a result word.
    function idOf(uint256 result) internal pure returns (uint256) {
        return result >> 128;
    }
}
