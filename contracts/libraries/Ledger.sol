// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account} from "./Accounts.sol";
import {Batch} from "./Batches.sol";
import {Fixture} from "./Fixtures.sol";

/// @dev The money of the house and of open bets, and how many batches were placed, in one slot.
///   bits   [0,64)  [64,128)    [128,192)  [192,240)   [240,248)
///   field  pool    openStakes  locked     batchCount  paused
/// Invariant: tokens held >= sum of all balances + pool, and pool = openStakes + house.
/// Invariant: pool >= openStakes + locked after a bet is placed or cashed out, and after money
/// leaves for the bankroll.
struct Book {
    uint64 pool;
    uint64 openStakes;
    uint64 locked;
    uint48 batchCount;
    bool paused;
}

/// @dev The most that one market may lock, and the single bets of one fixture together.
struct Caps {
    uint64 market;
    uint64 fixture;
}

/// @dev An account's second slot: the exit that its owner requested, and from when until when the
/// account is excluded from betting.
struct Exit {
    uint56 amount;
    uint40 unlocksAt;
    uint40 excludedFrom;
    uint40 excludedUntil;
}

/// @dev Account numbers have 32 bits.
uint256 constant ACCOUNTS = 1 << 32;

/// @dev What the sportsbook stores about money and bets.
struct Ledger {
    Book book;
    Caps caps;
    /// @dev By number. An array: a mapping would hash the number at every access.
    Account[ACCOUNTS] accounts;
    mapping(uint256 account => Exit) exits;
    /// @dev See Markets for the word.
    mapping(uint256 market => uint256) exposures;
    mapping(uint256 fixture => Fixture) fixtures;
    mapping(uint256 batch => Batch) batches;
    /// @dev Of touched batches only: bit i is set if bet i is settled.
    mapping(uint256 batch => uint256) settledBits;
    /// @dev When a house signer's signatures stop counting: never (the highest number), or its
    /// time of retirement; 0 for other addresses.
    mapping(address signer => uint256) signers;
    mapping(address operator => bool) operators;
    /// @dev Stakes placed on a quote for anyone.
    mapping(bytes32 quote => uint256) quoted;
}

/// @dev First base of Sportsbook and of Settling, so that the ledger has the same slots in both.
/// Warning: Settling runs on the sportsbook's storage. No base with storage may come before this
/// one.
abstract contract LedgerStorage {
    Ledger internal ledger_;
}

/// @dev Seconds from a market's start within which its fixture's result must be published.
/// Otherwise its bets are void.
uint40 constant VOID_AFTER_START = 7 days;
