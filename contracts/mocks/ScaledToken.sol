// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DollarToken} from "./DollarToken.sol";

/// @title ScaledToken
/// @notice A DollarToken with any number of decimals.
contract ScaledToken is DollarToken {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) {
        DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}
