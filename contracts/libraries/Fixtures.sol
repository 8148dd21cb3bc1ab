// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A fixture in one word: 40 spare | finalAt 40 | publishedAt 40 | Result 80 | locked 56.
type Fixture is uint256;

using Fixtures for Fixture global;

/// @title Fixtures
/// @notice Reads and changes a fixture's word: what its open bets lock of the bankroll, and its
/// result.
///
/// A Result, as call data carries it: fixture 128 | status 8 | homeHalf 8 | awayHalf 8 | homeFull 8
/// | awayFull 8 | settledAt 40 | 48 zero. The fixture's word holds it without the fixture.
library Fixtures {
    uint256 internal constant PLAYED = 1;
    uint256 internal constant VOID = 2;
    uint256 internal constant ABANDONED_BEFORE_HALF_TIME = 3;
    uint256 internal constant ABANDONED = 4;
    uint256 internal constant FRACTION = 5;

    uint256 private constant LOCKED = type(uint56).max;
    uint256 private constant RESULT_AT = 56;
    /// @dev From the place of a Result in call data (bit 48) to its place in the word.
    uint256 private constant SHIFT = 8;
    uint256 private constant RESULT = uint256(type(uint80).max) << RESULT_AT;
    uint256 private constant PUBLISHED_AT = 136;
    uint256 private constant FINAL_AT = 176;

    /// @dev What the fixture's open single bets lock; not kept up to date any more once a result
    /// decides them.
    function locked(Fixture fixture) internal pure returns (uint256) {
        return Fixture.unwrap(fixture) & LOCKED;
    }

    /// @dev The sum is not kept up to date once a result is there; it stays within its bits.
    function setLocked(Fixture fixture, uint256 locked_) internal pure returns (Fixture) {
        return Fixture.wrap((Fixture.unwrap(fixture) & ~LOCKED) | (locked_ & LOCKED));
    }

    /// @dev 0 while there is no result.
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

    /// @notice `sum` with one of its parts changed; not below 0, should the part not be in it.
    function changed(uint256 sum, uint256 before, uint256 after_) internal pure returns (uint256) {
        unchecked {
            sum += after_;
            return sum > before ? sum - before : 0;
        }
    }

    /// @notice The fixture's word with a result.
    function resolve(Fixture fixture, uint256 result, uint256 publishedAt_, uint256 finalAt_)
        internal
        pure
        returns (Fixture)
    {
        return Fixture.wrap(
            fixture.locked() | ((result << SHIFT) & RESULT) | (publishedAt_ << PUBLISHED_AT)
                | (finalAt_ << FINAL_AT)
        );
    }

    /// @notice The fixture that a Result in call data is of: the first 16 bytes.
    function idOf(uint256 result) internal pure returns (uint256) {
        return result >> 128;
    }
}
