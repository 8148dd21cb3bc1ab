// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Sums} from "./Sums.sol";

/// @title Packing
/// @notice Signs slips, and packs them into batches.
abstract contract Packing is Sums {
    /// @dev A batch as placeBatch takes it, whose table lists only what the slips need; and the
    /// slips' records.
    function _pack(Slip[] memory slips, uint40 base, bool isQuoted)
        internal
        view
        returns (bytes memory batch, bytes[] memory records)
    {
        (uint256[] memory keys, uint256 count) = _listed(slips);
        batch = abi.encodePacked(_table(keys, count, base), uint16(slips.length));
        records = new bytes[](slips.length);
        for (uint256 i; i < slips.length; ++i) {
            records[i] = _record(slips[i], keys, isQuoted ? 0 : slips[i].acceptedAt - base);
            batch = abi.encodePacked(batch, records[i], _tail(slips[i], base, isQuoted));
        }
    }

    /// @dev The markets of the slips in ascending order, each once: fixture id 128 | match 64 |
    /// market 64.
    function _listed(Slip[] memory slips)
        private
        view
        returns (uint256[] memory keys, uint256 count)
    {
        keys = new uint256[](slips.length * MAX_LEGS);
        for (uint256 i; i < slips.length; ++i) {
            for (uint256 j; j < slips[i].count; ++j) {
                count = _insert(keys, count, _keyOf(slips[i].legs, j));
            }
        }
    }

    function _keyOf(uint256 legs, uint256 i) private view returns (uint256) {
        (uint256 match_, uint256 market,,) = _leg(legs, i);
        return (uint256(uint128(bytes16(matches_[match_].name))) << 128) | (match_ << 64) | market;
    }

    function _insert(uint256[] memory keys, uint256 count, uint256 key)
        private
        pure
        returns (uint256)
    {
        uint256 at;
        while (at < count && keys[at] < key) ++at;
        if (at < count && keys[at] == key) return count;
        for (uint256 i = count; i > at; --i) {
            keys[i] = keys[i - 1];
        }
        keys[at] = key;
        return count + 1;
    }

    function _table(uint256[] memory keys, uint256 count, uint40 base)
        private
        view
        returns (bytes memory)
    {
        bytes memory fixtures;
        bytes memory markets;
        uint8 listed;
        for (uint256 i; i < count; ++i) {
            if (i == 0 || keys[i] >> 64 != keys[i - 1] >> 64) {
                Match storage game = matches_[uint64(keys[i] >> 64)];
                fixtures = abi.encodePacked(fixtures, game.name, game.startsAt);
                ++listed;
            }
            markets = abi.encodePacked(markets, listed - 1, markets_[uint64(keys[i])].terms);
        }
        return abi.encodePacked(base, listed, fixtures, uint8(count), markets);
    }

    function _record(Slip memory slip, uint256[] memory keys, uint256 accepted)
        private
        view
        returns (bytes memory record)
    {
        record = abi.encodePacked(
            uint32(slip.bettor) + 1, slip.nonce, slip.stake, uint16(accepted), slip.count
        );
        for (uint256 i; i < slip.count; ++i) {
            (,, uint256 outcome, uint256 odds) = _leg(slip.legs, i);
            uint256 key = _keyOf(slip.legs, i);
            uint256 at;
            while (keys[at] != key) ++at;
            record = abi.encodePacked(record, uint8(at), uint8(outcome), uint32(odds));
        }
    }

    function _tail(Slip memory slip, uint40 base, bool isQuoted)
        private
        view
        returns (bytes memory)
    {
        if (isQuoted) {
            return abi.encodePacked(slip.minOdds, uint16(0), uint16(0));
        }
        uint256 key = BETTOR_KEY + slip.bettor + (slip.isForged ? 1_000 : 0);
        Signature memory signature = _sign(key, _hashOf(slip));
        return abi.encodePacked(
            slip.minOdds, uint16(slip.deadline - base), uint16(0), signature.r, signature.vs
        );
    }

    function _hashOf(Slip memory slip) internal view returns (bytes32) {
        return _slipHash(
            uint32(slip.bettor) + 1,
            slip.stake,
            slip.minOdds,
            slip.nonce,
            slip.deadline,
            _legHashes(slip)
        );
    }

    function _legHashes(Slip memory slip) internal view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](slip.count);
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_, uint256 market, uint256 outcome,) = _leg(slip.legs, i);
            hashes[i] = _wordsOf(match_, market, outcome);
        }
    }
}
