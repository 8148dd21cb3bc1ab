// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Delegation
/// @notice Runs the code of the contracts that the sportsbook is made of, on its own storage.
library Delegation {
    /// @notice Run the function of the same signature in another contract, on this contract's
    /// storage, and return what it returns. The call data is forwarded as it came: decoding and
    /// encoding it again would cost more than the call.
    /// Warning: that code has full access to the storage. It is fixed, has no owner and no state.
    function run(address code) internal {
        assembly ("memory-safe") {
            // Beyond the free pointer: the call data, then what the call returns
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    /// @notice As `run`, but go on with the three words that it returns.
    function endReplaced(address code)
        internal
        returns (uint256 replaced, bytes32 terms, bytes32 picks)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            if iszero(delegatecall(gas(), code, free, calldatasize(), free, 96)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            replaced := mload(free)
            terms := mload(add(free, 32))
            picks := mload(add(free, 64))
        }
    }
}
