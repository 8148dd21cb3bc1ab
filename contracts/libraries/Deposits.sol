// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Ledger, Restriction} from "./Ledger.sol";
import {Restrictions} from "./Restrictions.sol";
import {Scale} from "./Scales.sol";
import {Tokens} from "./Tokens.sol";

/// @title Deposits
/// @notice Takes tokens, counts what arrives, and credits accounts with it. Amounts are
/// micro-units.
library Deposits {
    /// @notice Take tokens that `from` has approved; see `arrived`.
    function pull(IERC20 token, Scale scale, address from, uint256 amount)
        internal
        returns (uint256)
    {
        uint256 before = Tokens.held(token);
        Tokens.pull(token, from, scale.toUnits(amount));
        return arrived(token, scale, before, amount);
    }

    /// @notice How much arrived since `before` units of the token were held, in whole micro-units,
    /// but at most what was asked for: with a token that calls its receiver during a transfer, a
    /// nested deposit could otherwise be counted twice.
    function arrived(IERC20 token, Scale scale, uint256 before, uint256 amount)
        internal
        view
        returns (uint256)
    {
        uint256 held = Tokens.held(token);
        // Bounds all tokens held to 56 bits, so that no sum of packed amounts can overflow.
        if (!scale.isAtMost(held, Accounts.MAX_BALANCE)) {
            revert ISportsbook.DepositTooLarge(scale.toMicroDown(held));
        }
        uint256 more = scale.toMicroDown(held - before);
        return more < amount ? more : amount;
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
