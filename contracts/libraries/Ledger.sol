// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account} from "./Accounts.sol";
import {Batch} from "./Batches.sol";
import {Fixture} from "./Fixtures.sol";
import {Key} from "./Keys.sol";

// What the sportsbook stores about money and bets, and the base contract that holds it.
// `Sportsbook` and the contracts whose code it runs share this layout; see LedgerStorage.

/// @dev The money of the house and of open bets, and how many batches were placed, in one slot.
///   bits   [0,56)  [56,112)  [112,168)  [168,224)     [224,256)
///   field  pool    owed      locked     accumulators  batchCount
/// `owed` are the stakes of open bets; of markets that are marked, what their open bets are paid.
/// `locked` is what open bets could cost the house above that, of which `accumulators` is locked
/// by accumulators. Invariant: tokens held >= sum of all balances + pool. Invariant: pool >= owed
/// + locked.
struct Book {
    uint56 pool;
    uint56 owed;
    uint56 locked;
    uint56 accumulators;
    uint32 batchCount;
}

/// @dev What placing reads, in one slot: the most that one market or accumulator may lock, the
/// single bets of one fixture together, and all accumulators together; what must stay free for
/// receipts; the council's term; and whether placing is paused.
///   bits   [0,56)  [56,112)  [112,168)     [168,224)  [224,248)  [248,256)
///   field  market  fixture   accumulators  reserve    term       paused
struct Caps {
    uint56 market;
    uint56 fixture;
    uint56 accumulators;
    uint56 reserve;
    uint24 term;
    bool paused;
}

/// @dev Limits that the owner proposed, by their hash, and from when they can be applied.
struct Proposal {
    bytes32 limits;
    uint40 from;
}

/// @dev The exit that an account's owner requested, and how many requests of the owner's were
/// relayed.
struct Exit {
    uint56 amount;
    uint40 unlocksAt;
    uint40 requests;
}

/// @dev Slips that an account's owner has ruled out, by the time of their acceptance: within
/// [excludedFrom, excludedUntil), and before `excludedBefore`, the end of an earlier exclusion;
/// and from `cancelledAt` on those with nonces up to `cancelledNonce`. Those accepted before still
/// count: an owner must not be able to undo an accepted bet. Nonces up to `cancelledBefore` were
/// cancelled earlier; what was accepted before that is too old to be enforced.
struct Restriction {
    uint40 excludedFrom;
    uint40 excludedUntil;
    uint40 excludedBefore;
    uint40 cancelledAt;
    uint24 cancelledNonce;
    uint24 cancelledBefore;
}

/// @dev Account numbers have 32 bits.
uint256 constant ACCOUNTS = 1 << 32;

/// @dev What the sportsbook stores about money and bets.
struct Ledger {
    Book book;
    Caps caps;
    Proposal proposal;
    /// @dev By number. An array: a mapping would hash the number at every access.
    Account[ACCOUNTS] accounts;
    mapping(uint256 account => Exit) exits;
    mapping(uint256 account => Restriction) restrictions;
    /// @dev See Markets for the word.
    mapping(uint256 market => uint256) exposures;
    mapping(uint256 fixture => Fixture) fixtures;
    mapping(uint256 batch => Batch) batches;
    /// @dev Of touched batches only: bit i is set if bet i is settled.
    mapping(uint256 batch => uint256) settledBits;
    mapping(address => Key) keys;
    /// @dev Keys of a role that are not retired.
    mapping(uint256 role => uint256) keyCount;
    mapping(address owner => uint32) accountOf;
    uint32 accountCount;
    address guardian;
    /// @dev Stakes placed on a quote for anyone.
    mapping(bytes32 quote => uint256) quoted;
}

/// @title LedgerStorage
/// @notice Holds the ledger.
/// @dev First base of Sportsbook and of the contracts whose code it runs by delegatecall, so that
/// the ledger has the same slots in all.
/// Warning: No base with storage may come before this one.
abstract contract LedgerStorage {
    Ledger internal ledger_;
}

/// @dev Seconds from a market's start within which its fixture's result must be published.
/// Otherwise its bets are void.
uint40 constant VOID_AFTER_START = 7 days;
