// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TestToken
/// @notice A test dollar with 6 decimals that anyone can mint.
/// Warning: worthless by design. The deploy script refuses to use it on a public chain.
contract TestToken is ERC20, ERC20Permit {
    constructor() ERC20("Fairline Test Dollar", "tUSD") ERC20Permit("Fairline Test Dollar") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public view virtual override returns (uint8) {
        return 6;
    }
}
