// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Markets} from "./Markets.sol";

/// @title TypedData
/// @notice EIP-712 struct hashes of what bettors and house sign.
///
/// A leg is signed in words, so that the wallet's window can be read by a person. The words are
/// not in the call data: the contract derives them from the market id, and the fixture's id is the
/// head of its name's hash.
library TypedData {
    bytes32 internal constant LEG = keccak256(
        "Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)"
    );
    bytes32 internal constant SLIP = keccak256(
        "Slip(uint32 account,uint64 stakeMicro,uint40 minOddsE4,uint24 nonce,uint40 deadline,Leg[] legs)Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)"
    );
    bytes32 internal constant RECEIPT =
        keccak256("Receipt(bytes32 slip,uint40 acceptedAt,uint32[] oddsE4)");
    bytes32 internal constant WITHDRAWAL = keccak256(
        "Withdrawal(uint32 account,uint64 amountMicro,uint40 deadline,uint32 sequence)"
    );

    function legHash(bytes32 fixtureName, uint256 market, uint256 outcome)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                LEG,
                fixtureName,
                Markets.startsAt(market),
                kindName(Markets.kind(market)),
                periodName(Markets.period(market)),
                Markets.line(market),
                Markets.inPlay(market),
                outcomeName(Markets.kind(market), outcome)
            )
        );
    }

    function receiptHash(bytes32 slip, uint256 acceptedAt, uint256[] memory odds)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(RECEIPT, slip, acceptedAt, keccak256(abi.encodePacked(odds))));
    }

    function withdrawalHash(uint256 account, uint256 amount, uint256 deadline, uint256 sequence)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(WITHDRAWAL, account, amount, deadline, sequence));
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
        return keccak256("Odd or even goals");
    }

    function periodName(uint256 period) private pure returns (bytes32) {
        if (period == Markets.FULL_TIME) return keccak256("Full time");
        if (period == Markets.FIRST_HALF) return keccak256("First half");
        return keccak256("Second half");
    }

    function outcomeName(uint256 kind, uint256 outcome) private pure returns (bytes32) {
        if (kind == Markets.MATCH_RESULT || kind == Markets.EUROPEAN_HANDICAP) {
            if (outcome == 0) return keccak256("Home");
            return outcome == 1 ? keccak256("Draw") : keccak256("Away");
        }
        if (kind == Markets.DOUBLE_CHANCE) {
            if (outcome == 0) return keccak256("Home or draw");
            return outcome == 1 ? keccak256("Home or away") : keccak256("Draw or away");
        }
        if (kind == Markets.DRAW_NO_BET || kind == Markets.ASIAN_HANDICAP) {
            return outcome == 0 ? keccak256("Home") : keccak256("Away");
        }
        if (kind == Markets.BOTH_TEAMS_TO_SCORE) {
            return outcome == 0 ? keccak256("Yes") : keccak256("No");
        }
        if (kind == Markets.ODD_EVEN_GOALS) {
            return outcome == 0 ? keccak256("Odd") : keccak256("Even");
        }
        return outcome == 0 ? keccak256("Over") : keccak256("Under");
    }
}
