// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {
    ACCOUNT_BALANCE_MASK,
    ACCOUNT_NONCES_MASK,
    ACCOUNT_NONCES_SHIFT,
    ACCOUNT_NONCE_AND_WINDOW_BITS,
    ACCOUNT_NONCE_MASK,
    ACCOUNT_NONCE_SHIFT,
    ACCOUNT_OWNER_SHIFT,
    ACCOUNT_RESTRICTED_BITS,
    ACCOUNT_WINDOW_MASK,
    ACCOUNT_WINDOW_SHIFT,
    MAX_NONCE_STEP
} from "./Accounts.sol";
import {TAIL_MIN_ODDS_SIZE} from "./BatchLayout.sol";
import {FIXTURE_ENTRY_LOCKED} from "./FixtureEntries.sol";
import {MARKET_ENTRY_EXPOSURE, MARKET_ENTRY_ID} from "./MarketEntries.sol";
import {EXPOSURE_FIELD_LOG2, EXPOSURE_STAKES_SHIFT, MODE_PAIRED} from "./Markets.sol";
import {
    PLACING_MARKET_CLOSES_AT,
    PLACING_MARKET_SIZE,
    PLACING_MARKET_FIXTURE,
    PLACING_MARKET_LOCKED,
    PLACING_MARKET_MODE,
    PLACING_MARKET_SINGLE_HASHES
} from "./PlacingMarkets.sol";
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
} from "./PlacingState.sol";
import {MIN_ODDS, ODDS_ONE} from "./Protocol.sol";
import {
    LEG_CHOICE_SIZE,
    LEG_ODDS_MASK,
    LEG_ODDS_SHIFT,
    RECORD_ACCEPTED_MASK,
    RECORD_ACCOUNT_SIZE,
    RECORD_HEAD_SIZE,
    RECORD_LEG_COUNT_MASK,
    RECORD_LEG_COUNT_SHIFT,
    RECORD_NONCE_AT,
    RECORD_NONCE_SIZE,
    RECORD_STAKE_AT,
    RECORD_STAKE_SIZE,
    SINGLE_LEAF_SIZE,
    SINGLE_OUTCOME_AT,
    SINGLE_SIZE
} from "./Records.sol";
import {
    ECRECOVER,
    SIGNATURE_HALF_ORDER,
    SIGNATURE_PARITY_SHIFT,
    SIGNATURE_S_MASK,
    SIGNATURE_V
} from "./Signatures.sol";
import {
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
    TEMPLATE_SIGNED,
    TEMPLATE_SIGNED_SIZE,
    TEMPLATE_SLIP_HASH,
    TEMPLATE_SLIP_SIZE,
    TEMPLATE_STAKE,
    TEMPLATE_STAKE_AT,
    TEMPLATE_V
} from "./SlipTemplate.sol";

