// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Handler} from "./Handler.sol";
import {Matches} from "./Matches.sol";

/// @title HouseInvariants
/// @notice Invariants 1 to 6 and 8 of ARCHITECTURE.md under forge's runs. The handler itself holds 3
/// (paid once, by the formula), 4 (an exit whose time has come is paid), 6 (a slip counts once) and 8
/// (a receipt can be enforced) wherever they can be broken; and that neither what is free nor what a
/// provider's shares are worth falls, but by bets.
contract HouseInvariants {
    Handler private handler_;

    function setUp() external {
        handler_ = new Handler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler_);
    }

    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        excluded = new FuzzSelector[](1);
        excluded[0].addr = address(handler_);
        excluded[0].selectors = new bytes4[](2);
        excluded[0].selectors[0] = Handler.end.selector;
        excluded[0].selectors[1] = Matches.publishAs.selector;
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function invariant_house_keeps_its_promises() external view {
        handler_.check();
    }

    /// @dev At the end of every run: all bets end (5), all can go, and the run did something.
    function afterInvariant() external {
        (uint256 asked, uint256 done) = (handler_.asked(), handler_.done());
        require(asked < 30 || 4 * done >= asked, "most of this run did nothing");
        handler_.end();
    }
}
