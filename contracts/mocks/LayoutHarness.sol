// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Account} from "../libraries/Accounts.sol";
import {Batch} from "../libraries/Batches.sol";
import {Calldata} from "../libraries/Calldata.sol";
import {Fixture} from "../libraries/Fixtures.sol";
import {
    FIXTURE_ENTRY_LOCKED,
    FIXTURE_ENTRY_NAME,
    FIXTURE_ENTRY_SIZE,
    FIXTURE_ENTRY_SLOT,
    FIXTURE_ENTRY_STARTS_AT,
    FIXTURE_ENTRY_STORED,
    FixtureEntries,
    FixtureEntry
} from "../libraries/FixtureEntries.sol";
import {Fraction} from "../libraries/Fractions.sol";
import {Key} from "../libraries/Keys.sol";
import {ACCOUNTS} from "../libraries/Ledger.sol";
import {MARKET_ENTRY_EXPOSURE, MARKET_ENTRY_ID} from "../libraries/MarketEntries.sol";
import {Markets} from "../libraries/Markets.sol";
import {
    PLACING_MARKET_CLOSES_AT,
    PLACING_MARKET_FIXTURE,
    PLACING_MARKET_LEG_HASHES,
    PLACING_MARKET_LOCKED,
    PLACING_MARKET_MODE,
    PLACING_MARKET_OUTCOMES,
    PLACING_MARKET_SINGLE_HASHES,
    PLACING_MARKET_SIZE,
    PLACING_MARKET_SLOT,
    PLACING_MARKET_STORED,
    PlacingMarket,
    PlacingMarkets
} from "../libraries/PlacingMarkets.sol";
import {
    PLACING_STATE_BASE,
    PLACING_STATE_CAPACITY,
    PLACING_STATE_EARLIEST_ACCEPTANCE,
    PLACING_STATE_EVENT_AT,
    PLACING_STATE_FIXTURE_CAP,
    PLACING_STATE_LEAF_AT,
    PLACING_STATE_LOCKED,
    PLACING_STATE_MARKETS,
    PLACING_STATE_MARKET_CAP,
    PLACING_STATE_MARKET_COUNT,
    PLACING_STATE_SLIPS_LEFT,
    PLACING_STATE_SLIP_AT,
    PLACING_STATE_TEMPLATE,
    PlacingState
} from "../libraries/PlacingState.sol";
import {
    LEG_CHOICE_SIZE,
    LEG_ODDS_MASK,
    RECORD_ACCOUNT_SHIFT,
    RECORD_ACCOUNT_SIZE,
    RECORD_HEAD_SIZE,
    RECORD_LEG_COUNT_AT,
    RECORD_NONCE_AT,
    RECORD_NONCE_SIZE,
    RECORD_STAKE_AT,
    RECORD_STAKE_MASK,
    RECORD_STAKE_SHIFT,
    RECORD_STAKE_SIZE,
    Records,
    SINGLE_LEAF_SIZE,
    SINGLE_MARKET_AT,
    SINGLE_ODDS_SHIFT,
    SINGLE_OUTCOME_AT
} from "../libraries/Records.sol";
import {
    SETTLING_MARKET_FATES,
    SETTLING_MARKET_FRACTIONS,
    SETTLING_MARKET_RELEASED,
    SETTLING_MARKET_SIZE,
    RELEASED_STAKES_SHIFT,
    SettlingMarket,
    SettlingMarkets
} from "../libraries/SettlingMarkets.sol";
import {
    SETTLING_STATE_BASE,
    SETTLING_STATE_BET_INDEX,
    SETTLING_STATE_MARKETS,
    SETTLING_STATE_MARKET_COUNT,
    SETTLING_STATE_PAID_OUT,
    SETTLING_STATE_PAYOUT_AT,
    SETTLING_STATE_RECORDS_END,
    SETTLING_STATE_RECORD_AT,
    SETTLING_STATE_SETTLED_NOW,
    SettlingState
} from "../libraries/SettlingState.sol";
import {
    SlipTemplate,
    TEMPLATE_ACCOUNT,
    TEMPLATE_ACCOUNTS,
    TEMPLATE_ACCOUNT_AT,
    TEMPLATE_DEADLINE,
    TEMPLATE_DIGEST,
    TEMPLATE_LEAF,
    TEMPLATE_LEAF_CHOICE_AT,
    TEMPLATE_LEAF_RECORD_AT,
    TEMPLATE_LEGS_HASH,
    TEMPLATE_MIN_ODDS,
    TEMPLATE_MIN_ODDS_AT,
    TEMPLATE_NONCE,
    TEMPLATE_NONCE_AT,
    TEMPLATE_PAYOUT,
    TEMPLATE_R,
    TEMPLATE_S,
    TEMPLATE_SLIP_HASH,
    TEMPLATE_SLIP_SIZE,
    TEMPLATE_STAKE,
    TEMPLATE_STAKE_AT,
    TEMPLATE_V
} from "../libraries/SlipTemplate.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Withdrawal} from "../libraries/Withdrawals.sol";

