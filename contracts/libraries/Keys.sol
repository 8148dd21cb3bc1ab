// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";

/// @notice A key of the house, as stored; 0 for an address that never was one:
///   bits   [0,8)  [8,48)  [48,88)  [88,144)  [144,184)  [184,240)  [240,256)
///   field  role   from    until    spent     spentAt    budget     zero
type Key is uint256;

using Keys for Key global;

/// @title Keys
/// @notice What each key of the house may do, from when until when, and how much of its budget it
/// has spent.
///
/// A budget is a leaky bucket: `spent` falls by the whole budget in BUDGET_PERIOD. So a key
/// commits at most its budget at once, and at most twice its budget within any BUDGET_PERIOD. Once
/// the key is retired, `spent` falls no more: a thief who can still use it gets at most what is
/// left.
library Keys {
    // ISportsbook.Role as numbers: the compiler would check an enum's range at every use.
    uint256 internal constant OPERATOR = uint256(ISportsbook.Role.Operator);
    uint256 internal constant RECEIPTS = uint256(ISportsbook.Role.Receipts);
    uint256 internal constant CASH_OUTS = uint256(ISportsbook.Role.CashOuts);
    uint256 internal constant WITHDRAWALS = uint256(ISportsbook.Role.Withdrawals);

    uint256 internal constant BUDGET_PERIOD = 1 days;

    uint256 private constant FROM_SHIFT = 8;
    uint256 private constant UNTIL_SHIFT = 48;
    uint256 private constant SPENT_SHIFT = 88;
    uint256 private constant SPENT_AT_SHIFT = 144;
    uint256 private constant BUDGET_SHIFT = 184;
    /// @dev `until` of a key that is not retired.
    uint256 private constant FOREVER = type(uint40).max;
    uint256 private constant UNTIL_BITS = FOREVER << UNTIL_SHIFT;
    /// @dev `spent` and `spentAt`.
    uint256 private constant BUCKET_BITS = (1 << BUDGET_SHIFT) - (1 << SPENT_SHIFT);

    /// @notice A key that counts from a time on.
    function grant(uint256 role_, uint256 from_, uint256 budget_) internal pure returns (Key) {
        return Key.wrap(role_ | (from_ << FROM_SHIFT) | UNTIL_BITS | (budget_ << BUDGET_SHIFT));
    }

    function role(Key key) internal pure returns (uint256) {
        return uint8(Key.unwrap(key));
    }

    function from(Key key) internal pure returns (uint256) {
        return uint40(Key.unwrap(key) >> FROM_SHIFT);
    }

    /// @notice Time of retirement; the highest number if the key is not retired.
    function until(Key key) internal pure returns (uint256) {
        return uint40(Key.unwrap(key) >> UNTIL_SHIFT);
    }

    function isRetired(Key key) internal pure returns (bool) {
        return key.until() != FOREVER;
    }

    /// @notice Whether the key may act now.
    function isActive(Key key, uint256 role_) internal view returns (bool) {
        return key.counted(role_, block.timestamp) && block.timestamp < key.until();
    }

    /// @notice Whether what the key signed at an earlier time counts: the second of its retirement
    /// still does.
    function counted(Key key, uint256 role_, uint256 time) internal pure returns (bool) {
        return key.role() == role_ && key.from() <= time && time <= key.until();
    }

    function retire(Key key) internal view returns (Key) {
        return Key.wrap((Key.unwrap(key) & ~UNTIL_BITS) | (block.timestamp << UNTIL_SHIFT));
    }

    function budget(Key key) internal pure returns (uint256) {
        return uint56(Key.unwrap(key) >> BUDGET_SHIFT);
    }

    /// @notice What is left of the key's budget now.
    function left(Key key) internal view returns (uint256) {
        unchecked {
            uint256 spent = uint56(Key.unwrap(key) >> SPENT_SHIFT);
            // Cannot overflow: a budget has 56 bits, a time 40. `_now` never goes back.
            uint256 sinceSpent = _now(key) - uint40(Key.unwrap(key) >> SPENT_AT_SHIFT);
            uint256 regained = key.budget() * sinceSpent / BUDGET_PERIOD;
            // Never more was spent than the budget.
            return spent > regained ? key.budget() - (spent - regained) : key.budget();
        }
    }

    /// @notice Spend an amount of the key's budget. Reverts with BudgetExceeded.
    function spend(Key key, uint256 amount) internal view returns (Key) {
        unchecked {
            uint256 left_ = key.left();
            if (amount > left_) revert ISportsbook.BudgetExceeded(left_, amount);
            // Fits 56 bits: it is not more than the budget.
            uint256 spent = key.budget() - left_ + amount;
            return Key.wrap(
                (Key.unwrap(key) & ~BUCKET_BITS) | (spent << SPENT_SHIFT)
                    | (_now(key) << SPENT_AT_SHIFT)
            );
        }
    }

    /// @dev Time that counts for the budget: it stops at retirement.
    function _now(Key key) private view returns (uint256) {
        uint256 until_ = key.until();
        return block.timestamp < until_ ? block.timestamp : until_;
    }
}
