// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "./Fixtures.sol";

/// @title Slots
/// @notice Where a mapping keeps a key's word, for what is read early and written late: its place is
/// then hashed once.
library Slots {
    function slotOf(mapping(uint256 key => uint256) storage map, uint256 key)
        internal
        pure
        returns (uint256 slot)
    {
        assembly ("memory-safe") {
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
