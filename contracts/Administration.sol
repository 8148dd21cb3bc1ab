// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Deposits} from "./libraries/Deposits.sol";
import {Key} from "./libraries/Keys.sol";
import {LedgerStorage, Proposal} from "./libraries/Ledger.sol";
import {Money} from "./libraries/Money.sol";
import {Permissions} from "./libraries/Permissions.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Administration
/// @notice Changes the house's keys, limits and guardian, pauses placing, adds to the house's money
/// and pays it out. A key or a limit waits for the sportsbook's NOTICE; retiring a key and pausing
/// count at once.
/// @dev The sportsbook runs this code by delegatecall, on its own storage. Called directly, the
/// code finds no owner, and nobody may do anything.
contract Administration is LedgerStorage {
    modifier onlyOwner() {
        if (msg.sender != _owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    /// @notice See ISportsbook.grantKey.
    function grantKey(ISportsbook.KeyGrant calldata given) external onlyOwner {
        Permissions.grant(ledger_, given, uint40(block.timestamp) + _notice());
    }

    /// @notice See ISportsbook.retireKey.
    function retireKey(address key) external {
        if (msg.sender != ledger_.guardian && msg.sender != _owner()) {
            revert ISportsbook.NotGuardian(msg.sender);
        }
        Key held = ledger_.keys[key];
        // A key that is retired twice keeps its first time of retirement.
        if (held.role() == 0 || held.isRetired()) revert ISportsbook.KeyInvalid(key);
        ledger_.keys[key] = held.retire();
        --ledger_.keyCount[held.role()];
        emit ISportsbook.KeyRetired(key);
    }

    /// @notice See ISportsbook.proposeLimits.
    function proposeLimits(ISportsbook.Limits calldata next) external onlyOwner {
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

    /// @notice See ISportsbook.setGuardian.
    function setGuardian(address guardian) external onlyOwner {
        ledger_.guardian = guardian;
        emit ISportsbook.GuardianSet(guardian);
    }

    /// @notice See ISportsbook.pausePlacing.
    function pausePlacing(bool paused) external {
        if (!(paused && msg.sender == ledger_.guardian) && msg.sender != _owner()) {
            revert ISportsbook.NotGuardian(msg.sender);
        }
        ledger_.caps.paused = paused;
        emit ISportsbook.PlacingPaused(paused);
    }

    /// @notice See ISportsbook.fund.
    function fund(uint64 amount) external {
        ISportsbook book = ISportsbook(address(this));
        if (msg.sender != book.BANKROLL() && msg.sender != book.RESULTS()) {
            revert ISportsbook.NotBankroll(msg.sender);
        }
        uint256 arrived = Deposits.pull(book.TOKEN(), book.SCALE(), msg.sender, amount);
        ledger_.book.pool = Money.add(ledger_.book.pool, arrived);
        // Fits: what is held fits 56 bits.
        emit ISportsbook.HouseFunded(uint64(arrived));
    }

    /// @notice See ISportsbook.release.
    function release(address to, uint64 amount) external {
        ISportsbook book = ISportsbook(address(this));
        // Check
        if (msg.sender != book.BANKROLL()) revert ISportsbook.NotBankroll(msg.sender);
        uint256 most = book.releasable();
        if (amount > most) revert ISportsbook.BankrollLocked(most, amount);
        // Effect
        ledger_.book.pool = Money.sub(ledger_.book.pool, amount);
        emit ISportsbook.HouseReleased(to, amount);
        // Interaction
        Tokens.pay(book.TOKEN(), to, book.SCALE().toUnits(amount));
    }

    function _owner() private view returns (address) {
        return Ownable(address(this)).owner();
    }

    function _notice() private view returns (uint40) {
        return ISportsbook(address(this)).NOTICE();
    }
}
