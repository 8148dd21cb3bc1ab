// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Calldata
/// @notice Reads packed call data by position, a word at a time.
/// @dev Slices of `bytes` check their bounds for every byte; reading words saves some 900 gas per
/// slip.
/// Warning: nothing is checked here. After `data` come other bytes of the call, then zeros: a
/// caller must check that it stops reading exactly where the data ends.
library Calldata {
    /// @notice Position of the first byte of `data`.
    function start(bytes calldata data) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }

    /// @notice The 32 bytes at a position.
    function word(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }
}
