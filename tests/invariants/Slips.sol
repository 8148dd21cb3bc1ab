// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Packing} from "./Packing.sol";
import {Log, vm} from "./Vm.sol";

/// @title Slips
/// @notice Sends slips, and reads from the event which became bets.
abstract contract Slips is Packing {
    /// @dev How a slip comes to be placed.
    enum Road {
        Batch,
        Receipt,
        Replacement,
        Quote
    }

    // -- Sending

    /// @dev By any operator, retired or not.
    /// @return placed How many of the slips became bets.
    function _placeBatch(Slip[] memory slips, uint256 operator) internal returns (uint256 placed) {
        uint40 base = uint40(block.timestamp) - BATCH_WINDOW - 10;
        (bytes memory batch, bytes[] memory records) = _pack(slips, base, false);
        (,, uint64 before, uint64 accumulators,) = BOOK.book();
        uint256[] memory fixtures = _lockedByMatch(slips);
        bool isPaused = BOOK.placingPaused();
        vm.recordLogs();
        vm.prank(houseKeys_[operator].signer);
        try BOOK.placeBatch(batch) returns (uint256 id) {
            require(_isActive(operator) && !isPaused, "a batch of nobody");
            placed = _keep(id, slips, records, Road.Batch);
            _payForRaised(operator, _lockedByMatch(slips), fixtures, accumulators);
            _checkLimits(before, accumulators);
        } catch (bytes memory why) {
            if (bytes4(why) == ISportsbook.BudgetExceeded.selector) {
                require(slips.length > 1, "a slip alone would have been left out");
                _checkExceeded(operator, why);
                _done("batch beyond the budget");
                return 0;
            }
            bytes4 wanted = _isActive(operator)
                ? ISportsbook.PlacingIsPaused.selector
                : ISportsbook.NotOperator.selector;
            require(bytes4(why) == wanted, "a batch was refused");
            require(isPaused || !_isActive(operator), "a batch was refused for nothing");
        }
    }

    function _checkExceeded(uint256 key, bytes memory why) private view {
        assembly {
            // Its arguments, instead of the selector
            mstore(add(why, 4), sub(mload(why), 4))
            why := add(why, 4)
        }
        (uint256 left, uint256 amount) = abi.decode(why, (uint256, uint256));
        require(left == _left(houseKeys_[key]) && amount > left, "a budget that was not spent");
    }

    /// @dev Of the matches of the slips; 0 for others.
    function _lockedByMatch(Slip[] memory slips) private view returns (uint256[] memory sums) {
        sums = new uint256[](matches_.length);
        for (uint256 i; i < slips.length; ++i) {
            for (uint256 j; j < slips[i].count; ++j) {
                (uint256 match_,,,) = _leg(slips[i].legs, j);
                sums[match_] = BOOK.lockedOf(bytes16(matches_[match_].name));
            }
        }
    }

    /// @dev An operator pays for each fixture that locks more, whatever another one locks less.
    function _payForRaised(
        uint256 operator,
        uint256[] memory sums,
        uint256[] memory before,
        uint256 accumulatorsBefore
    ) private {
        (,,, uint64 accumulators,) = BOOK.book();
        uint256 raised = accumulators - accumulatorsBefore;
        for (uint256 i; i < sums.length; ++i) {
            if (sums[i] > before[i]) raised += sums[i] - before[i];
        }
        if (raised != 0) _spend(operator, raised);
    }

    /// @dev What the operator and quotes lock stays within the limits, and leaves what receipts may
    /// need.
    function _checkLimits(uint256 lockedBefore, uint256 accumulatorsBefore) private view {
        ISportsbook.Limits memory limits = BOOK.limits();
        (,, uint64 locked, uint64 accumulators,) = BOOK.book();
        if (locked > lockedBefore) {
            require(BOOK.houseFree() >= limits.receiptReserve, "the reserve was touched");
        }
        require(
            accumulators <= accumulatorsBefore || accumulators <= limits.accumulatorCap,
            "accumulators exceed their cap"
        );
    }

    /// @dev With a receipt of any key; by anybody until the first match starts, then by the owner.
    /// @return reason 0 if it was placed.
    function _enforce(Slip memory slip, uint256 key) internal returns (bytes4 reason) {
        Slip[] memory slips = _alone(slip);
        (bytes memory batch, bytes[] memory records) = _pack(slips, slip.acceptedAt, false);
        Signature memory receipt = _receipt(slip, key);
        bool hasStarted = _hasStarted(slip);
        if (hasStarted) reason = _checkOwnersAlone(batch, receipt);
        vm.recordLogs();
        if (hasStarted) vm.prank(_owner(slip.bettor));
        try BOOK.enforce(batch, receipt) returns (uint256 id) {
            require(
                !hasStarted || reason == ISportsbook.NotOwnerOf.selector, "the owner was let alone"
            );
            reason = 0;
            _checkReceipt(slip, key);
            _spend(key, _riskOf(slip));
            require(_keep(id, slips, records, Road.Receipt) == 1, "enforced, and no bet");
        } catch (bytes memory why) {
            reason = bytes4(why);
        }
    }

    /// @dev With hindsight only for the bettor.
    function _checkOwnersAlone(bytes memory batch, Signature memory receipt)
        private
        returns (bytes4 reason)
    {
        try BOOK.enforce(batch, receipt) {
            revert("another enforced a receipt after the start");
        } catch (bytes memory why) {
            reason = bytes4(why);
            if (reason == ISportsbook.NotOwnerOf.selector) _done("receipt by another refused");
        }
    }

    function _alone(Slip memory slip) internal pure returns (Slip[] memory slips) {
        slips = new Slip[](1);
        slips[0] = slip;
    }

    function _receipt(Slip memory slip, uint256 key) internal view returns (Signature memory) {
        bytes32 hash = _receiptHash(_hashOf(slip), slip.acceptedAt, _odds(slip.legs, slip.count));
        return _sign(houseKeys_[key].secret, hash);
    }

    function _checkReceipt(Slip memory slip, uint256 key) internal view {
        HouseKey memory held = houseKeys_[key];
        require(
            held.from <= slip.acceptedAt && slip.acceptedAt <= held.until,
            "a receipt of nobody counted"
        );
    }

    /// @dev A quote for one slip of one account.
    function _quoteFor(Slip memory slip) internal view returns (ISportsbook.Quote memory) {
        return
            ISportsbook.Quote(
                uint32(slip.bettor) + 1, slip.nonce, slip.stake, uint40(block.timestamp)
            );
    }

    /// @dev Uses a quote of any key.
    /// @return reason 0 if it was placed.
    function _placeQuoted(Slip memory slip, ISportsbook.Quote memory quote, uint256 key)
        internal
        returns (bytes4 reason)
    {
        Slip[] memory slips = _alone(slip);
        slip.acceptedAt = uint40(block.timestamp);
        (bytes memory batch, bytes[] memory records) = _pack(slips, uint40(block.timestamp), true);
        bytes32 hash = _quoteHash(quote, _odds(slip.legs, slip.count), _legHashes(slip));
        Signature memory house = _sign(houseKeys_[key].secret, hash);
        (,, uint64 before, uint64 accumulators,) = BOOK.book();
        vm.recordLogs();
        vm.prank(_owner(slip.bettor));
        try BOOK.placeQuoted(batch, quote, house) returns (uint256 id) {
            require(_isActive(key) && !BOOK.placingPaused(), "a quote of nobody counted");
            _spend(key, _riskOf(slip));
            require(_keep(id, slips, records, Road.Quote) == 1, "quoted, and no bet");
            _checkLimits(before, accumulators);
        } catch (bytes memory why) {
            reason = bytes4(why);
        }
    }

    // -- Reading

    /// @dev Reads the event: its records are those of the slips, in their order, without those that
    /// were left out.
    function _keep(uint256 id, Slip[] memory slips, bytes[] memory records, Road road)
        internal
        returns (uint256 placed)
    {
        Log[] memory logs = vm.getRecordedLogs();
        // The last one: a bet that is replaced ends before.
        bytes memory data = abi.decode(logs[logs.length - 1].data, (bytes));
        placed = _number(data, 0, 2);
        if (placed == 0) return 0;
        Batch storage kept = batches_.push();
        kept.id = id;
        uint256 at = 8 + 26 * _number(data, 2, 1);
        kept.markets = _cut(data, 3, at - 3);
        uint256 found;
        for (uint256 i; i < slips.length; ++i) {
            _setTerms(slips[i]);
            uint256 size = records[i].length;
            if (found == placed || at + size > data.length) continue;
            bytes memory record = _cut(data, at, size);
            if (keccak256(record) != keccak256(records[i])) continue;
            _checkPlaced(slips[i], road);
            kept.records.push(record);
            _takeStake(id, found++, slips[i]);
            at += size;
        }
        require(found == placed, "a bet that was not sent");
        require(data.length == at + 8 * (slips.length - placed), "a slip was lost");
    }

    function _takeStake(uint256 id, uint256 number, Slip memory slip) private {
        balances[slip.bettor] -= slip.stake;
        pool += slip.stake;
        _addBet(
            id,
            number,
            Bet(
                slip.bettor,
                slip.nonce,
                slip.stake,
                slip.acceptedAt,
                slip.count,
                false,
                0,
                slip.legs
            )
        );
    }

    /// @dev The council that stands when a fixture is first listed with a bet decides it.
    function _setTerms(Slip memory slip) private {
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_,,,) = _leg(slip.legs, i);
            if (matches_[match_].term == 0) matches_[match_].term = term_;
        }
    }

    /// @dev A slip counts once, as signed, in time, and not by hindsight.
    function _checkPlaced(Slip memory slip, Road road) private {
        require(!slip.isForged, "a bet that its owner did not sign");
        require(!isUsed_[slip.bettor][slip.nonce], "a nonce counted twice");
        isUsed_[slip.bettor][slip.nonce] = true;
        bool isByReceipt = road == Road.Receipt || road == Road.Replacement;
        require(!_isRuledOut(slip), "a bet that its owner had ruled out");
        require(slip.stake != 0 && slip.acceptedAt <= block.timestamp, "accepted in the future");
        if (road != Road.Quote) require(slip.acceptedAt <= slip.deadline, "a slip that was late");
        uint256 window = isByReceipt ? RECEIPT_WINDOW : BATCH_WINDOW;
        require(slip.acceptedAt + window >= block.timestamp, "accepted too long ago");
        uint256 product = 1;
        uint256 scale = 1;
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_, uint256 market,, uint256 odds) = _leg(slip.legs, i);
            (product, scale) = (product * odds, scale * ONE);
            require(odds > ONE, "odds that win nothing");
            Match storage game = matches_[match_];
            uint256 closesAt = game.startsAt + (markets_[market].inPlay ? VOID_AFTER : 0);
            require(slip.acceptedAt < closesAt, "accepted after the market's close");
            bool isKnown = game.status != 0;
            if (isByReceipt) isKnown = isKnown && slip.acceptedAt >= game.publishedAt;
            require(!isKnown, "placed on a result that was known");
            for (uint256 j; j < i; ++j) {
                (uint256 other,,,) = _leg(slip.legs, j);
                require(other != match_, "two legs of one fixture");
            }
        }
        require(product * ONE >= slip.minOdds * scale, "odds below those that were signed");
    }
}
