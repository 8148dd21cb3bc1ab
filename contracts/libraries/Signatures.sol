// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Packed} from "./Packed.sol";

/// @notice A signature in the 64 bytes of EIP-2098: the parity of the point is the highest bit of s.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @title Signatures
/// @notice Whether an owner signed a digest: with the key in the 64 bytes of EIP-2098, or as a
/// contract by ERC-1271.
library Signatures {
    uint256 private constant CONTRACT_GAS = 100_000;
    /// @dev A call gets at most 63/64 of what is left; below this a wallet could be starved.
    uint256 private constant CONTRACT_GAS_LEFT = 110_000;
    uint256 private constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The key that signed; zero when none could have, or when s lies in the upper half of
    /// the order.
    function recover(bytes32 digest_, bytes32 r, bytes32 vs)
        internal
        view
        returns (address signer)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let s := and(vs, not(shl(255, 1)))
            mstore(free, digest_)
            // For a v of 0 ecrecover answers nothing.
            mstore(add(free, 32), mul(iszero(gt(s, HALF_ORDER)), add(shr(255, vs), 27)))
            mstore(add(free, 64), r)
            mstore(add(free, 96), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 128, 0, 32))
            signer := mload(0)
        }
    }

    /// @notice Whether the owner signed; `length` 0 announces the owner's key, which counts with or
    /// without code at the address (EIP-7702). A contract is asked with bounded gas, so that it
    /// cannot take a batch down.
    /// @param at Place of the signature in the call data.
    function isValid(address owner, bytes32 digest_, uint256 at, uint256 length)
        internal
        view
        returns (bool)
    {
        if (length == 0) {
            return
                recover(digest_, bytes32(Packed.word(at)), bytes32(Packed.word(at + 32))) == owner;
        }
        return askContract(owner, digest_, at, length);
    }

    function askContract(address owner, bytes32 digest_, uint256 at, uint256 length)
        private
        view
        returns (bool)
    {
        bytes calldata signature;
        assembly ("memory-safe") {
            signature.offset := at
            signature.length := length
        }
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest_, signature));
        if (gasleft() < CONTRACT_GAS_LEFT) revert ISportsbook.GasTooLow();
        bool answered;
        bytes32 answer;
        // At most one word of the answer is read: copying all that a hostile wallet may send would
        // fill the batch's memory, whose price rises with its square.
        assembly ("memory-safe") {
            answered := staticcall(CONTRACT_GAS, owner, add(question, 32), mload(question), 0, 32)
            answered := and(answered, gt(returndatasize(), 31))
            answer := mload(0)
        }
        return answered && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
