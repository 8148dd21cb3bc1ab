// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where some of these are used.
// solhint-disable no-unused-import

import {Account} from "./Accounts.sol";
import {ACCOUNTS} from "./Ledger.sol";
import {Memory} from "./Memory.sol";
import {PlacingState} from "./PlacingState.sol";
import {TypedData} from "./TypedData.sol";

// Layout of the template. A name that ends in _AT is the first byte of a field that is copied
// from call data: such a field is narrower than its word and fills the end of its word.
//
//   [0x000,0x020)  EIP-712 type hash of Slip         \
//   [0x020,0x040)  account u32                        |
//   [0x040,0x060)  stake u64                          |
//   [0x060,0x080)  minimum odds u40                   | the Slip struct, hashed as one piece
//   [0x080,0x0a0)  nonce u24                          |
//   [0x0a0,0x0c0)  deadline u40                       |
//   [0x0c0,0x0e0)  hash over the leg hashes          /
//   [0x0e0,0x0e2)  0x1901                            \
//   [0x0e2,0x102)  domain separator                   | what the bettor's key signs
//   [0x102,0x122)  struct hash of the slip           /
//   [0x140,0x160)  digest                            \
//   [0x160,0x180)  v                                  | what ecrecover takes
//   [0x180,0x1a0)  r                                  |
//   [0x1a0,0x1c0)  s (vs until it is split)          /
//   [0x1c0,0x1e0)  leg word: market 208 | zero 8 | outcome 8 | odds 32   \
//   [0x1e0,0x1f2)  first 18 bytes of the record                          | the bet's Merkle leaf
//   [0x1f2,0x1f7)  base time u40                                         /
//   [0x220,0x240)  first storage slot of the accounts
//   [0x240,0x260)  payout if the slip wins
uint256 constant TEMPLATE_SLIP_TYPE = 0x00;
uint256 constant TEMPLATE_ACCOUNT = 0x20;
uint256 constant TEMPLATE_ACCOUNT_AT = 0x3c;
uint256 constant TEMPLATE_STAKE = 0x40;
uint256 constant TEMPLATE_STAKE_AT = 0x58;
uint256 constant TEMPLATE_MIN_ODDS = 0x60;
uint256 constant TEMPLATE_MIN_ODDS_AT = 0x7b;
uint256 constant TEMPLATE_NONCE = 0x80;
uint256 constant TEMPLATE_NONCE_AT = 0x9d;
uint256 constant TEMPLATE_DEADLINE = 0xa0;
uint256 constant TEMPLATE_LEGS_HASH = 0xc0;
uint256 constant TEMPLATE_SLIP_SIZE = 0xe0;
uint256 constant TEMPLATE_SIGNED = 0xe0;
uint256 constant TEMPLATE_SEPARATOR = 0xe2;
uint256 constant TEMPLATE_SLIP_HASH = 0x102;
uint256 constant TEMPLATE_SIGNED_SIZE = 66;
uint256 constant TEMPLATE_DIGEST = 0x140;
uint256 constant TEMPLATE_V = 0x160;
uint256 constant TEMPLATE_R = 0x180;
uint256 constant TEMPLATE_S = 0x1a0;
uint256 constant TEMPLATE_LEAF = 0x1c0;
uint256 constant TEMPLATE_LEAF_CHOICE_AT = 0x1db;
uint256 constant TEMPLATE_LEAF_RECORD_AT = 0x1e0;
uint256 constant TEMPLATE_LEAF_BASE = 0x1f2;
uint256 constant TEMPLATE_ACCOUNTS = 0x220;
uint256 constant TEMPLATE_PAYOUT = 0x240;
uint256 constant TEMPLATE_SIZE = 0x260;

/// @dev The two bytes before a domain separator (EIP-191, version 0x01), and the bits to their
/// right in a word.
uint256 constant SIGNED_PREFIX = 0x1901;
uint256 constant SIGNED_PREFIX_SHIFT = 240;
/// @dev Bits to the right of the base time's 5 bytes in a word.
uint256 constant TEMPLATE_BASE_SHIFT = 216;

/// @title SlipTemplate
/// @notice Memory in which slips are encoded for hashing. What all slips of a batch share is
/// written once; `PlacingFastPath` copies the fields of each slip into it.
library SlipTemplate {
    /// @notice Reserve a template and write what all slips of the batch share.
    /// @param accounts The ledger's accounts, whose first slot is kept.
    function create(bytes32 separator, uint256 base, Account[ACCOUNTS] storage accounts)
        internal
        pure
        returns (uint256 template)
    {
        bytes32 slipType = TypedData.SLIP;
        // Zeros: fields are narrower than their words.
        template = Memory.reserveZeroed(TEMPLATE_SIZE);
        assembly ("memory-safe") {
            // Template [0x000,0x020)
            mstore(add(template, TEMPLATE_SLIP_TYPE), slipType)
            // Template [0x0e0,0x100), of which the separator overwrites all but two bytes
            mstore(add(template, TEMPLATE_SIGNED), shl(SIGNED_PREFIX_SHIFT, SIGNED_PREFIX))
            // Template [0x0e2,0x102)
            mstore(add(template, TEMPLATE_SEPARATOR), separator)
            // Template [0x1f2,0x212), of which five bytes are the base time
            mstore(add(template, TEMPLATE_LEAF_BASE), shl(TEMPLATE_BASE_SHIFT, base))
            // Template [0x220,0x240)
            mstore(add(template, TEMPLATE_ACCOUNTS), accounts.slot)
        }
    }

    /// @notice EIP-712 digest of a slip of the batch. Keeps the slip's hash in the template.
    function digestOf(PlacingState memory state, bytes32 slipHash_)
        internal
        pure
        returns (bytes32 digest)
    {
        uint256 template = state.template;
        assembly ("memory-safe") {
            // Template [0x102,0x122)
            mstore(add(template, TEMPLATE_SLIP_HASH), slipHash_)
            digest := keccak256(add(template, TEMPLATE_SIGNED), TEMPLATE_SIGNED_SIZE)
        }
    }

    /// @notice Keep what the bet pays if it wins; `PlacingFastPath` does so itself.
    function setPayout(PlacingState memory state, uint256 payout_) internal pure {
        uint256 template = state.template;
        assembly ("memory-safe") {
            // Template [0x240,0x260)
            mstore(add(template, TEMPLATE_PAYOUT), payout_)
        }
    }

    /// @notice What the last slip placed pays if it wins.
    function payout(PlacingState memory state) internal pure returns (uint256 value) {
        uint256 template = state.template;
        assembly ("memory-safe") {
            value := mload(add(template, TEMPLATE_PAYOUT))
        }
    }

    /// @notice Struct hash of the last slip whose signature was checked.
    function slipHash(PlacingState memory state) internal pure returns (bytes32 hash) {
        uint256 template = state.template;
        assembly ("memory-safe") {
            hash := mload(add(template, TEMPLATE_SLIP_HASH))
        }
    }
}
