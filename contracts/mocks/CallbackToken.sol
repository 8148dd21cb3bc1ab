// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title CallbackToken
/// @notice A token that makes one call of its own in the middle of a transfer, when it is armed, and
/// pays nothing to whom it refuses; it can have an account and bets itself.
contract CallbackToken is ERC20 {
    address private target_;
    bytes private call_;
    mapping(address owner => bool) private refused_;
    /// @notice Whether the last call from within a transfer went through.
    bool public answered;

    error ReceiverRefused(address to);

    constructor() ERC20("Callback Token", "CALL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Pay nothing to this address any more, or pay it again.
    function refuse(address to, bool refused) external {
        refused_[to] = refused;
    }

    /// @notice Make this call, as the token, in the next transfer.
    function arm(address target, bytes calldata data) external {
        (target_, call_) = (target, data);
        answered = false;
    }

    /// @notice Make this call, as the token, now.
    function execute(address target, bytes calldata data) external {
        Address.functionCall(target, data);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (refused_[to]) revert ReceiverRefused(to);
        super._update(from, to, amount);
        address target = target_;
        if (target == address(0) || from == address(0)) return;
        target_ = address(0);
        // Whether it goes through or not, the transfer does.
        try this.execute(target, call_) {
            answered = true;
        } catch {}
    }
}
