// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account} from "./Accounts.sol";
import {Batch} from "./Batches.sol";
import {Fixture} from "./Fixtures.sol";

/// @dev The money of the house and of open bets, in one slot.
/// Invariant: tokens held >= all balances + pool; pool = open stakes + house.
/// Invariant: pool >= openStakes + locked whenever a bet is placed or cashed out, or money leaves
/// for the bankroll.
struct Book {
    uint64 pool;
    uint64 openStakes;
    uint64 locked;
    uint48 batchCount;
    bool paused;
}

/// @dev The most that may be locked for one market, for one fixture.
struct Caps {
    uint64 market;
    uint64 fixture;
}

/// @dev An account's second slot: what its owner announced to take out, and from when until when
/// the account is shut to bets.
struct Exit {
    uint56 amount;
    uint40 unlocksAt;
    uint40 excludedFrom;
    uint40 excludedUntil;
}

/// @dev Numbers of accounts fit 32 bits.
uint256 constant ACCOUNTS = 1 << 32;

/// @dev All that the sportsbook stores about money and bets.
struct Ledger {
    Book book;
    Caps caps;
    /// @dev Side by side, by number: a mapping would hash the number at every look.
    Account[ACCOUNTS] accounts;
    mapping(uint256 account => Exit) exits;
    /// @dev Payouts owed on three outcomes and the stakes taken, 64 bits each, lowest first.
    mapping(uint256 market => uint256) exposures;
    mapping(uint256 fixture => Fixture) fixtures;
    mapping(uint256 batch => Batch) batches;
    /// @dev Bits of the settled bets of a touched batch.
    mapping(uint256 batch => uint256) settledBits;
    /// @dev Until when what a house signer says counts: for ever, or the time of retirement.
    mapping(address signer => uint256) signers;
    mapping(address operator => bool) operators;
    /// @dev Stakes taken on quotes that are open to anyone.
    mapping(bytes32 quote => uint256) quoted;
}

/// @dev First base of the sportsbook and of the code that works on its storage, so that the ledger
/// has the same place in both.
abstract contract LedgerHolder {
    Ledger internal ledger_;
}

/// @dev Seconds from a fixture's start in which its result must be published; then its bets are
/// void.
uint40 constant VOID_AFTER_START = 7 days;
