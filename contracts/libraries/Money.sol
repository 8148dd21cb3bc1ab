// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Money
/// @notice Checked arithmetic on the sums of the book, which have 56 bits. All tokens held, in
/// micro-units, fit them (see Accounts.MAX_BALANCE), so an overflow would be a flaw of the contract: it panics.
library Money {
    function add(uint56 sum, uint256 amount) internal pure returns (uint56) {
        return fit(sum + amount);
    }

    function sub(uint56 sum, uint256 amount) internal pure returns (uint56) {
        return fit(sum - amount);
    }

    function fit(uint256 amount) internal pure returns (uint56) {
        assert(amount <= type(uint56).max);
        return uint56(amount);
    }
}
