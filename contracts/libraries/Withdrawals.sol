// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A withdrawal in one word: zero 120 | account 32 | amount 64 | deadline 40. Amounts are
/// micro-units, times unix seconds.
type Withdrawal is uint256;

using Withdrawals for Withdrawal global;

/// @title Withdrawals
/// @notice Reads a withdrawal's word. The call brings it and the event repeats it as it is.
library Withdrawals {
    uint256 private constant ACCOUNT_AT = 104;
    uint256 private constant AMOUNT_AT = 40;

    /// @notice One that nobody countersigned: it has no deadline.
    function ofExit(uint32 account_, uint64 amount_) internal pure returns (Withdrawal) {
        return
            Withdrawal.wrap((uint256(account_) << ACCOUNT_AT) | (uint256(amount_) << AMOUNT_AT));
    }

    /// @dev Not cut to 32 bits: above them no account is, and the bounds of the list of accounts refuse
    /// the word.
    function account(Withdrawal withdrawal) internal pure returns (uint256) {
        return Withdrawal.unwrap(withdrawal) >> ACCOUNT_AT;
    }

    function amount(Withdrawal withdrawal) internal pure returns (uint256) {
        return uint64(Withdrawal.unwrap(withdrawal) >> AMOUNT_AT);
    }

    function deadline(Withdrawal withdrawal) internal pure returns (uint256) {
        return uint40(Withdrawal.unwrap(withdrawal));
    }
}
