// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account} from "./Accounts.sol";
import {Restriction} from "./Ledger.sol";

/// @title Restrictions
/// @notice What the owner of an account has ruled out: slips, by the time of their acceptance.
library Restrictions {
    function isExcluded(Restriction memory held, uint256 acceptedAt) internal pure returns (bool) {
        return acceptedAt < held.excludedBefore
            || (acceptedAt >= held.excludedFrom && acceptedAt < held.excludedUntil);
    }

    function isCancelled(Restriction memory held, uint256 nonce, uint256 acceptedAt)
        internal
        pure
        returns (bool)
    {
        return nonce <= held.cancelledBefore
            || (nonce <= held.cancelledNonce && acceptedAt >= held.cancelledAt);
    }

    /// @notice The account without its restriction if no slip can meet it any more: what it rules
    /// out was accepted so long ago that not even a receipt can place it. Cancelled nonces are
    /// used from then on.
    function lift(Account account, Restriction memory held, uint256 receiptWindow)
        internal
        view
        returns (Account)
    {
        unchecked {
            uint256 over = block.timestamp - receiptWindow;
            if (held.excludedUntil >= over || held.cancelledAt >= over) return account;
            if (held.cancelledNonce != 0) account = account.useNoncesTo(held.cancelledNonce);
            return account.setRestricted(false);
        }
    }
}
