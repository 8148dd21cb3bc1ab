// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

/// @title PasskeyWallet
/// @notice A contract wallet whose owner signs with a passkey, on the curve P-256. It asks the
/// chain's precompile (RIP-7212), and checks the signature in Solidity where there is none.
contract PasskeyWallet is IERC1271 {
    bytes32 private immutable X;
    bytes32 private immutable Y;

    constructor(bytes32 x, bytes32 y) {
        (X, Y) = (x, y);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        return P256.verify(digest, r, s, X, Y) ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
