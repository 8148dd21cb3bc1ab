// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "./Fixtures.sol";
import {Memory} from "./Memory.sol";

/// @notice A fixture of the batch being placed: the memory address of its entry.
type FixtureEntry is uint256;

using FixtureEntries for FixtureEntry global;

// Layout of an entry:
//   [0x00,0x20)  hash of the fixture's name; its first 16 bytes are the fixture's id
//   [0x20,0x40)  start, unix seconds
//   [0x40,0x60)  what the fixture's open single bets lock, updated by every slip placed
//   [0x60,0x80)  storage slot of the fixture word
//   [0x80,0xa0)  the fixture word as stored
uint256 constant FIXTURE_ENTRY_NAME = 0x00;
uint256 constant FIXTURE_ENTRY_STARTS_AT = 0x20;
uint256 constant FIXTURE_ENTRY_LOCKED = 0x40;
uint256 constant FIXTURE_ENTRY_SLOT = 0x60;
uint256 constant FIXTURE_ENTRY_STORED = 0x80;
uint256 constant FIXTURE_ENTRY_SIZE = 0xa0;

/// @title FixtureEntries
/// @notice The fixtures of a batch in memory, one entry after the other: what the batch's table
/// says of them, their words as stored, and what their singles lock with the slips placed so far.
library FixtureEntries {
    function reserve(uint256 count) internal pure returns (uint256 entries) {
        unchecked {
            return Memory.reserve(count * FIXTURE_ENTRY_SIZE);
        }
    }

    function at(uint256 entries, uint256 index) internal pure returns (FixtureEntry) {
        unchecked {
            return FixtureEntry.wrap(entries + index * FIXTURE_ENTRY_SIZE);
        }
    }

    function indexOf(uint256 entries, FixtureEntry entry) internal pure returns (uint256) {
        unchecked {
            return (FixtureEntry.unwrap(entry) - entries) / FIXTURE_ENTRY_SIZE;
        }
    }

    function set(
        FixtureEntry entry,
        uint256 name_,
        uint256 startsAt_,
        uint256 slot_,
        Fixture stored_
    ) internal pure {
        uint256 locked_ = stored_.locked();
        assembly ("memory-safe") {
            // Entry [0x00,0xa0), all of it
            mstore(add(entry, FIXTURE_ENTRY_NAME), name_)
            mstore(add(entry, FIXTURE_ENTRY_STARTS_AT), startsAt_)
            mstore(add(entry, FIXTURE_ENTRY_LOCKED), locked_)
            mstore(add(entry, FIXTURE_ENTRY_SLOT), slot_)
            mstore(add(entry, FIXTURE_ENTRY_STORED), stored_)
        }
    }

    function setLocked(FixtureEntry entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // Entry [0x40,0x60)
            mstore(add(entry, FIXTURE_ENTRY_LOCKED), value)
        }
    }

    /// @dev Hash of the fixture's name.
    function name(FixtureEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, FIXTURE_ENTRY_NAME))
        }
    }

    function startsAt(FixtureEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, FIXTURE_ENTRY_STARTS_AT))
        }
    }

    function locked(FixtureEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, FIXTURE_ENTRY_LOCKED))
        }
    }

    function slot(FixtureEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, FIXTURE_ENTRY_SLOT))
        }
    }

    function stored(FixtureEntry entry) internal pure returns (Fixture value) {
        assembly ("memory-safe") {
            value := mload(add(entry, FIXTURE_ENTRY_STORED))
        }
    }
}