/// @title LayoutHarness
/// @notice Writes memory through structs and setters, and reads it through the offsets that the
/// fast paths use. Most functions return what they read, which must be 1, 2, 3, and so on.
contract LayoutHarness {
    /// @dev So that the accounts do not begin at slot 0, which is what an offset that is wrong
    /// reads.
    uint256[7] private before_;
    Account[ACCOUNTS] private accounts_;

    // -- Memory

    function placingState() external pure returns (uint256[13] memory read) {
        PlacingState memory state;
        (state.base, state.earliestAcceptance, state.marketCap) = (1, 2, 3);
        (state.fixtureCap, state.markets, state.marketCount, state.capacity) = (4, 5, 6, 7);
        (state.locked, state.template, state.slipAt) = (8, 9, 10);
        (state.leafAt, state.eventAt, state.slipsLeft) = (11, 12, 13);
        assembly ("memory-safe") {
            mstore(read, mload(add(state, PLACING_STATE_BASE)))
            mstore(add(read, 0x20), mload(add(state, PLACING_STATE_EARLIEST_ACCEPTANCE)))
            mstore(add(read, 0x40), mload(add(state, PLACING_STATE_MARKET_CAP)))
            mstore(add(read, 0x60), mload(add(state, PLACING_STATE_FIXTURE_CAP)))
            mstore(add(read, 0x80), mload(add(state, PLACING_STATE_MARKETS)))
            mstore(add(read, 0xa0), mload(add(state, PLACING_STATE_MARKET_COUNT)))
            mstore(add(read, 0xc0), mload(add(state, PLACING_STATE_CAPACITY)))
            mstore(add(read, 0xe0), mload(add(state, PLACING_STATE_LOCKED)))
            mstore(add(read, 0x100), mload(add(state, PLACING_STATE_TEMPLATE)))
            mstore(add(read, 0x120), mload(add(state, PLACING_STATE_SLIP_AT)))
            mstore(add(read, 0x140), mload(add(state, PLACING_STATE_LEAF_AT)))
            mstore(add(read, 0x160), mload(add(state, PLACING_STATE_EVENT_AT)))
            mstore(add(read, 0x180), mload(add(state, PLACING_STATE_SLIPS_LEFT)))
        }
    }

    function settlingState() external pure returns (uint256[9] memory read) {
        SettlingState memory state;
        (state.base, state.markets, state.marketCount) = (1, 2, 3);
        (state.settledNow, state.recordAt, state.recordsEnd) = (4, 5, 6);
        (state.betIndex, state.payoutAt, state.paidOut) = (7, 8, 9);
        assembly ("memory-safe") {
            mstore(read, mload(add(state, SETTLING_STATE_BASE)))
            mstore(add(read, 0x20), mload(add(state, SETTLING_STATE_MARKETS)))
            mstore(add(read, 0x40), mload(add(state, SETTLING_STATE_MARKET_COUNT)))
            mstore(add(read, 0x60), mload(add(state, SETTLING_STATE_SETTLED_NOW)))
            mstore(add(read, 0x80), mload(add(state, SETTLING_STATE_RECORD_AT)))
            mstore(add(read, 0xa0), mload(add(state, SETTLING_STATE_RECORDS_END)))
            mstore(add(read, 0xc0), mload(add(state, SETTLING_STATE_BET_INDEX)))
            mstore(add(read, 0xe0), mload(add(state, SETTLING_STATE_PAYOUT_AT)))
            mstore(add(read, 0x100), mload(add(state, SETTLING_STATE_PAID_OUT)))
        }
    }

    /// @notice The second of two markets.
    function placingMarket() external pure returns (uint256[15] memory read) {
        uint256 entries = PlacingMarkets.reserve(2);
        PlacingMarket entry = PlacingMarkets.at(entries, 1);
        entry.setStored(1, 14, 15);
        entry.setExposure(2);
        entry.setLocked(3);
        entry.setMode(4);
        entry.setTerms(5, 6, FixtureEntry.wrap(7));
        for (uint256 i; i < 3; ++i) {
            entry.setLegHash(i, 8 + i);
            entry.setSingleHash(i, 11 + i);
        }
        assembly ("memory-safe") {
            let at := add(entries, PLACING_MARKET_SIZE)
            mstore(read, mload(add(at, MARKET_ENTRY_ID)))
            mstore(add(read, 0x20), mload(add(at, MARKET_ENTRY_EXPOSURE)))
            mstore(add(read, 0x40), mload(add(at, PLACING_MARKET_LOCKED)))
            mstore(add(read, 0x60), mload(add(at, PLACING_MARKET_MODE)))
            mstore(add(read, 0x80), mload(add(at, PLACING_MARKET_CLOSES_AT)))
            mstore(add(read, 0xa0), mload(add(at, PLACING_MARKET_OUTCOMES)))
            mstore(add(read, 0xc0), mload(add(at, PLACING_MARKET_FIXTURE)))
            for { let i := 0 } lt(i, 0x60) { i := add(i, 0x20) } {
                mstore(add(read, add(0xe0, i)), mload(add(at, add(PLACING_MARKET_LEG_HASHES, i))))
                mstore(
                    add(read, add(0x140, i)),
                    mload(add(at, add(PLACING_MARKET_SINGLE_HASHES, i)))
                )
            }
            mstore(add(read, 0x1a0), mload(add(at, PLACING_MARKET_SLOT)))
            mstore(add(read, 0x1c0), mload(add(at, PLACING_MARKET_STORED)))
        }
    }

    /// @notice The second of two fixtures.
    function fixtureEntry() external pure returns (uint256[5] memory read) {
        uint256 entries = FixtureEntries.reserve(2);
        FixtureEntry entry = FixtureEntries.at(entries, 1);
        entry.set(1, 2, 4, Fixture.wrap(5));
        entry.setLocked(3);
        assembly ("memory-safe") {
            let at := add(entries, FIXTURE_ENTRY_SIZE)
            mstore(read, mload(add(at, FIXTURE_ENTRY_NAME)))
            mstore(add(read, 0x20), mload(add(at, FIXTURE_ENTRY_STARTS_AT)))
            mstore(add(read, 0x40), mload(add(at, FIXTURE_ENTRY_LOCKED)))
            mstore(add(read, 0x60), mload(add(at, FIXTURE_ENTRY_SLOT)))
            mstore(add(read, 0x80), mload(add(at, FIXTURE_ENTRY_STORED)))
        }
    }

    /// @notice The second of two markets: its id, exposure, fractions and fates, and what the fast
    /// path released of each outcome, which `released` sums up with the exposure.
    /// @return read What was read.
    /// @return fourth The fate of an outcome 3.
    /// @return released The sum.
    function settlingMarket()
        external
        pure
        returns (uint256[11] memory read, uint256 fourth, uint256 released)
    {
        uint256 entries = SettlingMarkets.reserve(2);
        SettlingMarket entry = SettlingMarkets.at(entries, 1);
        entry.setMarket(1);
        entry.setExposure(2);
        for (uint256 i; i < 3; ++i) {
            entry.setFraction(i, Fraction.wrap(3 + i));
            entry.setFate(i, 6 + i);
        }
        assembly ("memory-safe") {
            let at := add(entries, SETTLING_MARKET_SIZE)
            mstore(read, mload(add(at, MARKET_ENTRY_ID)))
            mstore(add(read, 0x20), mload(add(at, MARKET_ENTRY_EXPOSURE)))
            for { let i := 0 } lt(i, 0x60) { i := add(i, 0x20) } {
                mstore(add(read, add(0x40, i)), mload(add(at, add(SETTLING_MARKET_FRACTIONS, i))))
                mstore(add(read, add(0xa0, i)), mload(add(at, add(SETTLING_MARKET_FATES, i))))
                // A payout of 9, 10 and 11, and a stake of 1
                let sums := add(at, add(SETTLING_MARKET_RELEASED, i))
                mstore(sums, or(add(9, shr(5, i)), shl(RELEASED_STAKES_SHIFT, 1)))
                mstore(add(read, add(0x100, i)), and(mload(sums), 0xff))
            }
            fourth := mload(add(at, add(SETTLING_MARKET_FATES, 0x60)))
        }
        released = entry.released();
    }

    /// @notice Fields of a slip, copied to their first bytes, which must fill the ends of their
    /// words; then words of the template that setters write.
    function template() external view returns (uint256[11] memory read) {
        PlacingState memory state;
        state.template = SlipTemplate.create(bytes32(0), 0, accounts_);
        uint256 at = state.template;
        SlipTemplate.digestOf(state, bytes32(uint256(9)));
        SlipTemplate.setPayout(state, 11);
        assembly ("memory-safe") {
            mstore(add(at, TEMPLATE_ACCOUNT_AT), shl(sub(256, shl(3, RECORD_ACCOUNT_SIZE)), 1))
            mstore(add(at, TEMPLATE_STAKE_AT), shl(sub(256, shl(3, RECORD_STAKE_SIZE)), 2))
            mstore(add(at, TEMPLATE_MIN_ODDS_AT), shl(216, 3))
            mstore(add(at, TEMPLATE_NONCE_AT), shl(sub(256, shl(3, RECORD_NONCE_SIZE)), 4))
            mstore(read, mload(add(at, TEMPLATE_ACCOUNT)))
            mstore(add(read, 0x20), mload(add(at, TEMPLATE_STAKE)))
            mstore(add(read, 0x40), mload(add(at, TEMPLATE_MIN_ODDS)))
            mstore(add(read, 0x60), mload(add(at, TEMPLATE_NONCE)))
            // What ecrecover takes, one word after the other
            mstore(add(at, TEMPLATE_DIGEST), 5)
            mstore(add(at, TEMPLATE_V), 6)
            mstore(add(at, TEMPLATE_R), 7)
            mstore(add(at, TEMPLATE_S), 8)
            for { let i := 0 } lt(i, 0x80) { i := add(i, 0x20) } {
                mstore(add(read, add(0x80, i)), mload(add(at, add(TEMPLATE_DIGEST, i))))
            }
            mstore(add(read, 0x100), mload(add(at, TEMPLATE_SLIP_HASH)))
            // The accounts follow seven other slots
            mstore(add(read, 0x120), add(mload(add(at, TEMPLATE_ACCOUNTS)), 3))
            mstore(add(read, 0x140), mload(add(at, TEMPLATE_PAYOUT)))
        }
    }

    /// @notice Hashes of a slip of one leg and of its bet's leaf, in the template and as the slow
    /// path computes them.
    /// @param record Record of one leg.
    /// @param market Its market id.
    function hashes(
        bytes calldata record,
        uint256 market,
        uint256 minOdds,
        uint256 base,
        uint256 deadline,
        bytes32 legsHash
    ) external view returns (bytes32[2] memory fast, bytes32[2] memory slow) {
        uint256 head = Calldata.word(Calldata.start(record));
        uint256 at = SlipTemplate.create(bytes32(0), base, accounts_);
        uint256 words;
        assembly ("memory-safe") {
            let from := record.offset
            calldatacopy(add(at, TEMPLATE_ACCOUNT_AT), from, RECORD_ACCOUNT_SIZE)
            calldatacopy(add(at, TEMPLATE_NONCE_AT), add(from, RECORD_NONCE_AT), RECORD_NONCE_SIZE)
            calldatacopy(add(at, TEMPLATE_STAKE_AT), add(from, RECORD_STAKE_AT), RECORD_STAKE_SIZE)
            mstore(add(at, TEMPLATE_MIN_ODDS), minOdds)
            mstore(add(at, TEMPLATE_DEADLINE), deadline)
            mstore(add(at, TEMPLATE_LEGS_HASH), legsHash)
            mstore(fast, keccak256(at, TEMPLATE_SLIP_SIZE))
            mstore(add(at, TEMPLATE_LEAF), market)
            calldatacopy(
                add(at, TEMPLATE_LEAF_CHOICE_AT),
                add(from, SINGLE_OUTCOME_AT),
                LEG_CHOICE_SIZE
            )
            calldatacopy(add(at, TEMPLATE_LEAF_RECORD_AT), from, RECORD_HEAD_SIZE)
            mstore(add(fast, 0x20), keccak256(add(at, TEMPLATE_LEAF), SINGLE_LEAF_SIZE))
            words := mload(0x40)
            mstore(0x40, add(words, 0x40))
        }
        slow[0] = TypedData.slipHash(head, minOdds, deadline, legsHash);
        uint256 word =
            Records.legWord(market, Calldata.word(Calldata.start(record) + RECORD_HEAD_SIZE));
        assembly ("memory-safe") {
            mstore(words, word)
        }
        slow[1] = Records.leafHash(words, head, 1, base);
    }

    // -- Packed words

    /// @notice Account, nonce, stake, accepted after, legs, market, outcome and odds of a record of
    /// one leg.
    function recordFields(bytes calldata data) external pure returns (uint256[8] memory read) {
        uint256 at = Calldata.start(data);
        uint256 head = Calldata.word(at);
        (read[0], read[1], read[2]) =
        (Records.account(head), Records.nonce(head), Records.stake(head));
        (read[3], read[4]) = (Records.acceptedAfter(head), Records.legCount(head));
        (read[5], read[6], read[7]) = Records.leg(at, 0);
    }

    /// @notice The same, but for nonce and acceptance, as the fast paths read them.
    function recordFast(bytes calldata data) external pure returns (uint256[6] memory read) {
        uint256 word = Calldata.word(Calldata.start(data));
        assembly ("memory-safe") {
            mstore(read, shr(RECORD_ACCOUNT_SHIFT, word))
            mstore(add(read, 0x20), and(shr(RECORD_STAKE_SHIFT, word), RECORD_STAKE_MASK))
            mstore(add(read, 0x40), byte(RECORD_LEG_COUNT_AT, word))
            mstore(add(read, 0x60), byte(SINGLE_MARKET_AT, word))
            mstore(add(read, 0x80), byte(SINGLE_OUTCOME_AT, word))
            mstore(add(read, 0xa0), and(shr(SINGLE_ODDS_SHIFT, word), LEG_ODDS_MASK))
        }
    }

    /// @notice Fields of an account word, from the lowest bits on.
    function accountWord(Account word) external pure returns (uint256[6] memory) {
        return [
            word.balance(),
            word.sequence(),
            word.isRestricted() ? 1 : 0,
            word.window(),
            word.nonce(),
            uint160(word.owner())
        ];
    }

    /// @notice Fields of a key word, but for `spent` and `spentAt`, from the lowest bits on.
    function keyWord(Key word) external pure returns (uint256[4] memory) {
        return [word.role(), word.from(), word.until(), word.budget()];
    }

    /// @notice Fields of a fixture word, from the lowest bits on.
    function fixtureWord(Fixture word) external pure returns (uint256[10] memory) {
        return [
            word.locked(),
            word.settledAt(),
            word.awayFull(),
            word.homeFull(),
            word.awayHalf(),
            word.homeHalf(),
            word.status(),
            word.publishedAt(),
            word.finalAt(),
            word.term()
        ];
    }

    /// @notice Number of bets of a batch word, and whether it is touched.
    function batchWord(Batch word) external pure returns (uint256, bool) {
        return (word.bets(), word.isTouched());
    }

    /// @notice Fields of a market id, from its start on: fixture, start, kind, period, line, in
    /// play.
    function marketId(uint256 id)
        external
        pure
        returns (uint256[4] memory, int256 line, bool inPlay)
    {
        return (
            [Markets.fixtureId(id), Markets.startsAt(id), Markets.kind(id), Markets.period(id)],
            Markets.line(id),
            Markets.inPlay(id)
        );
    }

    /// @notice Fields of an exposure word, from the lowest bits on.
    function exposureWord(uint256 word) external pure returns (uint256[4] memory, bool marked) {
        return (
            [
                Markets.payouts(word, 0),
                Markets.payouts(word, 1),
                Markets.payouts(word, 2),
                Markets.stakes(word)
            ],
            Markets.isMarked(word)
        );
    }

    /// @notice Fields of a withdrawal word and of a fraction, from the lowest bits on.
    function withdrawalWord(Withdrawal word) external pure returns (uint256[3] memory) {
        return [word.deadline(), word.amount(), word.account()];
    }

    function fractionWord(Fraction word) external pure returns (uint256[3] memory) {
        return [word.win(), word.refund(), word.parts()];
    }
}
