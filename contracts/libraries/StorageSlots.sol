// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "./Fixtures.sol";

/// @title StorageSlots
/// @notice The storage slot of a mapping's value, for values that are read early and written late:
/// the slot is then hashed only once.
library StorageSlots {
    function slotOf(mapping(uint256 key => uint256) storage map, uint256 key)
        internal
        pure
        returns (uint256 slot)
    {
        assembly ("memory-safe") {
            // [0x00,0x40), scratch space
            mstore(0, key)
            mstore(32, map.slot)
            slot := keccak256(0, 64)
        }
    }

    function slotOf(mapping(uint256 key => Fixture) storage map, uint256 key)
        internal
        pure
        returns (uint256 slot)
    {
        assembly ("memory-safe") {
            // [0x00,0x40), scratch space
            mstore(0, key)
            mstore(32, map.slot)
            slot := keccak256(0, 64)
        }
    }

    function read(uint256 slot) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    function write(uint256 slot, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }
}
