// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Calldata} from "./Calldata.sol";

/// @notice A signature in the 64-byte form of EIP-2098: the highest bit of `vs` is the parity, the
/// other bits are s.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

uint256 constant SIGNATURE_PARITY_SHIFT = 255;
/// @dev The bits of `vs` that are s.
uint256 constant SIGNATURE_S_MASK = (1 << 255) - 1;
/// @dev Half the order of the curve, the largest s that counts: the same signature has another
/// form with a larger s.
uint256 constant SIGNATURE_HALF_ORDER =
    0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
/// @dev What a parity of 0 is for ecrecover.
uint256 constant SIGNATURE_V = 27;
/// @dev Address of the precompile.
uint256 constant ECRECOVER = 1;

/// @title Signatures
/// @notice Verifies an owner's signature: by key in the 64-byte form of EIP-2098, or by contract
/// with ERC-1271. `PlacingFastPath` recovers the signers of plain slips itself, as `recover` does.
library Signatures {
    /// @dev Gas for a contract's check of a signature: enough for a passkey (P-256) that is
    /// checked in Solidity, some 330,000, where the chain has no precompile for it.
    uint256 private constant CONTRACT_GAS = 400_000;
    /// @dev A call gets at most 63/64 of the gas left, after 2,600 for the address and as much again
    /// if it delegates to another (EIP-7702). With less than this a wallet could run out of gas.
    uint256 private constant CONTRACT_GAS_LEFT = 413_000;

    /// @notice Address of the key that signed; zero if the signature is invalid or its s is above
    /// half the order.
    function recover(bytes32 digest_, bytes32 r, bytes32 vs)
        internal
        view
        returns (address signer)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let s := and(vs, SIGNATURE_S_MASK)
            // [free,free+0x20), and below [free+0x40,free+0x80): digest, r, s
            mstore(free, digest_)
            // [free+0x20,free+0x40): v, or 0 for a large s, for which ecrecover returns nothing
            mstore(
                add(free, 32),
                mul(
                    iszero(gt(s, SIGNATURE_HALF_ORDER)),
                    add(shr(SIGNATURE_PARITY_SHIFT, vs), SIGNATURE_V)
                )
            )
            mstore(add(free, 64), r)
            mstore(add(free, 96), s)
            // [0x00,0x20), scratch space: ecrecover returns nothing if it fails
            mstore(0, 0)
            pop(staticcall(gas(), ECRECOVER, free, 128, 0, 32))
            signer := mload(0)
        }
    }

    /// @notice Whether the owner signed. With `length` 0 the signature is by the owner's key,
    /// which counts even if the address has code (EIP-7702). Otherwise the owner is a contract,
    /// which is called with limited gas so that it cannot make a batch fail.
    /// @param at Position of the signature in the call data.
    function isValid(address owner, bytes32 digest_, uint256 at, uint256 length)
        internal
        view
        returns (bool)
    {
        if (length == 0) {
            return
                recover(digest_, bytes32(Calldata.word(at)), bytes32(Calldata.word(at + 32)))
                    == owner;
        }
        return _isValidByContract(owner, digest_, at, length);
    }

    /// @notice Whether the owner signed, by key with 64 bytes or else by contract, which may
    /// answer to 64 bytes as well. Nobody signs for the owner of an account that is not open:
    /// recovering an invalid signature gives 0 as well.
    function isValid(address owner, bytes32 digest_, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        if (owner == address(0)) return false;
        uint256 at = Calldata.start(signature);
        if (signature.length == 64 && isValid(owner, digest_, at, 0)) return true;
        return _isValidByContract(owner, digest_, at, signature.length);
    }

    function _isValidByContract(address owner, bytes32 digest_, uint256 at, uint256 length)
        private
        view
        returns (bool)
    {
        bytes calldata signature;
        assembly ("memory-safe") {
            signature.offset := at
            signature.length := length
        }
        bytes memory request = abi.encodeCall(IERC1271.isValidSignature, (digest_, signature));
        if (gasleft() < CONTRACT_GAS_LEFT) revert ISportsbook.GasTooLow();
        bool answered;
        bytes32 answer;
        // Reads at most one word of the answer: a hostile wallet could return so much that copying
        // it would expand the memory, whose cost grows quadratically.
        assembly ("memory-safe") {
            answered := staticcall(CONTRACT_GAS, owner, add(request, 32), mload(request), 0, 32)
            answered := and(answered, gt(returndatasize(), 31))
            answer := mload(0)
        }
        return answered && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
