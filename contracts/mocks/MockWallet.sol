// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title MockWallet
/// @notice A contract wallet whose signature check can be honest or hostile.
contract MockWallet is IERC1271 {
    enum Mood {
        Honest,
        BurnsGas,
        AnswersHugely,
        AnswersShort,
        AnswersWrong,
        Reverts
    }

    error Refused();

    address public immutable OWNER;
    Mood public mood;

    constructor(address owner) {
        OWNER = owner;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @notice Make a call for the owner.
    function execute(address target, bytes calldata data) external {
        if (msg.sender != OWNER) revert Refused();
        Address.functionCall(target, data);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        Mood mood_ = mood;
        if (mood_ == Mood.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mood_ == Mood.AnswersHugely) {
            // An answer so large that reading it would cost much gas.
            assembly ("memory-safe") {
                return(0, 180000)
            }
        }
        if (mood_ == Mood.AnswersShort) {
            assembly ("memory-safe") {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (mood_ == Mood.AnswersWrong) return 0xffffffff;
        if (mood_ == Mood.Reverts) revert Refused();
        return
            ECDSA.recover(digest, signature) == OWNER
                ? IERC1271.isValidSignature.selector
                : bytes4(0);
    }
}
