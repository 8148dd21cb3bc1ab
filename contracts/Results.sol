// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IResults} from "./interfaces/IResults.sol";

/// @title Results
contract Results is IResults, Ownable2Step, EIP712 {
    uint8 private constant PLAYED = 1;
    uint8 private constant VOID = 2;
    uint40 private constant WINDOWS = 3;

    bytes32 private constant RESULT_TYPE = keccak256(
        "Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)"
    );
    bytes32 private constant SHEET_TYPE = keccak256(
        "ResultSheet(Result[] results)Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)"
    );

    /// @inheritdoc IResults
    uint40 public immutable DISPUTE_WINDOW;

    address public arbiter;
    uint8 public threshold;
    uint8 public signerCount;
    mapping(address signer => bool) public isSigner;
    mapping(bytes16 fixture => Published) private results_;

    constructor(address owner_, uint40 disputeWindow, address[] memory signers, uint8 threshold_)
        Ownable(owner_)
        EIP712("Fairline Results", "1")
    {
        DISPUTE_WINDOW = disputeWindow;
        for (uint256 i; i < signers.length; ++i) {
            _setSigner(signers[i], true);
        }
        _setThreshold(threshold_);
    }

    // -- Publishing

    /// @inheritdoc IResults
    function publish(Result[] calldata results, bytes[] calldata signatures) external {
        _checkSignatures(_hashTypedDataV4(_sheetHash(results)), signatures);
        for (uint256 i; i < results.length; ++i) {
            Result calldata result = results[i];
            if (results_[result.fixture].status != 0) revert ResultExists(result.fixture);
            Published memory published = _hold(result, uint40(block.timestamp));
            emit ResultPublished(
                result.fixture,
                result.status,
                result.homeHalf,
                result.awayHalf,
                result.homeFull,
                result.awayFull,
                result.settledAt,
                published.publishedAt,
                published.finalAt
            );
        }
    }

    /// @inheritdoc IResults
    function correct(Result calldata result) external {
        if (msg.sender != arbiter) revert NotArbiter(msg.sender);
        Published memory held = results_[result.fixture];
        if (held.status == 0) revert ResultUnknown(result.fixture);
        if (block.timestamp >= held.finalAt) revert ResultFinal(result.fixture, held.finalAt);
        Published memory published = _hold(result, held.publishedAt);
        emit ResultCorrected(
            result.fixture,
            result.status,
            result.homeHalf,
            result.awayHalf,
            result.homeFull,
            result.awayFull,
            result.settledAt,
            published.publishedAt,
            published.finalAt
        );
    }

    // -- Roles

    /// @inheritdoc IResults
    function setSigner(address signer, bool allowed) external onlyOwner {
        _setSigner(signer, allowed);
        if (threshold > signerCount) revert ThresholdInvalid(threshold, signerCount);
    }

    /// @inheritdoc IResults
    function setThreshold(uint8 threshold_) external onlyOwner {
        _setThreshold(threshold_);
    }

    /// @inheritdoc IResults
    function setArbiter(address arbiter_) external onlyOwner {
        arbiter = arbiter_;
        emit ArbiterSet(arbiter_);
    }

    // -- Views

    /// @inheritdoc IResults
    function resultOf(bytes16 fixture) external view returns (Published memory) {
        return results_[fixture];
    }

    // -- Internal

    function _hold(Result calldata result, uint40 publishedAt)
        private
        returns (Published memory published)
    {
        bool scored = result.homeHalf <= result.homeFull && result.awayHalf <= result.awayFull;
        if (result.status != PLAYED && result.status != VOID || !scored) {
            revert ResultInvalid(result.fixture);
        }
        if (result.settledAt > block.timestamp) {
            revert ResultFromFuture(result.fixture, result.settledAt);
        }
        published = Published({
            status: result.status,
            homeHalf: result.homeHalf,
            awayHalf: result.awayHalf,
            homeFull: result.homeFull,
            awayFull: result.awayFull,
            settledAt: result.settledAt,
            publishedAt: publishedAt,
            finalAt: _finalAt(publishedAt)
        });
        results_[result.fixture] = published;
    }

    /// @dev A window from now, and not beyond WINDOWS of them from publication: corrections cannot
    /// keep stakes waiting for ever.
    function _finalAt(uint40 publishedAt) private view returns (uint40) {
        uint40 next = uint40(block.timestamp) + DISPUTE_WINDOW;
        uint40 last = publishedAt + WINDOWS * DISPUTE_WINDOW;
        return next < last ? next : last;
    }

    function _checkSignatures(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < threshold) revert SignaturesTooFew(signatures.length, threshold);
        address previous;
        for (uint256 i; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (!isSigner[signer]) revert SignerUnknown(signer);
            if (signer <= previous) revert SignersOutOfOrder(previous, signer);
            previous = signer;
        }
    }

    function _sheetHash(Result[] calldata results) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](results.length);
        for (uint256 i; i < results.length; ++i) {
            hashes[i] = keccak256(abi.encode(RESULT_TYPE, results[i]));
        }
        return keccak256(abi.encode(SHEET_TYPE, keccak256(abi.encodePacked(hashes))));
    }

    function _setSigner(address signer, bool allowed) private {
        if (isSigner[signer] == allowed) return;
        isSigner[signer] = allowed;
        signerCount = allowed ? signerCount + 1 : signerCount - 1;
        emit ResultSignerSet(signer, allowed);
    }

    function _setThreshold(uint8 threshold_) private {
        if (threshold_ == 0 || threshold_ > signerCount) {
            revert ThresholdInvalid(threshold_, signerCount);
        }
        threshold = threshold_;
        emit ThresholdSet(threshold_);
    }
}
