// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {IResults} from "../../../contracts/interfaces/IResults.sol";
import {Signature} from "../../../contracts/libraries/Signatures.sol";
import {Signing} from "../Signing.sol";
import {Log, vm} from "../Vm.sol";

/// @title Attacked
/// @notice A house with three bettors, and what it takes to attack it: slips, receipts, batches and
/// runs of a few bets.
abstract contract Attacked is Signing {
    uint256 internal constant BANKROLL = 2_000 * UNIT;
    /// @dev What a stolen key for receipts can commit: a third of the bankroll.
    uint56 internal constant BUDGET = 600e6;
    uint256 internal constant RECEIPTS_KEY = 0xA11CE;
    uint256 internal constant CASH_OUTS_KEY = 0xA11CF;
    uint256 internal constant WITHDRAWALS_KEY = 0xA11D0;
    uint256 internal constant ALICE = 0xA1;
    uint256 internal constant BOB = 0xA2;
    uint256 internal constant MALLORY = 0xBAD;
    bytes32 internal constant NAME = keccak256("Arsenal v Brentford, 2033-05-18");

    // Reasons for which a slip is left out.
    uint8 internal constant MARKET_CLOSED = 8;
    uint8 internal constant ACCEPTANCE_OUTSIDE_WINDOW = 9;
    uint8 internal constant EXPOSURE_EXCEEDED = 11;
    uint8 internal constant EXCLUDED = 14;
    uint8 internal constant LEGS_INVALID = 15;
    uint8 internal constant CAP_EXCEEDED = 16;
    uint8 internal constant NONCE_CANCELLED = 17;
    uint8 internal constant NONCE_TOO_FAR = 18;

    struct Leg {
        uint8 index;
        uint8 outcome;
        uint32 odds;
        bytes32 hash;
    }

    struct Kept {
        uint256 id;
        bytes markets;
        bytes[] records;
        bytes skips;
    }

    constructor() {
        BANK.deposit(BANKROLL, address(this));
        _deposit(ALICE, 1_000 * UNIT);
        _deposit(BOB, 5_000 * UNIT);
        _deposit(MALLORY, 10 * UNIT);
    }

    function _firstKeys() internal view override returns (ISportsbook.KeyGrant[] memory keys) {
        keys = new ISportsbook.KeyGrant[](4);
        keys[0] = ISportsbook.KeyGrant(address(this), ISportsbook.Role.Operator, type(uint56).max);
        keys[1] = ISportsbook.KeyGrant(vm.addr(RECEIPTS_KEY), ISportsbook.Role.Receipts, BUDGET);
        keys[2] = ISportsbook.KeyGrant(vm.addr(CASH_OUTS_KEY), ISportsbook.Role.CashOuts, BUDGET);
        keys[3] = ISportsbook.KeyGrant(vm.addr(WITHDRAWALS_KEY), ISportsbook.Role.Withdrawals, 0);
    }

    function _firstLimits() internal pure override returns (ISportsbook.Limits memory) {
        uint56 none = type(uint56).max;
        return ISportsbook.Limits(none, none, none, BUDGET);
    }

    // -- Accounts

    function _deposit(uint256 key, uint256 amount) internal {
        BOOK.depositFor(vm.addr(key), uint64(amount));
    }

    function _account(uint256 key) internal view returns (uint32) {
        return BOOK.accountOf(vm.addr(key));
    }

    function _balance(uint256 key) internal view returns (uint64 balance) {
        (, balance,,,) = BOOK.accountAt(_account(key));
    }

    function _leaveWithAll(uint256 key, uint256 amount) internal {
        vm.prank(vm.addr(key));
        BOOK.requestExit(type(uint56).max);
        vm.warp(block.timestamp + EXIT_DELAY);
        vm.prank(vm.addr(key));
        require(BOOK.exit() == amount, "a bettor could not go with everything");
    }

    // -- Slips

    function _one(Leg memory leg) internal pure returns (Leg[] memory legs) {
        legs = new Leg[](1);
        legs[0] = leg;
    }

    function _two(Leg memory a, Leg memory b) internal pure returns (Leg[] memory legs) {
        legs = new Leg[](2);
        (legs[0], legs[1]) = (a, b);
    }

    function _leg(uint8 outcome, uint32 odds, LegText memory text)
        internal
        pure
        returns (Leg memory leg)
    {
        (leg.outcome, leg.odds, leg.hash) = (outcome, odds, _legHash(text));
    }

    /// @dev A market of two outcomes, before the match.
    function _yesNo(uint8 outcome, uint32 odds, uint40 startsAt, string memory market)
        internal
        pure
        returns (Leg memory)
    {
        string memory word = outcome == 0 ? "Yes" : "No";
        return _leg(outcome, odds, LegText(NAME, startsAt, market, "Full time", 0, false, word));
    }

    function _matchResult(bytes32 name, uint40 startsAt, uint8 outcome, uint32 odds, bool inPlay)
        internal
        pure
        returns (Leg memory)
    {
        string memory word = outcome == 0 ? "Home" : outcome == 1 ? "Draw" : "Away";
        return
            _leg(
                outcome, odds, LegText(name, startsAt, "Match result", "Full time", 0, inPlay, word)
            );
    }

    function _entry(uint8 fixture, uint8 kind, uint8 flags) internal pure returns (bytes memory) {
        return abi.encodePacked(fixture, kind, uint8(0), int16(0), flags);
    }

    /// @dev Of one fixture and one market.
    function _table(uint40 base, bytes32 name, uint40 startsAt, uint8 kind, uint8 flags)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(base, uint8(1), name, startsAt, uint8(1), _entry(0, kind, flags));
    }

    /// @dev Signed for the lowest odds, and until 100 seconds after the base.
    function _hashOf(uint256 key, uint24 nonce, uint64 stake, uint40 base, Leg[] memory legs)
        internal
        view
        returns (bytes32)
    {
        bytes32[] memory hashes = new bytes32[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            hashes[i] = legs[i].hash;
        }
        return _slipHash(_account(key), stake, 0, nonce, base + 100, hashes);
    }

    function _slip(
        uint256 key,
        uint24 nonce,
        uint64 stake,
        uint40 base,
        uint16 accepted,
        Leg[] memory legs
    ) internal view returns (bytes memory) {
        bytes memory entries;
        for (uint256 i; i < legs.length; ++i) {
            entries = abi.encodePacked(entries, legs[i].index, legs[i].outcome, legs[i].odds);
        }
        Signature memory own = _sign(key, _hashOf(key, nonce, stake, base, legs));
        bytes memory head =
            abi.encodePacked(_account(key), nonce, stake, accepted, uint8(legs.length), entries);
        return abi.encodePacked(head, uint40(0), uint16(100), uint16(0), own.r, own.vs);
    }

    function _receipt(
        uint256 key,
        uint24 nonce,
        uint64 stake,
        uint40 base,
        uint16 accepted,
        Leg[] memory legs
    ) internal view returns (Signature memory) {
        uint256[] memory odds = new uint256[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            odds[i] = legs[i].odds;
        }
        bytes32 slip = _hashOf(key, nonce, stake, base, legs);
        return _sign(RECEIPTS_KEY, _receiptHash(slip, base + accepted, odds));
    }

    // -- Placing and settling

    /// @dev An account's first slip, on a match result.
    function _placeOne(uint256 key, uint64 stake, Leg memory leg, uint40 startsAt, bytes32 name)
        internal
        returns (Kept memory kept)
    {
        bytes memory slip = _slip(key, 1, stake, T0, 0, _one(leg));
        kept = _place(abi.encodePacked(_table(T0, name, startsAt, 1, 0), uint16(1), slip));
        require(kept.records.length == 1, "not placed");
    }

    function _place(bytes memory batch) internal returns (Kept memory kept) {
        vm.recordLogs();
        kept.id = BOOK.placeBatch(batch);
        return _parse(kept);
    }

    function _parse(Kept memory kept) internal returns (Kept memory) {
        Log[] memory logs = vm.getRecordedLogs();
        bytes memory data = abi.decode(logs[0].data, (bytes));
        uint256 at = 8 + 26 * _number(data, 2, 1);
        kept.markets = _cut(data, 3, at - 3);
        kept.records = new bytes[](_number(data, 0, 2));
        for (uint256 i; i < kept.records.length; ++i) {
            uint256 size = 18 + 6 * uint256(uint8(data[at + 17]));
            kept.records[i] = _cut(data, at, size);
            at += size;
        }
        kept.skips = _cut(data, at, data.length - at);
        return kept;
    }

    /// @dev Some slip was left out, and the first one for this reason.
    function _requireSkip(Kept memory kept, uint8 reason) internal pure {
        require(kept.skips.length != 0, "nothing was left out");
        require(uint8(kept.skips[7]) == reason, "left out for another reason");
    }

    function _run(Kept memory kept, uint256 first, uint256 count)
        internal
        pure
        returns (ISportsbook.Run memory)
    {
        return ISportsbook.Run(
            kept.id,
            first,
            kept.markets,
            _join(kept.records, first, count),
            _proof(kept.markets, kept.records, first, count)
        );
    }

    function _settle(Kept memory kept, uint256 first, uint256 count) internal {
        ISportsbook.Run[] memory runs = new ISportsbook.Run[](1);
        runs[0] = _run(kept, first, count);
        BOOK.settle(runs);
    }

    function _result(
        bytes32 name,
        uint8 status,
        uint8 homeHalf,
        uint8 awayHalf,
        uint8 homeFull,
        uint8 awayFull,
        uint40 settledAt
    ) internal pure returns (uint256) {
        return (uint256(uint128(bytes16(name))) << 128) | (uint256(status) << 120)
            | (uint256(homeHalf) << 112) | (uint256(awayHalf) << 104) | (uint256(homeFull) << 96)
            | (uint256(awayFull) << 88) | (uint256(settledAt) << 48);
    }

    /// @dev Publishes a result two hours after the start, waits until it is final, and settles.
    function _conclude(Kept memory kept, uint256 word, uint40 startsAt) internal {
        vm.warp(startsAt + 7_200);
        _publish(word, 1);
        vm.warp(startsAt + 7_200 + DISPUTE_WINDOW);
        _settle(kept, 0, kept.records.length);
    }
}
