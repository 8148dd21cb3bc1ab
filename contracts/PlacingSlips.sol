// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Accounts} from "./libraries/Accounts.sol";
import {BatchLayout, TAIL_SIZE} from "./libraries/BatchLayout.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {FixtureEntries, FixtureEntry} from "./libraries/FixtureEntries.sol";
import {Fixtures} from "./libraries/Fixtures.sol";
import {Restriction} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";
import {PlacingMarket, PlacingMarkets} from "./libraries/PlacingMarkets.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {MAX_LEGS, MIN_ODDS, ODDS_ONE} from "./libraries/Protocol.sol";
import {RECORD_HEAD_SIZE, RECORD_LEG_SIZE, Records} from "./libraries/Records.sol";
import {Restrictions} from "./libraries/Restrictions.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Skips} from "./libraries/Skips.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {PlacingTable} from "./PlacingTable.sol";

/// @title PlacingSlips
/// @notice The slow path of placing: checks one slip, of whatever kind, debits its stake and adds
/// to what the bankroll locks; or says why the slip is left out, with nothing changed.
/// @dev A part of `Sportsbook`. `PlacingFastPath` places most slips before they come here.
abstract contract PlacingSlips is PlacingTable {
    using SlipTemplate for PlacingState;

    /// @dev Checks the slip, then changes the account and the running sums. Writes the bet's leg
    /// words to `state.legWords`. `PlacingFastPath.place` decides the same of a plain slip.
    /// @param at Position of the slip.
    /// @param head The word there.
    /// @param legs Number of its legs.
    /// @return skip Why the slip is left out, or NONE.
    /// @return next Position of the next slip.
    function _placeSlip(PlacingState memory state, uint256 at, uint256 head, uint256 legs)
        internal
        returns (uint256 skip, uint256 next)
    {
        unchecked {
            uint256 tailAt = at + RECORD_HEAD_SIZE + RECORD_LEG_SIZE * legs;
            uint256 tail = Calldata.word(tailAt);
            next = tailAt + TAIL_SIZE;
            if (state.bettor == address(0)) {
                uint256 length = BatchLayout.signatureLength(tail);
                next += length == 0 ? BatchLayout.KEY_SIGNATURE_SIZE : length;
            }

            // Check
            uint256 stake = Records.stake(head);
            uint256 payout;
            (skip, payout) = _checkTerms(state, at, head, tail, legs, stake);
            if (skip != Skips.NONE) return (skip, next);

            Account account;
            (skip, account) = _checkAccount(state, head, stake);
            if (skip != Skips.NONE) return (skip, next);

            if (legs != 1) {
                uint256 risk = payout - stake;
                if (state.locked + risk > state.capacity) return (Skips.EXPOSURE_EXCEEDED, next);
                if (risk > state.marketCap || state.accumulators + risk > state.accumulatorCap) {
                    return (Skips.CAP_EXCEEDED, next);
                }
                if (!_isSigned(state, account, head, tail, tailAt, legs)) {
                    return (Skips.SIGNATURE_INVALID, next);
                }

                // Effect
                state.locked += risk;
                state.accumulators += risk;
                state.stakes += stake;
            } else {
                uint256 leg = Calldata.word(at + RECORD_HEAD_SIZE);
                PlacingMarket entry = PlacingMarkets.at(state.markets, Records.legMarket(leg));
                uint256 exposure =
                    entry.exposure() + Markets.exposureOf(Records.legOutcome(leg), payout, stake);
                uint256 before = entry.locked();
                uint256 after_ = Markets.locked(entry.mode(), exposure);
                uint256 locked = state.locked + after_ - before;
                if (locked > state.capacity) return (Skips.EXPOSURE_EXCEEDED, next);
                FixtureEntry fixture = entry.fixture();
                uint256 lockedOfFixture = Fixtures.replaceInSum(fixture.locked(), before, after_);
                if (after_ > state.marketCap || lockedOfFixture > state.fixtureCap) {
                    return (Skips.CAP_EXCEEDED, next);
                }
                if (!_isSigned(state, account, head, tail, tailAt, 1)) {
                    return (Skips.SIGNATURE_INVALID, next);
                }

                // Effect
                entry.setExposure(exposure);
                entry.setLocked(after_);
                fixture.setLocked(lockedOfFixture);
                state.locked = locked;
            }
            state.setPayout(payout);
            ledger_.accounts[Records.account(head)] = account.debit(stake);
        }
    }

    /// @dev Checks times, stake, legs and odds, as `PlacingFastPath.place` does in its blocks on
    /// the leg, times and odds. Writes the leg words, and the leg hashes for the signature.
    /// @return skip Why the slip is left out, or NONE.
    /// @return payout What the bet pays if every leg wins.
    function _checkTerms(
        PlacingState memory state,
        uint256 at,
        uint256 head,
        uint256 tail,
        uint256 legs,
        uint256 stake
    ) private view returns (uint256 skip, uint256 payout) {
        unchecked {
            uint256 acceptedAt = state.base + Records.acceptedAfter(head);
            if (acceptedAt > block.timestamp || acceptedAt < state.earliestAcceptance) {
                return (Skips.ACCEPTANCE_OUTSIDE_WINDOW, 0);
            }
            if (Records.acceptedAfter(head) > BatchLayout.deadlineAfter(tail)) {
                return (Skips.SLIP_EXPIRED, 0);
            }
            if (stake - 1 >= Accounts.MAX_BALANCE) return (Skips.STAKE_INVALID, 0);
            if (legs - 1 >= MAX_LEGS) return (Skips.LEGS_INVALID, 0);

            // Product of the odds, and the factors ODDS_ONE by which it is too large.
            uint256 product = 1;
            uint256 scale = 1;
            // A bit for each fixture of the legs before: there are fewer than 256 in a table.
            uint256 fixtures;
            uint256 hashAt = state.legHashes;
            uint256 wordAt = state.legWords;
            at += RECORD_HEAD_SIZE;
            for (uint256 end = at + RECORD_LEG_SIZE * legs; at < end; at += RECORD_LEG_SIZE) {
                uint256 leg = Calldata.word(at);
                uint256 index = Records.legMarket(leg);
                if (index >= state.marketCount) return (Skips.MARKET_UNKNOWN, 0);
                PlacingMarket entry = PlacingMarkets.at(state.markets, index);
                uint256 outcome = Records.legOutcome(leg);
                if (outcome >= entry.outcomes()) return (Skips.MARKET_UNKNOWN, 0);
                if (acceptedAt >= entry.closesAt()) return (Skips.MARKET_CLOSED, 0);
                // Legs of one fixture depend on each other: their odds must not be multiplied.
                uint256 fixture = 1 << FixtureEntries.indexOf(state.fixtures, entry.fixture());
                if (fixtures & fixture != 0) return (Skips.LEGS_INVALID, 0);
                fixtures |= fixture;
                uint256 odds = Records.legOdds(leg);
                if (odds < MIN_ODDS) return (Skips.ODDS_INVALID, 0);
                // stake x product < MAX_BALANCE x ODDS_ONE^12 x 2^32 < 2^256: larger payouts
                // return here.
                product *= odds;
                scale *= ODDS_ONE;
                payout = stake * product / scale;
                if (payout > Accounts.MAX_BALANCE) return (Skips.PAYOUT_TOO_LARGE, 0);

                uint256 hash = outcome < 3 ? entry.legHash(outcome) : 0;
                if (hash == 0) hash = _legHash(state, entry, outcome);
                uint256 word = Records.legWord(entry.market(), leg);
                assembly ("memory-safe") {
                    // [hashAt,hashAt+0x20)
                    mstore(hashAt, hash)
                    // [wordAt,wordAt+0x20)
                    mstore(wordAt, word)
                }
                hashAt += 32;
                wordAt += 32;
            }
            if (product * ODDS_ONE < BatchLayout.minOdds(tail) * scale) {
                return (Skips.ODDS_BELOW_MINIMUM, 0);
            }
        }
    }

    /// @dev The struct hash of a leg, kept for outcomes 0 to 2.
    function _legHash(PlacingState memory state, PlacingMarket entry, uint256 outcome)
        private
        pure
        returns (uint256 hash)
    {
        TypedData.writeLeg(entry.fixture().name(), entry.market(), state.legBuffer);
        hash = uint256(TypedData.legHash(entry.market(), outcome, state.legBuffer));
        if (outcome < 3) entry.setLegHash(outcome, hash);
    }

    /// @dev Checks account, nonce and balance, as `PlacingFastPath.place` does in its block on the
    /// account.
    /// @return skip Why the slip is left out, or NONE.
    /// @return account The account with the nonce used.
    function _checkAccount(PlacingState memory state, uint256 head, uint256 stake)
        private
        view
        returns (uint256 skip, Account account)
    {
        uint256 number = Records.account(head);
        uint256 nonce = Records.nonce(head);
        account = ledger_.accounts[number];
        if (account.owner() == address(0)) return (Skips.ACCOUNT_UNKNOWN, account);
        if (account.isRestricted()) {
            Restriction memory held = ledger_.restrictions[number];
            uint256 acceptedAt = state.base + Records.acceptedAfter(head);
            if (Restrictions.isExcluded(held, acceptedAt)) return (Skips.EXCLUDED, account);
            if (Restrictions.isCancelled(held, nonce, acceptedAt)) {
                return (Skips.NONCE_CANCELLED, account);
            }
            account = Restrictions.lift(account, held, RECEIPT_WINDOW);
        }
        if (state.replaced != Records.slipId(head)) {
            if (account.isUsed(nonce)) return (Skips.NONCE_USED, account);
            if (account.isTooFar(nonce)) return (Skips.NONCE_TOO_FAR, account);
            account = account.useNonce(nonce);
        } else if (
            // The nonce of a bet that the slip replaces is used already, so a cancellation counts
            // also when it is lifted.
            Restrictions.isCancelled(
                ledger_.restrictions[number], nonce, state.base + Records.acceptedAfter(head)
            )
        ) {
            return (Skips.NONCE_CANCELLED, account);
        }
        if (account.balance() < stake) return (Skips.BALANCE_INSUFFICIENT, account);
    }

    /// @dev Whether the bettor signed the slip, as `PlacingFastPath.place` finds in its block on
    /// the signature. Keeps the hash over the legs in the state, and the slip's in the template.
    function _isSigned(
        PlacingState memory state,
        Account account,
        uint256 head,
        uint256 tail,
        uint256 tailAt,
        uint256 legs
    ) private view returns (bool) {
        unchecked {
            uint256 hashes = state.legHashes;
            bytes32 legsHash;
            assembly ("memory-safe") {
                legsHash := keccak256(hashes, shl(5, legs))
            }
            state.legsHash = legsHash;
            if (state.bettor != address(0)) return state.bettor == account.owner();
            bytes32 slipHash = TypedData.slipHash(
                head,
                BatchLayout.minOdds(tail),
                state.base + BatchLayout.deadlineAfter(tail),
                legsHash
            );
            return Signatures.isValid(
                account.owner(),
                state.digestOf(slipHash),
                tailAt + TAIL_SIZE,
                BatchLayout.signatureLength(tail)
            );
        }
    }
}
