// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Shadow} from "./Shadow.sol";
import {Log, vm} from "./Vm.sol";

/// @title Handler
/// @notice What anybody may do to the house, in any order and with any numbers, and a shadow of what
/// it must come to. Nothing here may revert: what does not fit is made to fit, or left out.
contract Handler is Shadow {
    uint256[BETTORS] private keys_ = [uint256(0xB0), 0xB1, 0xB2, 0xB3];
    uint24[BETTORS] private nonces_;
    uint256[BETTORS] private unlocksAt_;

    bytes private lastBatch_;

    /// @notice How often something was asked for, and how often it was done.
    uint256 public asked;
    uint256 public done;

    modifier counted() {
        ++asked;
        _;
    }

    constructor() {
        pool = BANKROLL;
        for (uint256 i; i < BETTORS; ++i) {
            BOOK.depositFor(vm.addr(keys_[i]), uint64(100 * UNIT));
            balances[i] = 100 * UNIT;
        }
        _schedule();
    }

    // -- Money

    function deposit(uint256 who, uint64 amount) external counted {
        who %= BETTORS;
        amount = uint64(1 + amount % (50 * UNIT));
        BOOK.depositFor(vm.addr(keys_[who]), amount);
        balances[who] += amount;
        ++done;
    }

    function requestExit(uint256 who, uint64 amount) external counted {
        who %= BETTORS;
        vm.prank(vm.addr(keys_[who]));
        BOOK.requestExit(uint64(1 + amount % (300 * UNIT)));
        unlocksAt_[who] = block.timestamp + EXIT_DELAY;
        ++done;
    }

    /// @dev Nothing may stop it, once its time has come.
    function exit(uint256 who) external counted {
        who %= BETTORS;
        if (unlocksAt_[who] == 0) return;
        if (block.timestamp < unlocksAt_[who]) vm.warp(unlocksAt_[who]);
        (uint64 requested,) = BOOK.exitOf(uint32(who + 1));
        vm.prank(vm.addr(keys_[who]));
        uint256 amount = BOOK.exit();
        uint256 due = requested < balances[who] ? requested : balances[who];
        require(amount == due, "an exit paid another amount");
        balances[who] -= amount;
        unlocksAt_[who] = 0;
        ++done;
    }

    function provide(uint64 amount) external counted {
        amount = uint64(1 + amount % (300 * UNIT));
        BANK.deposit(amount, address(this));
        pool += amount;
        ++done;
    }

    function takeBack(uint8 share) external counted {
        uint256 free = BANK.maxWithdraw(address(this)) * (uint256(share) + 1) / 512;
        if (free == 0) return;
        BANK.withdraw(free, address(this), address(this));
        pool -= free;
        ++done;
    }

    // -- Bets

    /// @dev A batch of up to four slips of one or two legs; one in sixteen is forged.
    function place(uint256 seed) external counted {
        uint256 first = matches_.length - MATCHES;
        if (block.timestamp + 1 >= matches_[first].startsAt) _schedule();
        first = matches_.length - MATCHES;
        uint256 count = 1 + seed % 4;
        bytes memory slips;
        for (uint256 i; i < count; ++i) {
            slips = abi.encodePacked(slips, _slip(uint256(keccak256(abi.encode(seed, i))), first));
        }
        lastBatch_ = abi.encodePacked(_table(first), uint16(count), slips);
        _read(lastBatch_);
    }

    /// @dev The same bytes once more: a slip that was refused may be taken now, one that was taken
    /// never again.
    function replay() external counted {
        if (lastBatch_.length != 0) _read(lastBatch_);
    }

    function cashOut(uint256 seed, uint8 share, uint8 price) external counted {
        if (batches_.length == 0) return;
        Batch storage batch = batches_[seed % batches_.length];
        uint256 number = (seed >> 64) % batch.records.length;
        Bet storage bet = bets_[batch.id][number];
        if (bet.isSettled) return;
        ISportsbook.CashOut memory offer;
        offer.stake = uint64(1 + (uint256(bet.stake) - 1) * share / 255);
        offer.price = uint64(uint256(offer.stake) * price / 255);
        offer.deadline = type(uint40).max;
        if (_tryCashOut(batch, number, bet.bettor, offer)) _end(batch, number, offer);
    }

    // -- The course of things

    function publish(uint8 home, uint8 away, uint8 status) external counted {
        for (uint256 i; i < matches_.length; ++i) {
            Match storage game = matches_[i];
            if (game.finalAt != 0) continue;
            if (block.timestamp < game.startsAt + 7_200) vm.warp(game.startsAt + 7_200);
            (game.home, game.away, game.isVoid) = (home % 5, away % 5, status % 8 == 0);
            uint256[] memory results = new uint256[](1);
            results[0] = (uint256(uint128(bytes16(game.name))) << 128)
                | (uint256(game.isVoid ? 2 : 1) << 120) | (uint256(game.home) << 96)
                | (uint256(game.away) << 88) | (uint256(game.startsAt + 7_000) << 48);
            RESULTS.publish(results, _signResult(results[0]));
            game.finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
            // A result that comes too late finds its bets void.
            if (block.timestamp > game.startsAt + 7 days) game.isVoid = true;
            ++done;
            return;
        }
    }

    function pass(uint16 time) external counted {
        vm.warp(block.timestamp + time % 4_000);
        ++done;
    }

    /// @dev Any run of any batch, decided or not, settled before or not.
    function settle(uint256 seed) external counted {
        if (batches_.length == 0) return;
        uint256 at = seed % batches_.length;
        uint256 width = batches_[at].records.length;
        uint256 first = (seed >> 64) % width;
        _settle(at, first, 1 + (seed >> 128) % (width - first));
    }

    /// @notice Everything ends: no stake is stuck, and everybody can go with all that is theirs.
    function end() external {
        vm.warp(block.timestamp + 30 days);
        for (uint256 i; i < batches_.length; ++i) {
            _settle(i, 0, batches_[i].records.length);
        }
        require(openStakes == 0, "a stake is stuck");
        (, uint64 open, uint64 locked,,) = BOOK.book();
        require(open == 0 && locked == 0, "the book locks what no bet needs");
        for (uint256 i; i < BETTORS; ++i) {
            if (balances[i] == 0) continue;
            vm.prank(vm.addr(keys_[i]));
            BOOK.requestExit(type(uint56).max);
        }
        vm.warp(block.timestamp + EXIT_DELAY);
        for (uint256 i; i < BETTORS; ++i) {
            if (balances[i] == 0) continue;
            vm.prank(vm.addr(keys_[i]));
            require(BOOK.exit() == balances[i], "a bettor could not go with everything");
            balances[i] = 0;
        }
        check();
    }

    // -- Placing

    function _schedule() private {
        for (uint256 i; i < MATCHES; ++i) {
            Match storage game = matches_.push();
            game.name = keccak256(abi.encode("match", matches_.length));
            game.startsAt = uint40(block.timestamp + 3_600 + 600 * i);
        }
    }

    /// @dev The last matches in ascending order of their ids, each with its markets.
    function _table(uint256 first) private view returns (bytes memory table) {
        bytes memory fixtures;
        bytes memory markets;
        for (uint256 rank; rank < MATCHES; ++rank) {
            Match storage game = matches_[_ranked(first, rank)];
            fixtures = abi.encodePacked(fixtures, game.name, game.startsAt);
            for (uint256 market; market < MARKETS; ++market) {
                markets = abi.encodePacked(markets, _entry(rank, market));
            }
        }
        table = abi.encodePacked(
            uint40(block.timestamp), uint8(MATCHES), fixtures, uint8(MATCHES * MARKETS), markets
        );
    }

    /// @dev Number of the match whose id is the `rank`-th of the last ones.
    function _ranked(uint256 first, uint256 rank) private view returns (uint256) {
        for (uint256 i = first; i < first + MATCHES; ++i) {
            uint256 below;
            for (uint256 j = first; j < first + MATCHES; ++j) {
                if (matches_[j].name < matches_[i].name) ++below;
            }
            if (below == rank) return i;
        }
        revert("no such rank");
    }

    /// @dev Signs a slip and packs it as placeBatch takes it.
    function _slip(uint256 seed, uint256 first) private returns (bytes memory) {
        uint256 who = seed % BETTORS;
        uint24 nonce = ++nonces_[who];
        Bet storage bet = slips_[who][nonce];
        bet.bettor = who;
        bet.stake = uint64(1 + (seed >> 16) % (20 * UNIT));
        uint256 legs = (seed >> 8) % 3 == 0 ? 2 : 1;
        bytes32[] memory hashes = new bytes32[](legs);
        bytes memory entries;
        for (uint256 i; i < legs; ++i) {
            uint256 rank = ((seed >> 80) + i) % MATCHES;
            Leg memory leg = _leg(seed >> (96 + 64 * i), _ranked(first, rank));
            bet.legs.push(leg);
            hashes[i] = _hashOf(leg);
            entries = abi.encodePacked(
                entries, uint8(rank * MARKETS + leg.market), leg.outcome, leg.odds
            );
        }
        uint40 deadline = uint40(block.timestamp + 100);
        bytes32 hash = _slipHash(uint32(who + 1), bet.stake, nonce, deadline, hashes);
        uint256 key = (seed >> 240) % 16 == 0 ? keys_[who] + 1_000 : keys_[who];
        Signature memory signature = _sign(key, hash);
        return abi.encodePacked(
            abi.encodePacked(uint32(who + 1), nonce, bet.stake, uint16(0), uint8(legs), entries),
            abi.encodePacked(uint40(0), uint16(100), uint16(0), signature.r, signature.vs)
        );
    }

    function _leg(uint256 seed, uint256 game) private pure returns (Leg memory leg) {
        leg.game = game;
        leg.market = uint8(seed % MARKETS);
        leg.outcome = uint8((seed >> 8) % _outcomes(leg.market));
        leg.odds = uint32(10_001 + (seed >> 16) % 60_000);
    }

    /// @dev Sends a batch and reads from its event which slips became bets.
    function _read(bytes memory batch) private {
        vm.recordLogs();
        uint256 id = BOOK.placeBatch(batch);
        Log[] memory logs = vm.getRecordedLogs();
        bytes memory data = abi.decode(logs[0].data, (bytes));
        uint256 placed = _number(data, 0, 2);
        ++done;
        if (placed == 0) return;
        Batch storage kept = batches_.push();
        kept.id = id;
        uint256 at = 8 + 26 * _number(data, 2, 1);
        kept.markets = _cut(data, 3, at - 3);
        for (uint256 i; i < placed; ++i) {
            uint256 size = 18 + 6 * uint256(uint8(data[at + 17]));
            kept.records.push(_cut(data, at, size));
            Bet storage slip = slips_[_number(data, at, 4) - 1][_number(data, at + 4, 3)];
            require(slip.stake != 0, "a bet that nobody signed, or that counted before");
            bets_[id][i] = slip;
            balances[slip.bettor] -= slip.stake;
            pool += slip.stake;
            openStakes += slip.stake;
            slip.stake = 0;
            at += size;
        }
    }

    // -- Ending

    function _tryCashOut(
        Batch storage batch,
        uint256 number,
        uint256 who,
        ISportsbook.CashOut memory offer
    ) private returns (bool) {
        bytes32 hash = _cashOutHash(uint32(who + 1), batch.id, number, offer);
        Signature memory own = _sign(keys_[who], hash);
        ISportsbook.Run memory run;
        (run.markets, run.records) = _alone(batch.markets, batch.records[number]);
        (run.batch, run.first) = (batch.id, number);
        run.proof = _proof(batch.markets, batch.records, number, 1);
        try BOOK.cashOut(run, offer, _sign(HOUSE_KEY, hash), abi.encodePacked(own.r, own.vs)) {
            return true;
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.BankrollLocked.selector, "cash-out refused");
            return false;
        }
    }

    function _end(Batch storage batch, uint256 number, ISportsbook.CashOut memory offer) private {
        Bet storage bet = bets_[batch.id][number];
        balances[bet.bettor] += offer.price;
        pool -= offer.price;
        openStakes -= offer.stake;
        bet.isSettled = true;
        ++done;
        uint64 rest = bet.stake - offer.stake;
        if (rest == 0) return;
        (bytes memory markets, bytes memory record) = _alone(batch.markets, batch.records[number]);
        (,,, uint48 id,) = BOOK.book();
        bets_[id][0] = bet;
        bets_[id][0].stake = rest;
        bets_[id][0].isSettled = false;
        Batch storage next = batches_.push();
        next.id = id;
        next.markets = markets;
        next.records
            .push(abi.encodePacked(_cut(record, 0, 7), rest, _cut(record, 15, record.length - 15)));
    }

    /// @dev One bet with only the markets that it is on.
    function _alone(bytes memory markets, bytes memory record)
        private
        pure
        returns (bytes memory own, bytes memory moved)
    {
        own = _cut(markets, 0, 5);
        moved = record;
        for (uint256 i; i < uint8(record[17]); ++i) {
            uint256 at = 18 + 6 * i;
            own = abi.encodePacked(own, _cut(markets, 5 + 26 * uint256(uint8(record[at])), 26));
            moved[at] = bytes1(uint8(i));
        }
    }

    function _settle(uint256 at, uint256 first, uint256 count) private {
        Batch storage batch = batches_[at];
        (uint256 bits, uint256[] memory due) = _due(batch.id, first, count);
        ISportsbook.Run[] memory runs = new ISportsbook.Run[](1);
        runs[0].batch = batch.id;
        runs[0].first = first;
        runs[0].markets = batch.markets;
        runs[0].records = _join(batch.records, first, count);
        runs[0].proof = _proof(batch.markets, batch.records, first, count);
        vm.recordLogs();
        try BOOK.settle(runs) {
            Log[] memory logs = vm.getRecordedLogs();
            (uint256 settled, bytes memory paid) = abi.decode(logs[0].data, (uint256, bytes));
            require(settled == bits, "other bets were settled than are decided");
            _pay(batch.id, first, bits, due, paid);
            ++done;
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.NothingToSettle.selector, "settling refused");
            require(bits == 0, "a decided bet was left");
        }
    }

    /// @dev Bits of the bets that can be settled now, and what each is due, rounded down.
    function _due(uint256 id, uint256 first, uint256 count)
        private
        view
        returns (uint256 bits, uint256[] memory due)
    {
        due = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            Bet storage bet = bets_[id][first + i];
            if (bet.isSettled) continue;
            (bool decided, uint256 amount) = _worth(bet);
            if (!decided) continue;
            bits |= 1 << (first + i);
            due[i] = amount;
        }
    }

    function _pay(uint256 id, uint256 first, uint256 bits, uint256[] memory due, bytes memory paid)
        private
    {
        uint256 at;
        for (uint256 i; i < due.length; ++i) {
            if ((bits >> (first + i)) & 1 == 0) continue;
            Bet storage bet = bets_[id][first + i];
            if (due[i] != 0) {
                require(_number(paid, at, 1) == first + i, "paid another bet");
                require(_number(paid, at + 1, 8) == due[i], "paid another amount");
                at += 9;
            }
            bet.isSettled = true;
            balances[bet.bettor] += due[i];
            pool -= due[i];
            openStakes -= bet.stake;
        }
        require(at == paid.length, "paid a bet that is due nothing");
    }
}
