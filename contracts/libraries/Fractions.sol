// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What an outcome earns: of `parts` equal parts of the stake, `win` are paid at the odds,
/// `refund` are paid back, and the rest is lost. 0 while the outcome is not decided.
///   bits   [0,8)  [8,16)  [16,24)
///   field  win    refund  parts
type Fraction is uint256;

using Fractions for Fraction global;
using {same as ==} for Fraction global;

Fraction constant UNKNOWN = Fraction.wrap(0);
Fraction constant LOST = Fraction.wrap(0x020000);
Fraction constant WON = Fraction.wrap(0x020002);
Fraction constant HALF_WON = Fraction.wrap(0x020101);
Fraction constant HALF_LOST = Fraction.wrap(0x020100);
Fraction constant VOID = Fraction.wrap(0x020200);

function same(Fraction a, Fraction b) pure returns (bool) {
    return Fraction.unwrap(a) == Fraction.unwrap(b);
}

/// @title Fractions
/// @notice Encodes and reads fractions.
library Fractions {
    uint256 private constant REFUND_SHIFT = 8;
    uint256 private constant PARTS_SHIFT = 16;

    /// @dev A full win is WON and a full loss LOST, whatever the number of parts.
    function make(uint256 win_, uint256 refund_, uint256 parts_) internal pure returns (Fraction) {
        if (win_ == parts_) return WON;
        if (win_ | refund_ == 0) return LOST;
        return Fraction.wrap((parts_ << PARTS_SHIFT) | (refund_ << REFUND_SHIFT) | win_);
    }

    function win(Fraction fraction) internal pure returns (uint256) {
        return uint8(Fraction.unwrap(fraction));
    }

    function refund(Fraction fraction) internal pure returns (uint256) {
        return uint8(Fraction.unwrap(fraction) >> REFUND_SHIFT);
    }

    function parts(Fraction fraction) internal pure returns (uint256) {
        return Fraction.unwrap(fraction) >> PARTS_SHIFT;
    }
}
