// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title ShrinkingToken
/// @notice A token whose balances can shrink without a transfer.
contract ShrinkingToken is ERC20 {
    constructor() ERC20("Shrinking Token", "LESS") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function shrink(address holder, uint256 by) external {
        _burn(holder, by);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
