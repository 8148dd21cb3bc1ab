// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Slips} from "./Slips.sol";
import {Log, vm} from "./Vm.sol";

/// @title Ends
/// @notice Ends bets: settles runs of them, and cashes them out.
abstract contract Ends is Slips {
    /// @dev Consecutive bets: `at` is the batch's place in `batches_`.
    struct Part {
        uint256 at;
        uint256 first;
        uint256 count;
    }

    // -- Settling

    function _anyRuns(uint256 seed, uint256 count) internal view returns (Part[] memory parts) {
        parts = new Part[](count);
        for (uint256 i; i < count; ++i) {
            uint256 own = uint256(keccak256(abi.encode(seed, i)));
            uint256 at = own % batches_.length;
            if (open_.length != 0 && (own >> 200) % 4 != 0) {
                Place memory place = _anyDecided(own);
                at = place.at;
                // Half of the time alone, so that others on its market stay open.
                if ((own >> 208) % 2 == 0) {
                    parts[i] = Part(at, place.bet, 1);
                    continue;
                }
            }
            uint256 width = batches_[at].records.length;
            uint256 first = (own >> 64) % 3 == 0 ? (own >> 72) % width : 0;
            uint256 size =
                (own >> 128) % 3 == 0 ? 1 + (own >> 136) % (width - first) : width - first;
            parts[i] = Part(at, first, size);
        }
    }

    /// @dev Rather a bet that can be settled.
    function _anyDecided(uint256 seed) private view returns (Place memory place) {
        for (uint256 i; i < 16; ++i) {
            place = open_[_mix(seed, i) % open_.length];
            (bool decided,) = _worth(bets_[place.batch][place.bet]);
            if (decided) break;
        }
    }

    /// @dev Settles the runs in one call. What they pay is computed before, and the bets must be
    /// exactly those that are decided.
    /// @return settled Whether any bet was.
    function _settle(Part[] memory parts) internal returns (bool settled) {
        ISportsbook.Run[] memory runs = new ISportsbook.Run[](parts.length);
        uint256[] memory bits = new uint256[](parts.length);
        bytes[] memory payouts = new bytes[](parts.length);
        for (uint256 i; i < parts.length; ++i) {
            Batch storage batch = batches_[parts[i].at];
            (uint256 first, uint256 count) = (parts[i].first, parts[i].count);
            (bits[i], payouts[i]) = _payDue(batch.id, first, count);
            if (bits[i] != 0) settled = true;
            runs[i] = ISportsbook.Run(
                batch.id,
                first,
                batch.markets,
                _join(batch.records, first, count),
                _proof(batch.markets, batch.records, first, count)
            );
        }
        vm.recordLogs();
        try BOOK.settle(runs) {
            _checkSettled(parts, bits, payouts);
            _countHalves();
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.NothingToSettle.selector, "settling failed");
            require(!settled, "a decided bet was left");
        }
    }

    /// @dev Bits of the bets that can be settled now, and what they are paid, as the event has both.
    function _payDue(uint256 id, uint256 first, uint256 count)
        private
        returns (uint256 bits, bytes memory payouts)
    {
        for (uint256 i = first; i < first + count; ++i) {
            Bet memory bet = bets_[id][i];
            if (bet.isSettled) continue;
            (bool decided, uint256 amount) = _worth(bet);
            if (!decided) continue;
            if (bet.count > 1 && _isUndecided(bet)) _done("accumulator settled by its lost leg");
            bits |= 1 << i;
            if (amount != 0) payouts = abi.encodePacked(payouts, uint8(i), uint64(amount));
            balances[bet.bettor] += amount;
            require(amount <= pool, "the pool cannot pay a bet");
            pool -= amount;
            (uint256 match_, uint256 market,,) = _leg(bet.legs, 0);
            if (bet.count == 1 && _mode(market) != Mode.Gross) isMarked_[match_][market] = true;
            _endBet(id, i);
        }
    }

    /// @dev Counts that a market is marked in halves and still has open bets.
    function _countHalves() private {
        for (uint256 i; i < open_.length; ++i) {
            Bet memory bet = bets_[open_[i].batch][open_[i].bet];
            (uint256 match_, uint256 market,,) = _leg(bet.legs, 0);
            if (bet.count > 1 || !isMarked_[match_][market]) continue;
            (uint256 win, uint256 refund,) = _fate(match_, market, 0, bet.acceptedAt);
            if (win == 1) return _done("market half won settled in part");
            if (refund == 1) return _done("market half lost settled in part");
        }
    }

    /// @dev Whether a leg of the bet is not decided yet.
    function _isUndecided(Bet memory bet) private view returns (bool) {
        for (uint256 i; i < bet.count; ++i) {
            (uint256 match_, uint256 market, uint256 outcome,) = _leg(bet.legs, i);
            (,, uint256 parts) = _fate(match_, market, outcome, bet.acceptedAt);
            if (parts == 0) return true;
        }
        return false;
    }

    function _checkSettled(Part[] memory parts, uint256[] memory bits, bytes[] memory payouts)
        private
    {
        Log[] memory logs = vm.getRecordedLogs();
        uint256 at;
        for (uint256 i; i < parts.length; ++i) {
            if (bits[i] == 0) continue;
            require(at < logs.length, "a run settled nothing");
            require(
                uint256(logs[at].topics[1]) == batches_[parts[i].at].id, "another batch was settled"
            );
            (uint256 settled, bytes memory paid) = abi.decode(logs[at++].data, (uint256, bytes));
            require(settled == bits[i], "other bets were settled than are decided");
            require(keccak256(paid) == keccak256(payouts[i]), "other payouts than are due");
        }
        require(at == logs.length, "a run settled what is not decided");
    }

    // -- Cashing out

    /// @dev A run of one bet, with only the markets that it is on.
    function _runOf(Place memory place) internal view returns (ISportsbook.Run memory run) {
        Batch storage batch = batches_[place.at];
        (run.markets, run.records) = _cutOut(batch.markets, batch.records[place.bet]);
        (run.batch, run.first) = (place.batch, place.bet);
        run.proof = _proof(batch.markets, batch.records, place.bet, 1);
    }

    /// @return reason 0 if it was done.
    function _tryCashOut(
        Place memory place,
        Bet memory bet,
        ISportsbook.CashOut memory offer,
        uint256 key
    ) internal returns (bytes4 reason) {
        bytes32 hash = _cashOutHash(uint32(bet.bettor) + 1, place.batch, place.bet, offer);
        Signature memory own = _sign(BETTOR_KEY + bet.bettor, hash);
        Signature memory house = _sign(houseKeys_[key].secret, hash);
        try BOOK.cashOut(_runOf(place), offer, house, abi.encodePacked(own.r, own.vs)) {}
        catch (bytes memory why) {
            reason = bytes4(why);
        }
    }

    /// @dev A price that knew all that had happened, within the key's budget, that leaves what receipts
    /// may need.
    function _checkCashedOut(
        Bet memory bet,
        ISportsbook.CashOut memory offer,
        uint256 key,
        uint256 freeBefore
    ) internal {
        require(_isActive(key), "a cash-out that nobody offered");
        uint256 most = _most(offer.stake, bet.count, bet.legs);
        require(offer.price <= most, "a cash-out above what the bet could win");
        require(block.timestamp >= bet.acceptedAt + CASH_OUT_AGE, "cashed out too early");
        require(!_isOutdated(bet, offer.offeredAt), "a price that did not know what happened");
        uint256 reserve = BOOK.limits().receiptReserve;
        if (freeBefore < reserve) reserve = freeBefore;
        require(BOOK.houseFree() >= reserve, "a cash-out touched the reserve");
        _spend(key, offer.price + _raisedWithout(bet, offer.stake));
    }

    /// @dev Exactly for its reason.
    function _checkRefused(
        bytes4 reason,
        Bet memory bet,
        ISportsbook.CashOut memory offer,
        uint256 key
    ) internal view {
        bytes4 wanted;
        if (block.timestamp < bet.acceptedAt + CASH_OUT_AGE) {
            wanted = ISportsbook.CashOutTooEarly.selector;
        } else if (_isOutdated(bet, offer.offeredAt)) {
            wanted = ISportsbook.CashOutOutdated.selector;
        } else if (offer.price > _most(offer.stake, bet.count, bet.legs)) {
            wanted = ISportsbook.CashOutTooHigh.selector;
        } else if (!_isActive(key)) {
            wanted = ISportsbook.CashOutUnsigned.selector;
        } else if (offer.price + _raisedWithout(bet, offer.stake) > _left(houseKeys_[key])) {
            wanted = ISportsbook.BudgetExceeded.selector;
        }
        require(reason == wanted, "a cash-out was refused for another reason");
    }

    /// @dev Whether a match started, a result became final, or want of one made a leg void since the
    /// offer; and whether a result is all that a single's price could be made for.
    function _isOutdated(Bet memory bet, uint256 offeredAt) internal view returns (bool) {
        for (uint256 i; i < bet.count; ++i) {
            (uint256 match_,,,) = _leg(bet.legs, i);
            Match storage game = matches_[match_];
            if (offeredAt < game.startsAt && block.timestamp >= game.startsAt) return true;
            uint256 voidFrom = game.startsAt + VOID_AFTER + 1;
            bool counts = game.status != 0 && game.publishedAt < voidFrom;
            if (counts
                    ? offeredAt < game.finalAt
                    : offeredAt < voidFrom && block.timestamp >= voidFrom) {
                return true;
            }
            if (bet.count == 1 && (game.status != 0 || block.timestamp >= voidFrom)) return true;
        }
        return false;
    }

    /// @dev What is left of the stake goes on as a batch of its own.
    function _end(Place memory place, Bet memory bet, ISportsbook.CashOut memory offer) internal {
        balances[bet.bettor] += offer.price;
        pool -= offer.price;
        _endBet(place.batch, place.bet);
        uint64 rest = bet.stake - offer.stake;
        if (rest == 0) return;
        Batch storage batch = batches_[place.at];
        (bytes memory markets, bytes memory record) =
            _cutOut(batch.markets, batch.records[place.bet]);
        (,,,, uint32 id) = BOOK.book();
        bet.stake = rest;
        Batch storage next = batches_.push();
        (next.id, next.markets) = (id, markets);
        _addBet(id, 0, bet);
        next.records
            .push(abi.encodePacked(_cut(record, 0, 7), rest, _cut(record, 15, record.length - 15)));
    }

    /// @dev One bet with only the markets that it is on.
    function _cutOut(bytes memory markets, bytes memory record)
        private
        pure
        returns (bytes memory own, bytes memory moved)
    {
        own = _cut(markets, 0, 5);
        moved = _cut(record, 0, record.length);
        for (uint256 i; i < uint8(record[17]); ++i) {
            uint256 at = 18 + 6 * i;
            own = abi.encodePacked(own, _cut(markets, 5 + 26 * uint256(uint8(record[at])), 26));
            moved[at] = bytes1(uint8(i));
        }
    }
}
