// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Memory
/// @notice Reserves memory for layouts that are written and read by offsets.
/// @dev Memory after the free pointer may be dirty.
library Memory {
    /// @notice Reserve memory that the caller writes before it reads.
    /// @param size Bytes, rounded up to whole words.
    /// @return to Memory address of the first.
    function reserve(uint256 size) internal pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 31), not(31)))
        }
    }

    /// @notice Reserve memory that is all zeros.
    /// @param size Bytes, a number of whole words.
    function reserveZeroed(uint256 size) internal pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, add(to, size))
            // [to,to+size), zeroed by copying from beyond the call data
            calldatacopy(to, calldatasize(), size)
        }
    }
}