/// @title PlacingFastPath
/// @notice Places plain slips, as `PlacingSlips._placeSlip` does: slips of one leg, on a market
/// with two or three fixed outcomes, signed by the owner's key, with a nonce above all used ones.
/// Most slips are plain. Stops at the first slip that is not plain or fails any check, with nothing
/// changed for it, and leaves it to the slow path, which knows the reasons.
/// @dev In assembly, because most of what placing computes is here. What all slips of a batch share
/// is in the template already; a slip's own fields are copied to where they are hashed. Values
/// needed after the recovery of the signer are read again: kept on the stack, they would be moved
/// about or computed twice.
///
/// Each block names the function that decides the same on the slow path. "Entry" is that of the
/// slip's market (PlacingMarkets), "state" the PlacingState, "template" the SlipTemplate.
///
/// Bytes of a plain slip, 97:
///   record     [0,4) account, [4,7) nonce, [7,15) stake, [15,17) accepted after, [17] number of
///              legs, 1, [18] market index, [19] outcome, [20,24) odds
///   tail       [24,29) minimum odds, [29,31) deadline, [31,33) signature length, 0
///   signature  [33,65) r, [65,97) vs
library PlacingFastPath {
    uint256 private constant SLIP_SIZE = 97;
    uint256 private constant SLIP_MIN_ODDS_AT = 24;
    uint256 private constant SLIP_SIGNATURE_AT = 33;
    uint256 private constant SIGNATURE_SIZE = 64;

    // The word at byte 18 of a plain slip, `leg` below:
    //   bytes  [0]           [1]      [2,6)  [6,11)        [11,13)   [13,15)           [15,32)
    //   field  market index  outcome  odds   minimum odds  deadline  signature length  r begins
    uint256 private constant LEG_MARKET_AT = 0;
    uint256 private constant LEG_OUTCOME_AT = 1;
    uint256 private constant LEG_DEADLINE_SHIFT = 152;
    uint256 private constant LEG_LENGTH_SHIFT = 136;
    uint256 private constant U16_MASK = 0xffff;

    uint256 private constant HIGHEST_FIXED_OUTCOME = 2;

    // Shifts that move a field of an exposure to the highest 64 bits, and from there to the lowest.
    uint256 private constant PAYOUTS_0_UP = 192;
    uint256 private constant PAYOUTS_1_UP = 128;
    uint256 private constant PAYOUTS_2_UP = 64;
    uint256 private constant FIELD_DOWN = 192;

    /// @notice Place slips from `state.slipAt` on until one is not plain or none is left.
    function place(PlacingState memory state) internal {
        assembly ("memory-safe") {
            let template := mload(add(state, PLACING_STATE_TEMPLATE))
            let at := mload(add(state, PLACING_STATE_SLIP_AT))
            let leaf := mload(add(state, PLACING_STATE_LEAF_AT))
            let out := mload(add(state, PLACING_STATE_EVENT_AT))
            let slipsLeft := mload(add(state, PLACING_STATE_SLIPS_LEFT))
            for {} slipsLeft {} {
                // -- The leg's market and outcome; slow: PlacingSlips._checkTerms
                let leg := calldataload(add(at, RECORD_HEAD_SIZE))
                let entry :=
                    add(
                        mload(add(state, PLACING_STATE_MARKETS)),
                        mul(byte(LEG_MARKET_AT, leg), PLACING_MARKET_SIZE)
                    )
                // 0 if the outcomes follow from the line, or the outcome does not exist. An index
                // out of range reads other memory, and is refused below.
                let legsHash :=
                    mload(
                        add(
                            entry,
                            add(PLACING_MARKET_SINGLE_HASHES, shl(5, byte(LEG_OUTCOME_AT, leg)))
                        )
                    )
                if iszero(legsHash) { break }
                // Not zero once a check has failed
                let slow :=
                    iszero(
                        lt(byte(LEG_MARKET_AT, leg), mload(add(state, PLACING_STATE_MARKET_COUNT)))
                    )
                slow := or(slow, gt(byte(LEG_OUTCOME_AT, leg), HIGHEST_FIXED_OUTCOME))

                // -- What the bettor signed; slow: TypedData.slipHash
                // Template [0x0c0,0x0e0)
                mstore(add(template, TEMPLATE_LEGS_HASH), legsHash)
                // Template [0x03c,0x040), [0x09d,0x0a0), [0x058,0x060) and [0x07b,0x080)
                calldatacopy(add(template, TEMPLATE_ACCOUNT_AT), at, RECORD_ACCOUNT_SIZE)
                calldatacopy(
                    add(template, TEMPLATE_NONCE_AT),
                    add(at, RECORD_NONCE_AT),
                    RECORD_NONCE_SIZE
                )
                calldatacopy(
                    add(template, TEMPLATE_STAKE_AT),
                    add(at, RECORD_STAKE_AT),
                    RECORD_STAKE_SIZE
                )
                calldatacopy(
                    add(template, TEMPLATE_MIN_ODDS_AT),
                    add(at, SLIP_MIN_ODDS_AT),
                    TAIL_MIN_ODDS_SIZE
                )

                // -- Times; slow: PlacingSlips._checkTerms
                {
                    // Accepted after 2 | number of legs 1
                    let times := shr(RECORD_LEG_COUNT_SHIFT, calldataload(at))
                    // One leg, and a signature length of 0: the owner's key
                    slow := or(slow, xor(and(times, RECORD_LEG_COUNT_MASK), 1))
                    slow := or(slow, and(shr(LEG_LENGTH_SHIFT, leg), U16_MASK))
                    times := and(shr(8, times), RECORD_ACCEPTED_MASK)
                    let deadline := and(shr(LEG_DEADLINE_SHIFT, leg), U16_MASK)
                    slow := or(slow, gt(times, deadline))
                    // Template [0x0a0,0x0c0)
                    mstore(
                        add(template, TEMPLATE_DEADLINE),
                        add(mload(add(state, PLACING_STATE_BASE)), deadline)
                    )
                    times := add(times, mload(add(state, PLACING_STATE_BASE)))
                    slow := or(slow, iszero(lt(times, mload(add(entry, PLACING_MARKET_CLOSES_AT)))))
                    slow := or(slow, gt(times, timestamp()))
                    slow := or(
                        slow,
                        lt(times, mload(add(state, PLACING_STATE_EARLIEST_ACCEPTANCE)))
                    )
                }

                // -- Stake, odds, payout; slow: PlacingSlips._checkTerms
                {
                    let odds := and(shr(LEG_ODDS_SHIFT, leg), LEG_ODDS_MASK)
                    let payout := div(mul(mload(add(template, TEMPLATE_STAKE)), odds), ODDS_ONE)
                    // Template [0x240,0x260)
                    mstore(add(template, TEMPLATE_PAYOUT), payout)
                    // Since odds are above 1, the stake is above zero if and only if the payout
                    // is. Accounts.MAX_BALANCE, the most that is paid, is the balance's mask.
                    slow := or(slow, lt(odds, MIN_ODDS))
                    slow := or(slow, iszero(lt(sub(payout, 1), ACCOUNT_BALANCE_MASK)))
                    slow := or(slow, lt(odds, mload(add(template, TEMPLATE_MIN_ODDS))))
                }
                if slow { break }

                // -- The account; slow: PlacingSlips._checkAccount
                let slot :=
                    add(
                        mload(add(template, TEMPLATE_ACCOUNTS)),
                        mload(add(template, TEMPLATE_ACCOUNT))
                    )
                let account := sload(slot)
                // Zero, or huge, if the nonce is not above the highest used. As Accounts.isTooFar
                // says, it must not push an unused nonce out of the window.
                let ahead :=
                    sub(
                        mload(add(template, TEMPLATE_NONCE)),
                        and(shr(ACCOUNT_NONCE_SHIFT, account), ACCOUNT_NONCE_MASK)
                    )
                slow := iszero(lt(sub(ahead, 1), MAX_NONCE_STEP))
                slow := or(
                    slow,
                    shr(
                        sub(MAX_NONCE_STEP, ahead),
                        xor(
                            and(shr(ACCOUNT_NONCES_SHIFT, account), ACCOUNT_NONCES_MASK),
                            ACCOUNT_NONCES_MASK
                        )
                    )
                )
                // An account that does not exist has no balance.
                slow := or(
                    slow,
                    lt(and(account, ACCOUNT_BALANCE_MASK), mload(add(template, TEMPLATE_STAKE)))
                )
                slow := or(slow, and(account, ACCOUNT_RESTRICTED_BITS))
                if slow { break }

                // -- The signature; slow: PlacingSlips._isSigned, Signatures.recover
                // Template [0x102,0x122), then [0x140,0x160)
                mstore(add(template, TEMPLATE_SLIP_HASH), keccak256(template, TEMPLATE_SLIP_SIZE))
                mstore(
                    add(template, TEMPLATE_DIGEST),
                    keccak256(add(template, TEMPLATE_SIGNED), TEMPLATE_SIGNED_SIZE)
                )
                // Template [0x180,0x1c0): r and vs
                calldatacopy(add(template, TEMPLATE_R), add(at, SLIP_SIGNATURE_AT), SIGNATURE_SIZE)
                {
                    // Template [0x160,0x180): v, from the parity in the highest bit of vs; then
                    // [0x1a0,0x1c0): s
                    let vs := mload(add(template, TEMPLATE_S))
                    mstore(
                        add(template, TEMPLATE_V),
                        add(shr(SIGNATURE_PARITY_SHIFT, vs), SIGNATURE_V)
                    )
                    vs := and(vs, SIGNATURE_S_MASK)
                    if gt(vs, SIGNATURE_HALF_ORDER) { break }
                    mstore(add(template, TEMPLATE_S), vs)
                }
                // [0x00,0x20), scratch space: ecrecover returns nothing if it fails
                mstore(0, 0)
                pop(staticcall(gas(), ECRECOVER, add(template, TEMPLATE_DIGEST), 128, 0, 32))
                if xor(mload(0), shr(ACCOUNT_OWNER_SHIFT, account)) { break }

                // -- What the market locks; slow: Markets.exposureOf, Markets.locked
                let outcome := byte(SINGLE_OUTCOME_AT, calldataload(at))
                let exposure :=
                    add(
                        mload(add(entry, MARKET_ENTRY_EXPOSURE)),
                        or(
                            shl(
                                shl(EXPOSURE_FIELD_LOG2, outcome),
                                mload(add(template, TEMPLATE_PAYOUT))
                            ),
                            shl(EXPOSURE_STAKES_SHIFT, mload(add(template, TEMPLATE_STAKE)))
                        )
                    )
                let locks := shl(PAYOUTS_0_UP, exposure)
                {
                    // Payouts are compared in the highest 64 bits; the bits below only break ties.
                    let owed := shl(PAYOUTS_1_UP, exposure)
                    if gt(owed, locks) { locks := owed }
                    owed := shl(PAYOUTS_2_UP, exposure)
                    if gt(owed, locks) { locks := owed }
                    locks := shr(FIELD_DOWN, locks)
                    if mload(add(entry, PLACING_MARKET_MODE)) {
                        owed := shl(PAYOUTS_0_UP, exposure)
                        let sum := shr(FIELD_DOWN, owed)
                        let other := shl(PAYOUTS_1_UP, exposure)
                        sum := add(sum, shr(FIELD_DOWN, other))
                        if lt(other, owed) { owed := other }
                        other := shl(PAYOUTS_2_UP, exposure)
                        locks := add(sum, shr(FIELD_DOWN, other))
                        if lt(other, owed) { owed := other }
                        if eq(mload(add(entry, PLACING_MARKET_MODE)), MODE_PAIRED) {
                            locks := sub(locks, shr(FIELD_DOWN, owed))
                        }
                    }
                    owed := shr(EXPOSURE_STAKES_SHIFT, exposure)
                    if lt(locks, owed) { locks := owed }
                    locks := sub(locks, owed)
                }

                // -- Capacity and caps; slow: PlacingSlips._placeSlip, Fixtures.replaceInSum
                {
                    let before := mload(add(entry, PLACING_MARKET_LOCKED))
                    let locked := sub(add(mload(add(state, PLACING_STATE_LOCKED)), locks), before)
                    let fixture := mload(add(entry, PLACING_MARKET_FIXTURE))
                    let lockedOfFixture := add(mload(add(fixture, FIXTURE_ENTRY_LOCKED)), locks)
                    if lt(lockedOfFixture, before) { lockedOfFixture := before }
                    lockedOfFixture := sub(lockedOfFixture, before)
                    slow := gt(locked, mload(add(state, PLACING_STATE_CAPACITY)))
                    slow := or(slow, gt(locks, mload(add(state, PLACING_STATE_MARKET_CAP))))
                    slow := or(
                        slow,
                        gt(lockedOfFixture, mload(add(state, PLACING_STATE_FIXTURE_CAP)))
                    )
                    if slow { break }
                    // State [0x200,0x220), and the fixture's entry [0x40,0x60)
                    mstore(add(state, PLACING_STATE_LOCKED), locked)
                    mstore(add(fixture, FIXTURE_ENTRY_LOCKED), lockedOfFixture)
                }
                // Entry [0x020,0x060)
                mstore(add(entry, PLACING_MARKET_LOCKED), locks)
                mstore(add(entry, MARKET_ENTRY_EXPOSURE), exposure)

                // -- Nonce and stake; slow: Accounts.useNonce, Accounts.debit
                {
                    // The highest nonce used so far becomes a bit of the window, which moves up by
                    // `ahead`; only its lowest eight bits are kept.
                    let window :=
                        and(
                            shl(sub(ahead, 1), or(shr(ACCOUNT_NONCES_SHIFT, account), 1)),
                            ACCOUNT_WINDOW_MASK
                        )
                    let nonce := mload(add(template, TEMPLATE_NONCE))
                    account := and(account, not(ACCOUNT_NONCE_AND_WINDOW_BITS))
                    account := or(
                        account,
                        or(shl(ACCOUNT_NONCE_SHIFT, nonce), shl(ACCOUNT_WINDOW_SHIFT, window))
                    )
                    sstore(slot, sub(account, mload(add(template, TEMPLATE_STAKE))))
                }

                // -- Leaf and record; slow: Placing._appendBet, Records.leafHash
                // Template [0x1c0,0x1e0), its bytes [0x1db,0x1e0), then [0x1e0,0x1f2)
                mstore(add(template, TEMPLATE_LEAF), mload(add(entry, MARKET_ENTRY_ID)))
                calldatacopy(
                    add(template, TEMPLATE_LEAF_CHOICE_AT),
                    add(at, SINGLE_OUTCOME_AT),
                    LEG_CHOICE_SIZE
                )
                calldatacopy(add(template, TEMPLATE_LEAF_RECORD_AT), at, RECORD_HEAD_SIZE)
                // [leaf,leaf+0x20)
                mstore(leaf, keccak256(add(template, TEMPLATE_LEAF), SINGLE_LEAF_SIZE))
                leaf := add(leaf, 32)
                // [out,out+0x18)
                calldatacopy(out, at, SINGLE_SIZE)
                out := add(out, SINGLE_SIZE)
                at := add(at, SLIP_SIZE)
                slipsLeft := sub(slipsLeft, 1)
            }
            // State [0x2e0,0x360)
            mstore(add(state, PLACING_STATE_SLIP_AT), at)
            mstore(add(state, PLACING_STATE_LEAF_AT), leaf)
            mstore(add(state, PLACING_STATE_EVENT_AT), out)
            mstore(add(state, PLACING_STATE_SLIPS_LEFT), slipsLeft)
        }
    }
}
