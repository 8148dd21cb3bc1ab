// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "./Fixtures.sol";

/// @notice A fixture of a batch on its way through memory: the address of its first word.
type Row is uint256;

using Rows for Row global;

// Places of a row's words.
uint256 constant ROW_STARTS_AT = 0x20;
uint256 constant ROW_LOCKED = 0x40;
uint256 constant ROW_SLOT = 0x60;
uint256 constant ROW_STORED = 0x80;
uint256 constant ROW_SIZE = 0xa0;

/// @title Rows
/// @notice A fixture's words in memory: hash of its name, its start, what its bets lock, and its word
/// as it is held and where.
library Rows {
    function reserve(uint256 count) internal pure returns (uint256 rows) {
        assembly ("memory-safe") {
            rows := mload(0x40)
            mstore(0x40, add(rows, mul(count, ROW_SIZE)))
        }
    }

    function at(uint256 rows, uint256 index) internal pure returns (Row) {
        unchecked {
            return Row.wrap(rows + index * ROW_SIZE);
        }
    }

    function set(Row row, uint256 name_, uint256 startsAt_, uint256 slot_, Fixture stored_)
        internal
        pure
    {
        uint256 locked_ = stored_.locked();
        assembly ("memory-safe") {
            mstore(row, name_)
            mstore(add(row, ROW_STARTS_AT), startsAt_)
            mstore(add(row, ROW_LOCKED), locked_)
            mstore(add(row, ROW_SLOT), slot_)
            mstore(add(row, ROW_STORED), stored_)
        }
    }

    /// @dev The fixture's id is the first 16 bytes of its name's hash.
    function name(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(row)
        }
    }

    function startsAt(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(row, ROW_STARTS_AT))
        }
    }

    function locked(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(row, ROW_LOCKED))
        }
    }

    function slot(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(row, ROW_SLOT))
        }
    }

    function stored(Row row) internal pure returns (Fixture value) {
        assembly ("memory-safe") {
            value := mload(add(row, ROW_STORED))
        }
    }

    function setLocked(Row row, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(row, ROW_LOCKED), value)
        }
    }
}
