// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where some of these are used.
// solhint-disable no-unused-import

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Markets} from "./Markets.sol";
import {Records} from "./Records.sol";
import {
    TEMPLATE_ACCOUNT,
    TEMPLATE_DEADLINE,
    TEMPLATE_LEGS_HASH,
    TEMPLATE_MIN_ODDS,
    TEMPLATE_NONCE,
    TEMPLATE_SLIP_SIZE,
    TEMPLATE_SLIP_TYPE,
    TEMPLATE_STAKE
} from "./SlipTemplate.sol";
import {Withdrawal} from "./Withdrawals.sol";

/// @title TypedData
/// @notice EIP-712 struct hashes of what bettors and the house sign. `PlacingFastPath` hashes
/// plain slips itself, over the layout in `SlipTemplate`.
///
/// A leg is signed in words, so that people can read it in the wallet. The words are not in the
/// call data. The contract derives them from the market id; the hash of the fixture's name is in
/// the batch, and its first 16 bytes are the fixture's id.
///
/// The Leg struct in memory, a word for each field. A string is represented by its hash.
///   [0x00,0x20)  type hash
///   [0x20,0x40)  fixture
///   [0x40,0x60)  startsAt
///   [0x60,0x80)  market
///   [0x80,0xa0)  period
///   [0xa0,0xc0)  lineQuarters
///   [0xc0,0xe0)  inPlay
///   [0xe0,0x100) outcome
/// The Slip struct is the first part of the `SlipTemplate`.
library TypedData {
    bytes32 internal constant LEG = keccak256(
        "Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)"
    );
    uint256 internal constant LEG_SIZE = 0x100;
    uint256 private constant LEG_FIXTURE = 0x20;
    uint256 private constant LEG_STARTS_AT = 0x40;
    uint256 private constant LEG_MARKET = 0x60;
    uint256 private constant LEG_PERIOD = 0x80;
    uint256 private constant LEG_LINE = 0xa0;
    uint256 private constant LEG_IN_PLAY = 0xc0;
    uint256 private constant LEG_OUTCOME = 0xe0;
    bytes32 internal constant SLIP = keccak256(
        "Slip(uint32 account,uint64 stakeMicro,uint40 minOddsE4,uint24 nonce,uint40 deadline,Leg[] legs)Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)"
    );
    bytes32 internal constant RECEIPT =
        keccak256("Receipt(bytes32 slip,uint40 acceptedAt,uint32[] oddsE4)");
    bytes32 internal constant QUOTE = keccak256(
        "Quote(uint32 account,uint24 nonce,uint64 maxStakeMicro,uint40 deadline,uint32[] oddsE4,Leg[] legs)Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)"
    );
    bytes32 internal constant CASH_OUT = keccak256(
        "CashOut(uint32 account,uint48 batch,uint8 bet,uint64 stakeMicro,uint64 priceMicro,uint40 offeredAt,uint40 deadline)"
    );
    bytes32 internal constant WITHDRAWAL =
        keccak256("Withdrawal(uint32 account,uint64 amountMicro,uint40 deadline,uint8 sequence)");

    bytes32 internal constant REQUEST = keccak256(
        "Request(uint32 account,string action,uint64 value,uint64 feeMicro,uint40 number,uint40 deadline)"
    );

    /// @notice Write the Leg struct but for its outcome, for `legHash` and `legHashes`.
    /// @param buffer Memory of LEG_SIZE bytes that may be overwritten. abi.encode would take new
    /// memory after what the batch has reserved.
    function writeLeg(uint256 fixtureName, uint256 market, uint256 buffer) internal pure {
        bytes32 legType = LEG;
        bytes32 kind = kindName(Markets.kind(market));
        bytes32 period = periodName(Markets.period(market));
        uint256 startsAt = Markets.startsAt(market);
        int256 line = Markets.line(market);
        bool inPlay = Markets.inPlay(market);
        assembly ("memory-safe") {
            // [0x00,0xe0) of the buffer
            mstore(buffer, legType)
            mstore(add(buffer, LEG_FIXTURE), fixtureName)
            mstore(add(buffer, LEG_STARTS_AT), startsAt)
            mstore(add(buffer, LEG_MARKET), kind)
            mstore(add(buffer, LEG_PERIOD), period)
            mstore(add(buffer, LEG_LINE), line)
            mstore(add(buffer, LEG_IN_PLAY), inPlay)
        }
    }

    /// @notice Struct hash of a leg on a market whose outcomes follow from its line.
    /// @param buffer What `writeLeg` has written.
    function legHash(uint256 market, uint256 outcome, uint256 buffer)
        internal
        pure
        returns (bytes32)
    {
        uint256 maxGoals = Markets.maxGoals(market);
        bool isScore = Markets.kind(market) == Markets.CORRECT_SCORE;
        bytes32 outcome_ = isScore ? scoreName(maxGoals, outcome) : marginName(maxGoals, outcome);
        return hashWith(outcome_, buffer);
    }

    /// @notice Struct hashes of the legs on each outcome of a market; the third is 0 if there are
    /// two. Not for markets whose outcomes follow from their line.
    /// @param buffer What `writeLeg` has written.
    function legHashes(uint256 market, uint256 buffer)
        internal
        pure
        returns (bytes32 first, bytes32 second, bytes32 third)
    {
        (first, second, third) = outcomeNames(Markets.kind(market));
        first = hashWith(first, buffer);
        second = hashWith(second, buffer);
        if (third != 0) third = hashWith(third, buffer);
    }

    function hashWith(bytes32 outcome, uint256 buffer) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // [0xe0,0x100) of the buffer
            mstore(add(buffer, LEG_OUTCOME), outcome)
            hash := keccak256(buffer, LEG_SIZE)
        }
    }

    /// @notice Struct hash of a slip. `PlacingFastPath.place` hashes plain slips itself.
    /// @param head Head of the slip's record, which has account, nonce and stake.
    function slipHash(uint256 head, uint256 minOdds, uint256 deadline, bytes32 legsHash)
        internal
        pure
        returns (bytes32 hash)
    {
        bytes32 slipType = SLIP;
        uint256 account = Records.account(head);
        uint256 stake = Records.stake(head);
        uint256 nonce = Records.nonce(head);
        // abi.encode would take new memory for every slip: 180 gas per slip in a batch of 256.
        assembly ("memory-safe") {
            let free := mload(0x40)
            // Beyond the free pointer, [0x00,0xe0)
            mstore(add(free, TEMPLATE_SLIP_TYPE), slipType)
            mstore(add(free, TEMPLATE_ACCOUNT), account)
            mstore(add(free, TEMPLATE_STAKE), stake)
            mstore(add(free, TEMPLATE_MIN_ODDS), minOdds)
            mstore(add(free, TEMPLATE_NONCE), nonce)
            mstore(add(free, TEMPLATE_DEADLINE), deadline)
            mstore(add(free, TEMPLATE_LEGS_HASH), legsHash)
            hash := keccak256(free, TEMPLATE_SLIP_SIZE)
        }
    }

    function receiptHash(bytes32 slip, uint256 acceptedAt, uint256[] memory odds)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(RECEIPT, slip, acceptedAt, oddsHash(odds)));
    }

    /// @dev As keccak256(abi.encodePacked(odds)), which would copy them first.
    function oddsHash(uint256[] memory odds) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(add(odds, 32), shl(5, mload(odds)))
        }
    }

    function quoteHash(ISportsbook.Quote calldata quote, uint256[] memory odds, bytes32 legsHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                QUOTE,
                quote.account,
                quote.nonce,
                quote.maxStake,
                quote.deadline,
                oddsHash(odds),
                legsHash
            )
        );
    }

    function cashOutHash(
        uint256 account,
        uint256 batch,
        uint256 bet,
        ISportsbook.CashOut calldata offer
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CASH_OUT,
                account,
                batch,
                bet,
                offer.stake,
                offer.price,
                offer.offeredAt,
                offer.deadline
            )
        );
    }

    function requestHash(ISportsbook.Request calldata request) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REQUEST,
                request.account,
                actionName(request.action),
                request.value,
                request.fee,
                request.number,
                request.deadline
            )
        );
    }

    function actionName(ISportsbook.Action action) private pure returns (bytes32) {
        if (action == ISportsbook.Action.RequestExit) return keccak256("Request an exit of micro");
        if (action == ISportsbook.Action.Exit) return keccak256("Exit");
        if (action == ISportsbook.Action.Exclude) return keccak256("Exclude the account until");
        return keccak256("Cancel slips with nonces up to");
    }

    /// @dev In assembly, to save gas: abi.encode would take new memory.
    function withdrawalHash(Withdrawal withdrawal, uint256 sequence)
        internal
        pure
        returns (bytes32 hash)
    {
        bytes32 withdrawalType = WITHDRAWAL;
        uint256 account = withdrawal.account();
        uint256 amount = withdrawal.amount();
        uint256 deadline = withdrawal.deadline();
        assembly ("memory-safe") {
            let free := mload(0x40)
            // Beyond the free pointer, [0x00,0xa0): type hash, account, amount, deadline, sequence
            mstore(free, withdrawalType)
            mstore(add(free, 32), account)
            mstore(add(free, 64), amount)
            mstore(add(free, 96), deadline)
            mstore(add(free, 128), sequence)
            hash := keccak256(free, 160)
        }
    }

    function kindName(uint256 kind) private pure returns (bytes32) {
        if (kind == Markets.MATCH_RESULT) return keccak256("Match result");
        if (kind == Markets.DOUBLE_CHANCE) return keccak256("Double chance");
        if (kind == Markets.DRAW_NO_BET) return keccak256("Draw no bet");
        if (kind == Markets.TOTAL_GOALS) return keccak256("Total goals");
        if (kind == Markets.HOME_TOTAL_GOALS) return keccak256("Home total goals");
        if (kind == Markets.AWAY_TOTAL_GOALS) return keccak256("Away total goals");
        if (kind == Markets.ASIAN_HANDICAP) return keccak256("Asian handicap");
        if (kind == Markets.EUROPEAN_HANDICAP) return keccak256("European handicap");
        if (kind == Markets.BOTH_TEAMS_TO_SCORE) return keccak256("Both teams to score");
        if (kind == Markets.CORRECT_SCORE) return keccak256("Correct score");
        if (kind == Markets.ODD_EVEN_GOALS) return keccak256("Odd or even goals");
        if (kind == Markets.WINNING_MARGIN) return keccak256("Winning margin");
        return keccak256("Proposition");
    }

    function periodName(uint256 period) private pure returns (bytes32) {
        if (period == Markets.FULL_TIME) return keccak256("Full time");
        if (period == Markets.FIRST_HALF) return keccak256("First half");
        return keccak256("Second half");
    }

    /// @dev For kinds with two or three fixed outcomes; the third is 0 if there are two.
    function outcomeNames(uint256 kind) private pure returns (bytes32, bytes32, bytes32) {
        if (kind == Markets.MATCH_RESULT || kind == Markets.EUROPEAN_HANDICAP) {
            return (keccak256("Home"), keccak256("Draw"), keccak256("Away"));
        }
        if (kind == Markets.DOUBLE_CHANCE) {
            return (keccak256("Home or draw"), keccak256("Home or away"), keccak256("Draw or away"));
        }
        if (kind == Markets.DRAW_NO_BET || kind == Markets.ASIAN_HANDICAP) {
            return (keccak256("Home"), keccak256("Away"), 0);
        }
        if (kind == Markets.BOTH_TEAMS_TO_SCORE || kind == Markets.PROPOSITION) {
            return (keccak256("Yes"), keccak256("No"), 0);
        }
        if (kind == Markets.ODD_EVEN_GOALS) return (keccak256("Odd"), keccak256("Even"), 0);
        return (keccak256("Over"), keccak256("Under"), 0);
    }

    /// @dev For example "2:1", or "Any other home win".
    function scoreName(uint256 maxGoals, uint256 outcome) private pure returns (bytes32) {
        uint256 side = maxGoals + 1;
        if (outcome < side * side) {
            return keccak256(abi.encodePacked(digit(outcome / side), ":", digit(outcome % side)));
        }
        if (outcome == side * side) return keccak256("Any other home win");
        return
            outcome == side * side + 1
                ? keccak256("Any other draw")
                : keccak256("Any other away win");
    }

    /// @dev For example "Home by 1", "Home by 3 or more", "Draw".
    function marginName(uint256 maxGoals, uint256 outcome) private pure returns (bytes32) {
        if (outcome == maxGoals) return keccak256("Draw");
        uint256 margin = outcome < maxGoals ? outcome + 1 : outcome - maxGoals;
        return keccak256(
            abi.encodePacked(
                outcome < maxGoals ? "Home by " : "Away by ",
                digit(margin),
                margin == maxGoals ? " or more" : ""
            )
        );
    }

    function digit(uint256 value) private pure returns (bytes1) {
        return bytes1(uint8(48 + value));
    }
}
