// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Deposits} from "./libraries/Deposits.sol";
import {Key} from "./libraries/Keys.sol";
import {LedgerStorage, Proposal} from "./libraries/Ledger.sol";
import {Money} from "./libraries/Money.sol";
import {Permissions} from "./libraries/Permissions.sol";

/// @title Administration
/// @notice Changes the house's keys and limits, and adds to its money. What adds to what somebody
/// may take waits for the sportsbook's NOTICE; what takes from it counts at once.
/// @dev The sportsbook runs this code by delegatecall, on its own storage, after it has checked
/// who calls. Called directly, the code changes nothing but storage of its own.
contract Administration is LedgerStorage {
    using SafeERC20 for IERC20;

    /// @notice See ISportsbook.grantKey.
    function grantKey(ISportsbook.KeyGrant calldata given) external {
        Permissions.grant(ledger_, given, uint40(block.timestamp) + _notice());
    }

    /// @notice See ISportsbook.retireKey.
    function retireKey(address key) external {
        Key held = ledger_.keys[key];
        // A key that is retired twice keeps its first time of retirement.
        if (held.role() == 0 || held.isRetired()) revert ISportsbook.KeyInvalid(key);
        ledger_.keys[key] = held.retire();
        --ledger_.keyCount[held.role()];
        emit ISportsbook.KeyRetired(key);
    }

    /// @notice See ISportsbook.proposeLimits.
    function proposeLimits(ISportsbook.Limits calldata next) external {
        uint40 from = uint40(block.timestamp) + _notice();
        ledger_.proposal = Proposal(keccak256(abi.encode(next)), from);
        emit ISportsbook.LimitsProposed(next, from);
    }

    /// @notice See ISportsbook.applyLimits.
    function applyLimits(ISportsbook.Limits calldata next) external {
        Proposal memory held = ledger_.proposal;
        if (
            held.limits != keccak256(abi.encode(next)) || block.timestamp < held.from
                || block.timestamp >= held.from + _notice()
        ) revert ISportsbook.LimitsNotProposed(held.from);
        delete ledger_.proposal;
        Permissions.setLimits(ledger_, next);
    }

    /// @notice See ISportsbook.fund.
    function fund(uint64 amount) external {
        IERC20 token = ISportsbook(address(this)).TOKEN();
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = Deposits.arrived(token, before, amount);
        ledger_.book.pool = Money.add(ledger_.book.pool, arrived);
        // Fits: what is held fits 56 bits.
        emit ISportsbook.HouseFunded(uint64(arrived));
    }

    function _notice() private view returns (uint40) {
        return ISportsbook(address(this)).NOTICE();
    }
}
