// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IResults} from "../interfaces/IResults.sol";
import {Markets} from "../libraries/Markets.sol";
import {Outcomes} from "../libraries/Outcomes.sol";
import {TypedData} from "../libraries/TypedData.sol";

/// @title LibraryHarness
/// @notice Opens the pure libraries to tests.
contract LibraryHarness {
    /// @notice The fractions of every outcome of a market at every score whose halves have up to
    /// `most` goals a side, one byte (win | refund << 4) each. Goals run fastest from the right:
    /// home first half, away first half, home second half, away second half, outcome.
    function fractions(uint256 market, uint8 most) external pure returns (bytes memory found) {
        uint256 outcomes = Markets.outcomes(market);
        uint256 side = uint256(most) + 1;
        found = new bytes(side ** 4 * outcomes);
        uint256 at;
        IResults.Published memory score;
        for (uint256 i; i < side ** 4; ++i) {
            score.homeHalf = uint8(i / side ** 3);
            score.awayHalf = uint8((i / side ** 2) % side);
            score.homeFull = score.homeHalf + uint8((i / side) % side);
            score.awayFull = score.awayHalf + uint8(i % side);
            for (uint256 outcome; outcome < outcomes; ++outcome) {
                (uint256 win, uint256 refund) = Outcomes.byScore(market, outcome, score);
                found[at++] = bytes1(uint8(win | (refund << 4)));
            }
        }
    }

    function outcomes(uint256 market) external pure returns (uint256) {
        return Markets.outcomes(market);
    }

    function legHash(bytes32 fixtureName, uint256 market, uint256 outcome)
        external
        pure
        returns (bytes32)
    {
        return TypedData.legHash(fixtureName, market, outcome);
    }

    function receiptHash(bytes32 slip, uint256 acceptedAt, uint256[] memory odds)
        external
        pure
        returns (bytes32)
    {
        return TypedData.receiptHash(slip, acceptedAt, odds);
    }

    function withdrawalHash(uint256 account, uint256 amount, uint256 deadline, uint256 sequence)
        external
        pure
        returns (bytes32)
    {
        return TypedData.withdrawalHash(account, amount, deadline, sequence);
    }
}
