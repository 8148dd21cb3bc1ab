// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IHooked} from "./IHooked.sol";

/// @title HookToken
/// @notice A token that calls sender and receiver during a transfer, as ERC-777 does.
contract HookToken is ERC20 {
    mapping(address holder => bool) public isHooked;

    constructor() ERC20("Hook Token", "HOOK") {}

    function setHooked(bool hooked) external {
        isHooked[msg.sender] = hooked;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isHooked[from]) IHooked(from).tokensToSend();
        super._update(from, to, amount);
        if (isHooked[to]) IHooked(to).tokensReceived();
    }
}
