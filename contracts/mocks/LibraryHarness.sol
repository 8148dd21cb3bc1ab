// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Fixture, Fixtures} from "../libraries/Fixtures.sol";
import {Markets} from "../libraries/Markets.sol";
import {Fraction, VOID} from "../libraries/Fractions.sol";
import {Outcomes} from "../libraries/Outcomes.sol";
import {RangeProof} from "../libraries/RangeProof.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Withdrawal} from "../libraries/Withdrawals.sol";

/// @title LibraryHarness
/// @notice Exposes libraries to tests.
contract LibraryHarness {
    /// @notice The fraction of every outcome of a market at every score with up to `most` goals
    /// per side and half, one byte each: win | refund << 4. In the order of home first half, away
    /// first half, home second half, away second half, outcome; the outcome changes fastest.
    /// @param status Status of the result: played or abandoned.
    function fractions(uint256 market, uint8 most, uint8 status)
        external
        pure
        returns (bytes memory found)
    {
        uint256 count = Markets.outcomes(market);
        uint256 side = uint256(most) + 1;
        found = new bytes(side ** 4 * count);
        uint256 at;
        for (uint256 i; i < side ** 4; ++i) {
            uint256 homeHalf = i / side ** 3;
            uint256 awayHalf = (i / side ** 2) % side;
            Fixture fixture = scored(
                status, homeHalf, awayHalf, homeHalf + (i / side) % side, awayHalf + i % side
            );
            for (uint256 outcome; outcome < count; ++outcome) {
                Fraction f = fractionOf(market, outcome, fixture);
                found[at++] = bytes1(uint8(f.win() | (f.refund() << 4)));
            }
        }
    }

    /// @notice What Yes (0) or No (1) earns by a proposition's fraction.
    function proposition(uint256 market, uint256 outcome, uint8 win, uint8 refund, uint8 parts)
        external
        pure
        returns (uint256, uint256, uint256)
    {
        Fixture fixture = scored(Fixtures.FRACTION, win, refund, parts, 0);
        Fraction f = fractionOf(market, outcome, fixture);
        return (f.win(), f.refund(), f.parts());
    }

    function outcomes(uint256 market) external pure returns (uint256) {
        return Markets.outcomes(market);
    }

    function locked(uint256 market, uint256 exposure) external pure returns (uint256) {
        return Markets.locked(Markets.mode(market), exposure);
    }

    function changed(uint256 sum, uint256 before, uint256 after_) external pure returns (uint256) {
        return Fixtures.replaceInSum(sum, before, after_);
    }

    function legHash(uint256 fixtureName, uint256 market, uint256 outcome)
        external
        pure
        returns (bytes32)
    {
        bytes memory space = new bytes(TypedData.LEG_SIZE);
        uint256 buffer;
        assembly ("memory-safe") {
            buffer := add(space, 32)
        }
        TypedData.writeLeg(fixtureName, market, buffer);
        if (Markets.outcomesFollowLine(market)) return TypedData.legHash(market, outcome, buffer);
        (bytes32 first, bytes32 second, bytes32 third) = TypedData.legHashes(market, buffer);
        return outcome == 0 ? first : outcome == 1 ? second : third;
    }

    /// @param legs Struct hashes of the legs.
    function slipHash(
        uint32 account,
        uint64 stake,
        uint40 minOdds,
        uint24 nonce,
        uint40 deadline,
        bytes32[] calldata legs
    ) external pure returns (bytes32) {
        uint256 head = (uint256(account) << 224) | (uint256(nonce) << 200) | (uint256(stake) << 136);
        return TypedData.slipHash(head, minOdds, deadline, keccak256(abi.encodePacked(legs)));
    }

    function recover(bytes32 digest, bytes32 r, bytes32 vs) external view returns (address) {
        return Signatures.recover(digest, r, vs);
    }

    function receiptHash(bytes32 slip, uint256 acceptedAt, uint256[] memory odds)
        external
        pure
        returns (bytes32)
    {
        return TypedData.receiptHash(slip, acceptedAt, odds);
    }

    function quoteHash(ISportsbook.Quote calldata quote, uint256[] memory odds, bytes32 legsHash)
        external
        pure
        returns (bytes32)
    {
        return TypedData.quoteHash(quote, odds, legsHash);
    }

    function cashOutHash(
        uint256 account,
        uint256 batch,
        uint256 bet,
        ISportsbook.CashOut calldata offer
    ) external pure returns (bytes32) {
        return TypedData.cashOutHash(account, batch, bet, offer);
    }

    function withdrawalHash(Withdrawal withdrawal, uint256 sequence)
        external
        pure
        returns (bytes32)
    {
        return TypedData.withdrawalHash(withdrawal, sequence);
    }

    /// @notice Root of a tree of `width` leaves, from a run of its leaves and the proof.
    function rangeRoot(bytes32[] memory run, uint256 first, uint256 width, bytes32[] calldata proof)
        external
        pure
        returns (bytes32)
    {
        uint256 nodes;
        assembly ("memory-safe") {
            nodes := add(run, 32)
        }
        return RangeProof.root(nodes, run.length, first, width, proof);
    }

    function fractionOf(uint256 market, uint256 outcome, Fixture fixture)
        private
        pure
        returns (Fraction)
    {
        if (!Outcomes.isDecided(market, fixture)) return VOID;
        return Outcomes.byResult(market, outcome, fixture);
    }

    function scored(
        uint256 status,
        uint256 homeHalf,
        uint256 awayHalf,
        uint256 homeFull,
        uint256 awayFull
    ) private pure returns (Fixture) {
        uint256 result = (status << 120) | (homeHalf << 112) | (awayHalf << 104) | (homeFull << 96)
            | (awayFull << 88);
        return Fixture.wrap(0).resolve(result, 0, 0);
    }
}
