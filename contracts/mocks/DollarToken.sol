// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC3009} from "../interfaces/IERC3009.sol";
import {TestToken} from "./TestToken.sol";

/// @title DollarToken
/// @notice A token with what USDC has besides ERC-20 and permits: a blocklist, a pause, and
/// transfers by EIP-3009.
contract DollarToken is TestToken, IERC3009 {
    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    bool public paused;
    mapping(address owner => bool) public isBlocked;
    mapping(address owner => mapping(bytes32 nonce => bool)) public authorizationState;

    error Blocked(address owner);
    error Paused();
    error AuthorizationInvalid();

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    function setBlocked(address owner, bool blocked) external {
        isBlocked[owner] = blocked;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(RECEIVE, from, to, value, validAfter, validBefore, nonce))
        );
        bool timely = block.timestamp > validAfter && block.timestamp < validBefore;
        if (
            !timely || msg.sender != to || authorizationState[from][nonce]
                || ECDSA.recover(digest, v, r, s) != from
        ) revert AuthorizationInvalid();
        authorizationState[from][nonce] = true;
        _transfer(from, to, value);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (paused) revert Paused();
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}
