// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../libraries/Fixtures.sol";
import {Markets} from "../libraries/Markets.sol";
import {Outcomes} from "../libraries/Outcomes.sol";

/// @title OutcomeGrid
/// @notice Computes the outcomes of a market at many results, for tests.
contract OutcomeGrid {
    uint256 private constant RESULT_SIZE = 5;
    bytes1 private constant NOT_DECIDED = 0xff;

    error NotInHalves();

    /// @notice The fraction of every outcome at every result in halves, one byte each:
    /// win | refund << 4; 0xff if the result does not decide the market.
    /// @param results 5 bytes each: status, goals of the first half (home, away), goals of the
    /// match (home, away).
    function fractions(uint256 market, bytes calldata results)
        external
        pure
        returns (bytes memory found)
    {
        uint256 count = Markets.outcomes(market);
        found = new bytes(results.length / RESULT_SIZE * count);
        uint256 to;
        for (uint256 at; at < results.length; at += RESULT_SIZE) {
            Fixture fixture = _fixture(uint40(bytes5(results[at:at + RESULT_SIZE])));
            bool decided = Outcomes.isDecided(market, fixture);
            for (uint256 outcome; outcome < count; ++outcome) {
                found[to++] = decided ? _fraction(market, outcome, fixture) : NOT_DECIDED;
            }
        }
    }

    function _fixture(uint256 result) private pure returns (Fixture) {
        return Fixture.wrap(0).resolve(result << 88, 0, 0);
    }

    function _fraction(uint256 market, uint256 outcome, Fixture fixture)
        private
        pure
        returns (bytes1)
    {
        if (Outcomes.byResult(market, outcome, fixture).parts() != 2) revert NotInHalves();
        uint256 win = Outcomes.byResult(market, outcome, fixture).win();
        return bytes1(uint8(win | (Outcomes.byResult(market, outcome, fixture).refund() << 4)));
    }
}
