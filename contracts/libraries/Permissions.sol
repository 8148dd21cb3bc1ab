// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Keys} from "./Keys.sol";
import {Ledger} from "./Ledger.sol";

/// @title Permissions
/// @notice Sets what the house's keys may do and what the house may risk: at deployment by the
/// sportsbook's constructor, later by `Administration`.
library Permissions {
    /// @dev Keys of one role that are not retired: one at work, and one in reserve.
    uint256 private constant MAX_KEYS = 2;

    /// @notice Give a key a role that counts from a time on.
    function grant(Ledger storage ledger, ISportsbook.KeyGrant memory given, uint40 from) internal {
        (address key, ISportsbook.Role role) = (given.key, given.role);
        if (key == address(0) || role == ISportsbook.Role.None || ledger.keys[key].role() != 0) {
            revert ISportsbook.KeyInvalid(key);
        }
        if (++ledger.keyCount[uint256(role)] > MAX_KEYS) {
            revert ISportsbook.KeysTooMany(role, MAX_KEYS);
        }
        ledger.keys[key] = Keys.grant(uint256(role), from, given.budget);
        emit ISportsbook.KeyGranted(key, role, given.budget, from);
    }

    function setLimits(Ledger storage ledger, ISportsbook.Limits memory next) internal {
        ledger.caps.market = next.marketCap;
        ledger.caps.fixture = next.fixtureCap;
        ledger.caps.accumulators = next.accumulatorCap;
        ledger.caps.reserve = next.receiptReserve;
        emit ISportsbook.LimitsSet(next);
    }
}
