// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account} from "./Accounts.sol";
import {ACCOUNTS} from "./Ledger.sol";
import {TypedData} from "./TypedData.sol";

/// @notice A batch on its way into the ledger. Times are unix seconds, amounts micro-units.
struct Desk {
    /// What the records' times count from.
    uint256 base;
    uint256 earliest;
    /// Who places a bet without a signature, being its owner; zero when signatures count.
    address bettor;
    uint256 marketCap;
    uint256 fixtureCap;
    uint256 lines;
    uint256 markets;
    uint256 rows;
    uint256 fixtures;
    uint256 tableSize;
    uint256 room;
    uint256 locked;
    /// Of accumulators; those of singles are in the exposures.
    uint256 stakes;
    /// Space for the leg hashes and for the leg words of one slip.
    uint256 hashes;
    uint256 words;
    /// Space for what is hashed of a plain slip.
    uint256 form;
    /// Of the last slip of the general way.
    bytes32 legsHash;
    /// Space for a leg's struct.
    uint256 scratch;
    /// Where the walk is: in the call data, among the leaves, in the event; and slips to come.
    uint256 at;
    uint256 leaf;
    uint256 out;
    uint256 left;
}

// Places in memory of a desk's fields, for what is written by hand.
uint256 constant DESK_EARLIEST = 0x20;
uint256 constant DESK_MARKET_CAP = 0x60;
uint256 constant DESK_FIXTURE_CAP = 0x80;
uint256 constant DESK_LINES = 0xa0;
uint256 constant DESK_MARKETS = 0xc0;
uint256 constant DESK_ROOM = 0x140;
uint256 constant DESK_LOCKED = 0x160;
uint256 constant DESK_FORM = 0x1e0;
uint256 constant DESK_AT = 0x240;
uint256 constant DESK_LEAF = 0x260;
uint256 constant DESK_OUT = 0x280;
uint256 constant DESK_LEFT = 0x2a0;

// The form on which a plain slip is filled in: its struct, the digest's preimage, what ecrecover is
// asked, the bet's leaf, the place of the accounts, the payout. Names in _AT are the first
// byte of what call data fills of a field.
uint256 constant FORM_ACCOUNT = 0x20;
uint256 constant FORM_ACCOUNT_AT = 0x3c;
uint256 constant FORM_STAKE = 0x40;
uint256 constant FORM_STAKE_AT = 0x58;
uint256 constant FORM_MIN_ODDS = 0x60;
uint256 constant FORM_MIN_ODDS_AT = 0x7b;
uint256 constant FORM_NONCE = 0x80;
uint256 constant FORM_NONCE_AT = 0x9d;
uint256 constant FORM_DEADLINE = 0xa0;
uint256 constant FORM_LEGS_HASH = 0xc0;
uint256 constant FORM_SLIP_SIZE = 0xe0;
uint256 constant FORM_DIGEST = 0xe0;
uint256 constant FORM_SEPARATOR = 0xe2;
uint256 constant FORM_SLIP_HASH = 0x102;
uint256 constant FORM_DIGEST_SIZE = 66;
uint256 constant FORM_SIGNED = 0x140;
uint256 constant FORM_V = 0x160;
uint256 constant FORM_R = 0x180;
uint256 constant FORM_S = 0x1a0;
uint256 constant FORM_LEAF_LEG = 0x1c0;
uint256 constant FORM_LEAF_CHOICE = 0x1db;
uint256 constant FORM_LEAF_RECORD = 0x1e0;
uint256 constant FORM_LEAF_BASE = 0x1f2;
uint256 constant FORM_LEAF_SIZE = 55;
uint256 constant FORM_ACCOUNTS = 0x220;
uint256 constant FORM_PAYOUT = 0x240;
uint256 constant FORM_SIZE = 0x260;

/// @title Desks
/// @notice The form that the slips of a batch share.
library Desks {
    /// @notice A form on which everything is filled in that all slips of a batch share.
    /// @param accounts Where they are held.
    function newForm(bytes32 separator, uint256 base, Account[ACCOUNTS] storage accounts)
        internal
        pure
        returns (uint256 form)
    {
        bytes32 slipType = TypedData.SLIP;
        assembly ("memory-safe") {
            form := mload(0x40)
            mstore(0x40, add(form, FORM_SIZE))
            // Fields are narrower than their words, and this memory may hold what others left.
            calldatacopy(form, calldatasize(), FORM_SIZE)
            mstore(form, slipType)
            mstore(add(form, FORM_DIGEST), shl(240, 0x1901))
            mstore(add(form, FORM_SEPARATOR), separator)
            mstore(add(form, FORM_LEAF_BASE), shl(216, base))
            mstore(add(form, FORM_ACCOUNTS), accounts.slot)
        }
    }

    /// @notice What is signed of a slip of the batch; keeps the slip's hash on the form.
    function digestOf(Desk memory desk, bytes32 slipHash_) internal pure returns (bytes32 digest) {
        uint256 form = desk.form;
        assembly ("memory-safe") {
            mstore(add(form, FORM_SLIP_HASH), slipHash_)
            digest := keccak256(add(form, FORM_DIGEST), FORM_DIGEST_SIZE)
        }
    }

    /// @notice The hash of the last slip whose signature was looked at.
    function slipHash(Desk memory desk) internal pure returns (bytes32 hash) {
        uint256 form = desk.form;
        assembly ("memory-safe") {
            hash := mload(add(form, FORM_SLIP_HASH))
        }
    }
}
