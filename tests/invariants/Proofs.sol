// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Proofs
/// @notice Hashes of bets, and the proof of a run: written independently, from the text of
/// docs/contracts.md.
abstract contract Proofs {
    /// @dev Hash of a bet: 26 bytes of its market, 0, outcome and odds a leg; then the record's head
    /// and the time that it counts from.
    function _leaf(bytes memory markets, bytes memory record) internal pure returns (bytes32) {
        bytes memory legs;
        for (uint256 i; i < uint8(record[17]); ++i) {
            uint256 at = 18 + 6 * i;
            legs = abi.encodePacked(
                legs,
                _cut(markets, 5 + 26 * uint256(uint8(record[at])), 26),
                uint8(0),
                _cut(record, at + 1, 5)
            );
        }
        return keccak256(abi.encodePacked(legs, _cut(record, 0, 18), _cut(markets, 0, 5)));
    }

    function _whole(bytes memory markets, bytes[] memory records) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                uint8((markets.length - 5) / 26), markets, _join(records, 0, records.length)
            )
        );
    }

    function _join(bytes[] memory records, uint256 first, uint256 count)
        internal
        pure
        returns (bytes memory all)
    {
        for (uint256 i; i < count; ++i) {
            all = abi.encodePacked(all, records[first + i]);
        }
    }

    /// @dev The proof of `count` bets from number `first`, as ISportsbook.Run has it.
    function _proof(bytes memory markets, bytes[] memory records, uint256 first, uint256 count)
        internal
        pure
        returns (bytes32[] memory)
    {
        uint256 width = records.length;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i; i < width; ++i) {
            level[i] = _leaf(markets, records[i]);
        }
        bytes32[] memory found = new bytes32[](20);
        bool all = count == width && width > 1;
        uint256 size = all ? 0 : 1;
        if (!all) found[0] = _whole(markets, records);
        (uint256 low, uint256 high) = (first, first + count - 1);
        while (width > 1) {
            if (!all) {
                if (low % 2 == 1) found[size++] = level[low - 1];
                if (high % 2 == 0 && high + 1 < width) found[size++] = level[high + 1];
            }
            for (uint256 i; i < width; i += 2) {
                level[i / 2] =
                    i + 1 < width ? keccak256(abi.encodePacked(level[i], level[i + 1])) : level[i];
            }
            (low, high, width) = (low / 2, high / 2, (width + 1) / 2);
        }
        if (all) found[size++] = level[0];
        bytes32[] memory proof = new bytes32[](size);
        for (uint256 i; i < size; ++i) {
            proof[i] = found[i];
        }
        return proof;
    }

    function _cut(bytes memory data, uint256 at, uint256 size)
        internal
        pure
        returns (bytes memory part)
    {
        require(at + size <= data.length, "cut beyond the end");
        part = new bytes(size);
        assembly {
            let from := add(add(data, 32), at)
            let to := add(part, 32)
            // Whole words, then the rest with the bytes after it cleared
            for { let end := add(to, and(size, not(31))) } lt(to, end) { to := add(to, 32) } {
                mstore(to, mload(from))
                from := add(from, 32)
            }
            let unused := shl(3, sub(32, and(size, 31)))
            if and(size, 31) { mstore(to, shl(unused, shr(unused, mload(from)))) }
        }
    }

    function _number(bytes memory data, uint256 at, uint256 size)
        internal
        pure
        returns (uint256 value)
    {
        require(at + size <= data.length, "read beyond the end");
        assembly {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), at)))
        }
    }
}
