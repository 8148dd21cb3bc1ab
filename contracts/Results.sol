// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IResults} from "./interfaces/IResults.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Fixtures} from "./libraries/Fixtures.sol";
import {Scale, Scales} from "./libraries/Scales.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";

/// @title Results
contract Results is IResults, Ownable2Step, EIP712 {
    using SafeERC20 for IERC20;

    /// @dev An open dispute: who paid the bond, and how much of it arrived, in micro-units.
    struct Dispute {
        address by;
        uint64 bond;
    }

    /// @dev Who decides in a term.
    struct Office {
        address arbiter;
        uint8 threshold;
    }

    /// @dev Dispute windows after which a result is final in any case.
    uint40 private constant MAX_WINDOWS = 3;
    uint256 private constant MAX_SIGNERS = 32;
    /// @dev Gas for the payment of a bond: more than a transfer of any usual token takes.
    uint256 private constant PAYMENT_GAS = 300_000;

    bytes32 private constant RESULT_TYPE = keccak256(
        "Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)"
    );
    bytes32 private constant SHEET_TYPE = keccak256(
        "ResultSheet(uint24 term,uint40 deadline,Result[] results)Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)"
    );

    /// @dev Bytes of the EIP-712 struct of a result, a word for each field.
    uint256 private constant RESULT_SIZE = 256;

    IERC20 public immutable TOKEN;
    Scale private immutable _SCALE;
    /// @inheritdoc IResults
    uint40 public immutable DISPUTE_WINDOW;
    /// @inheritdoc IResults
    uint40 public immutable NOTICE;
    /// @inheritdoc IResults
    uint64 public immutable BOND;

    ISportsbook public sportsbook;
    /// @inheritdoc IResults
    uint24 public term;
    bytes32 private proposed_;
    uint40 private proposedFrom_;
    mapping(uint256 term => Office) private offices_;
    mapping(uint256 term => mapping(address signer => bool)) private signers_;
    mapping(bytes16 fixture => Dispute) private disputes_;
    /// @inheritdoc IResults
    mapping(address to => uint64) public bondsOwed;

    constructor(
        address owner_,
        IERC20 token,
        uint40 disputeWindow,
        uint40 notice,
        uint64 bond,
        Council memory first
    ) Ownable(owner_) EIP712("Fairline Results", "1") {
        TOKEN = token;
        _SCALE = Scales.ofToken(token);
        // Otherwise nobody could dispute a result.
        _SCALE.toUnits(bond);
        DISPUTE_WINDOW = disputeWindow;
        NOTICE = notice;
        BOND = bond;
        _appoint(first);
    }

    // -- Results

    /// @inheritdoc IResults
    function publish(
        uint256[] calldata results,
        uint24 term_,
        uint40 deadline,
        Signature[] calldata signatures
    ) external {
        if (block.timestamp > deadline) revert SheetExpired(deadline);
        bytes32 digest = _hashTypedDataV4(_checkSheet(results, term_, deadline));
        _checkSignatures(digest, term_, signatures);
        uint40 finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
        sportsbook.resolve(results, finalAt, term_);
        emit ResultsPublished(results, uint40(block.timestamp), finalAt);
    }

    /// @inheritdoc IResults
    function rule(uint256 result) external {
        bytes16 fixture = _fixtureOf(result);
        ISportsbook.FixtureResult memory held = _notFinal(fixture);
        if (msg.sender != offices_[held.term].arbiter) revert NotArbiter(msg.sender);
        _checkResult(result);
        uint40 finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
        uint40 last = held.publishedAt + MAX_WINDOWS * DISPUTE_WINDOW;
        if (finalAt > last) finalAt = last;
        sportsbook.amend(result, finalAt);
        emit ResultCorrected(result, finalAt);
        if (disputes_[fixture].by != address(0)) _close(fixture, result != _word(fixture, held));
    }

    /// @inheritdoc IResults
    function dispute(bytes16 fixture) external {
        ISportsbook.FixtureResult memory held = _notFinal(fixture);
        if (disputes_[fixture].by != address(0)) revert DisputeExists(fixture);
        uint40 finalAt = held.publishedAt + MAX_WINDOWS * DISPUTE_WINDOW;
        // Before the transfer: a token that calls back must find the fixture disputed.
        disputes_[fixture].by = msg.sender;
        sportsbook.amend(_word(fixture, held), finalAt);
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), _SCALE.toUnits(BOND));
        uint64 bond = _arrivedSince(before);
        disputes_[fixture].bond = bond;
        emit ResultDisputed(fixture, msg.sender, bond, finalAt);
    }

    /// @inheritdoc IResults
    function closeDispute(bytes16 fixture) external {
        if (disputes_[fixture].by == address(0)) revert DisputeUnknown(fixture);
        uint40 finalAt = sportsbook.resultOf(fixture).finalAt;
        if (block.timestamp < finalAt) revert DisputeOpen(fixture, finalAt);
        _close(fixture, true);
    }

    /// @inheritdoc IResults
    function payBonds(address to) external {
        uint64 bonds = bondsOwed[to];
        if (bonds == 0) revert NoBondsOwed(to);
        delete bondsOwed[to];
        emit BondsPaid(to, bonds);
        if (to == address(sportsbook)) sportsbook.fund(bonds);
        else TOKEN.safeTransfer(to, _SCALE.toUnits(bonds));
    }

    // -- Council

    /// @inheritdoc IResults
    function propose(Council calldata next) external onlyOwner {
        proposed_ = keccak256(abi.encode(next));
        proposedFrom_ = uint40(block.timestamp) + NOTICE;
        emit CouncilProposed(next.signers, next.threshold, next.arbiter, proposedFrom_);
    }

    /// @inheritdoc IResults
    function appoint(Council calldata next) external {
        if (keccak256(abi.encode(next)) != proposed_) revert CouncilNotProposed();
        if (block.timestamp < proposedFrom_) revert CouncilTooEarly(proposedFrom_);
        if (block.timestamp >= proposedFrom_ + NOTICE) revert CouncilNotProposed();
        delete proposed_;
        _appoint(next);
    }

    /// @inheritdoc IResults
    function setSportsbook(address sportsbook_) external onlyOwner {
        if (address(sportsbook) != address(0)) revert SportsbookAlreadySet(address(sportsbook));
        sportsbook = ISportsbook(sportsbook_);
        sportsbook.setTerm(term);
        // Once for all bonds: a ruling must not depend on it.
        TOKEN.forceApprove(sportsbook_, type(uint256).max);
        emit SportsbookSet(sportsbook_);
    }

    /// @notice Always reverts: without an owner nobody could propose a council.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerZero();
    }

    // -- Internal

    function _appoint(Council memory next) private {
        uint256 count = next.signers.length;
        // More than half, so that no two groups of signers can publish different results.
        if (next.threshold > count || 2 * uint256(next.threshold) <= count || count > MAX_SIGNERS) {
            revert CouncilInvalid();
        }
        uint24 next_ = ++term;
        for (uint256 i; i < count; ++i) {
            address signer = next.signers[i];
            // If a signer were listed twice, the threshold could be out of reach.
            if (signer == address(0) || signers_[next_][signer]) revert CouncilInvalid();
            signers_[next_][signer] = true;
        }
        offices_[next_] = Office(next.arbiter, next.threshold);
        if (address(sportsbook) != address(0)) sportsbook.setTerm(next_);
        emit CouncilAppointed(next.signers, next.threshold, next.arbiter, next_);
    }

    /// @dev Closes a dispute, and refunds the bond or gives it to the house. If that fails, the bond
    /// stays owed: neither a ruling nor another dispute must depend on the token, or on what a
    /// receiver's hook does with the gas.
    function _close(bytes16 fixture, bool refunded) private {
        Dispute memory closed = disputes_[fixture];
        delete disputes_[fixture];
        emit DisputeClosed(fixture, closed.by, closed.bond, refunded);
        if (closed.bond == 0) return;
        address to = refunded ? closed.by : address(sportsbook);
        bondsOwed[to] += closed.bond;
        // Nodes estimate the lowest gas limit at which a call succeeds. This one would succeed with
        // too little gas for the payment.
        if (gasleft() < PAYMENT_GAS) revert ISportsbook.GasTooLow();
        try this.payBonds(to) {} catch {}
    }

    /// @dev What arrived of a bond, in whole micro-units: a token may keep a fee.
    function _arrivedSince(uint256 before) private view returns (uint64) {
        uint256 arrived = _SCALE.toMicroDown(TOKEN.balanceOf(address(this)) - before);
        return arrived < BOND ? uint64(arrived) : BOND;
    }

    function _notFinal(bytes16 fixture)
        private
        view
        returns (ISportsbook.FixtureResult memory held)
    {
        held = sportsbook.resultOf(fixture);
        if (held.status == 0) revert ResultUnknown(fixture);
        if (block.timestamp >= held.finalAt) revert ResultFinal(fixture, held.finalAt);
    }

    function _checkResult(uint256 result) private view {
        unchecked {
            uint256 status = uint8(result >> 120);
            uint256 homeHalf = uint8(result >> 112);
            uint256 awayHalf = uint8(result >> 104);
            uint256 homeFull = uint8(result >> 96);
            uint256 awayFull = uint8(result >> 88);
            // A status below PLAYED wraps.
            bool valid = status - Fixtures.PLAYED < Fixtures.FRACTION && uint48(result) == 0;
            if (status == Fixtures.FRACTION) {
                valid = valid && homeFull != 0 && homeHalf + awayHalf <= homeFull && awayFull == 0;
            } else {
                valid = valid && homeHalf <= homeFull && awayHalf <= awayFull;
                if (status == Fixtures.ABANDONED_BEFORE_HALF_TIME) {
                    valid = valid && homeHalf == homeFull && awayHalf == awayFull;
                }
            }
            if (!valid) revert ResultInvalid(_fixtureOf(result));
            uint40 settledAt = uint40(result >> 48);
            if (settledAt > block.timestamp) {
                revert ResultFromFuture(_fixtureOf(result), settledAt);
            }
        }
    }

    function _fixtureOf(uint256 result) private pure returns (bytes16) {
        return bytes16(uint128(Fixtures.idOf(result)));
    }

    function _word(bytes16 fixture, ISportsbook.FixtureResult memory held)
        private
        pure
        returns (uint256)
    {
        return uint256(uint128(fixture)) << 128 | uint256(held.status) << 120
            | uint256(held.homeHalf) << 112 | uint256(held.awayHalf) << 104 | uint256(held.homeFull)
            << 96 | uint256(held.awayFull) << 88 | uint256(held.settledAt) << 48;
    }

    function _checkSignatures(bytes32 digest, uint256 term_, Signature[] calldata signatures)
        private
        view
    {
        uint256 threshold = offices_[term_].threshold;
        // A term that never was has no threshold, and no signers.
        if (threshold == 0 || signatures.length < threshold) {
            revert SignaturesTooFew(signatures.length, threshold);
        }
        address previous;
        for (uint256 i; i < signatures.length; ++i) {
            address signer = Signatures.recover(digest, signatures[i].r, signatures[i].vs);
            if (!signers_[term_][signer]) revert SignerUnknown(signer);
            if (signer <= previous) revert SignersOutOfOrder(previous, signer);
            previous = signer;
        }
    }

    /// @dev Checks each result, and hashes all of them.
    /// @return hash Struct hash of the ResultSheet.
    function _checkSheet(uint256[] calldata results, uint256 term_, uint256 deadline)
        private
        view
        returns (bytes32 hash)
    {
        bytes32 resultType = RESULT_TYPE;
        bytes32 sheetType = SHEET_TYPE;
        uint256 buffer;
        assembly ("memory-safe") {
            // Beyond the free pointer: the struct of one result, [0x000,0x100), then the hashes of
            // all
            buffer := mload(0x40)
            // [buffer,buffer+0x20)
            mstore(buffer, resultType)
        }
        uint256 hashes = buffer + RESULT_SIZE;
        unchecked {
            for (uint256 i; i < results.length; ++i) {
                uint256 result = results[i];
                _checkResult(result);
                assembly ("memory-safe") {
                    // [buffer+0x20,buffer+0x100), then the result's word of the hashes
                    mstore(add(buffer, 32), shl(128, shr(128, result)))
                    mstore(add(buffer, 64), and(shr(120, result), 0xff))
                    mstore(add(buffer, 96), and(shr(112, result), 0xff))
                    mstore(add(buffer, 128), and(shr(104, result), 0xff))
                    mstore(add(buffer, 160), and(shr(96, result), 0xff))
                    mstore(add(buffer, 192), and(shr(88, result), 0xff))
                    mstore(add(buffer, 224), and(shr(48, result), 0xffffffffff))
                    mstore(add(hashes, shl(5, i)), keccak256(buffer, RESULT_SIZE))
                }
            }
        }
        assembly ("memory-safe") {
            let resultsHash := keccak256(hashes, shl(5, results.length))
            // [buffer,buffer+0x80): the struct of the sheet, over that of the last result
            mstore(buffer, sheetType)
            mstore(add(buffer, 32), term_)
            mstore(add(buffer, 64), deadline)
            mstore(add(buffer, 96), resultsHash)
            hash := keccak256(buffer, 128)
        }
    }

    // -- Views

    /// @inheritdoc IResults
    function councilOf(uint24 term_) external view returns (uint8 threshold, address arbiter) {
        return (offices_[term_].threshold, offices_[term_].arbiter);
    }

    /// @inheritdoc IResults
    function isResultSigner(uint24 term_, address signer) external view returns (bool) {
        return signers_[term_][signer];
    }

    /// @inheritdoc IResults
    function disputeOf(bytes16 fixture) external view returns (address, uint64) {
        return (disputes_[fixture].by, disputes_[fixture].bond);
    }
}
