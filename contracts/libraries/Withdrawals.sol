// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The withdrawal word, in the call as in the event. The deadline is 0 after an exit,
/// which needs no signature. Amounts are micro-units, times unix seconds.
///   bits   [0,40)    [40,104)  [104,136)  [136,256)
///   field  deadline  amount    account    zero
type Withdrawal is uint256;

using Withdrawals for Withdrawal global;

/// @title Withdrawals
/// @notice Encodes and reads the withdrawal word.
library Withdrawals {
    uint256 private constant ACCOUNT_SHIFT = 104;
    uint256 private constant AMOUNT_SHIFT = 40;

    /// @notice The word of an exit, which has no deadline.
    function ofExit(uint32 account_, uint64 amount_) internal pure returns (Withdrawal) {
        return
            Withdrawal.wrap(
                (uint256(account_) << ACCOUNT_SHIFT) | (uint256(amount_) << AMOUNT_SHIFT)
            );
    }

    /// @dev Not cut to 32 bits: the array of accounts has 2^32 elements, so that its bounds check
    /// refuses a word with higher bits.
    function account(Withdrawal withdrawal) internal pure returns (uint256) {
        return Withdrawal.unwrap(withdrawal) >> ACCOUNT_SHIFT;
    }

    function amount(Withdrawal withdrawal) internal pure returns (uint256) {
        return uint64(Withdrawal.unwrap(withdrawal) >> AMOUNT_SHIFT);
    }

    function deadline(Withdrawal withdrawal) internal pure returns (uint256) {
        return uint40(Withdrawal.unwrap(withdrawal));
    }
}
