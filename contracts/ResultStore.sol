// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {LedgerStorage} from "./libraries/Ledger.sol";

/// @title ResultStore
/// @notice Stores the results of fixtures, from which `SettlingByResults` derives what bets earn.
/// `Results` decides them: its council signs them, its arbiter replaces them.
/// @dev A part of `Settling`. The sportsbook checks that `Results` calls.
abstract contract ResultStore is LedgerStorage {
    /// @notice See ISportsbook.resolve.
    function resolve(uint256[] calldata results, uint40 finalAt, uint24 term) external {
        unchecked {
            for (uint256 i; i < results.length; ++i) {
                uint256 result = results[i];
                uint256 id = Fixtures.idOf(result);
                // Check
                Fixture fixture = ledger_.fixtures[id];
                if (fixture.status() != 0) revert ISportsbook.ResultExists(bytes16(uint128(id)));
                // A fixture that was never bet on is the standing council's to decide.
                if (fixture.term() == 0) fixture = fixture.setTerm(ledger_.caps.term);
                if (fixture.term() != term) {
                    revert ISportsbook.TermInvalid(
                        bytes16(uint128(id)), uint24(fixture.term()), term
                    );
                }
                // Effect
                ledger_.fixtures[id] = fixture.resolve(result, block.timestamp, finalAt);
            }
        }
    }

    /// @notice See ISportsbook.amend.
    function amend(uint256 result, uint40 finalAt) external {
        // Check
        uint256 id = Fixtures.idOf(result);
        Fixture fixture = ledger_.fixtures[id];
        if (fixture.status() == 0) revert ISportsbook.ResultUnknown(bytes16(uint128(id)));
        // Effect
        ledger_.fixtures[id] = fixture.resolve(result, fixture.publishedAt(), finalAt);
    }
}
