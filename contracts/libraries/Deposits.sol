// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Ledger, Restriction} from "./Ledger.sol";
import {Restrictions} from "./Restrictions.sol";

/// @title Deposits
/// @notice Counts tokens that arrive, and credits accounts with them.
library Deposits {
    /// @notice How many tokens arrived since `before` was held, but at most what was asked for:
    /// with a token that calls its receiver during a transfer, a nested deposit could otherwise be
    /// counted twice.
    function arrived(IERC20 token, uint256 before, uint256 amount) internal view returns (uint256) {
        uint256 held = token.balanceOf(address(this));
        // Bounds all tokens held to 56 bits, so that no sum of packed amounts can overflow.
        if (held > Accounts.MAX_BALANCE) revert ISportsbook.DepositTooLarge(held);
        return held - before < amount ? held - before : amount;
    }

    /// @notice Credit the account of an owner, and open it if it is the owner's first deposit.
    function credit(Ledger storage ledger, address owner, uint256 amount, uint256 receiptWindow)
        internal
        returns (uint32 account)
    {
        if (owner == address(0)) revert ISportsbook.OwnerZero();
        if (amount == 0) revert ISportsbook.AmountZero();
        account = ledger.accountOf[owner];
        if (account == 0) {
            account = ++ledger.accountCount;
            ledger.accountOf[owner] = account;
            ledger.accounts[account] = Accounts.open(owner).credit(amount);
            emit ISportsbook.AccountOpened(account, owner);
        } else {
            Account held = ledger.accounts[account];
            if (held.isRestricted()) {
                Restriction memory restriction = ledger.restrictions[account];
                if (block.timestamp < restriction.excludedUntil) {
                    revert ISportsbook.AccountExcluded(account, restriction.excludedUntil);
                }
                held = Restrictions.lift(held, restriction, receiptWindow);
            }
            ledger.accounts[account] = held.credit(amount);
        }
        // Fits: what is held fits 56 bits.
        emit ISportsbook.Deposited(account, msg.sender, uint64(amount));
    }
}
