/** Uses the built TypeScript client as a program of a bettor would: the first argument names what it
 * tries, the settings are JSON in CLIENT_HOUSE, and each thing that it learns is a line of JSON. */

import { setTimeout as passed } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { privateKeyToAccount } from "viem/accounts";

const settings = JSON.parse(process.env.CLIENT_HOUSE);
const clients = await import(pathToFileURL(`${settings.built}/index.js`));
const { Bettor, OddsStream, Sportsbook } = clients;

const say = (what) => process.stdout.write(`${JSON.stringify(what, (_, value) => (typeof value === "bigint" ? String(value) : value))}\n`);
const connect = (more = {}) => Sportsbook.connect({ apiUrl: settings.api_url, rpcUrl: settings.rpc_url, address: settings.address, ...more });
const bettorOf = async (more) => Bettor.of(await connect(more), privateKeyToAccount(settings.key));

/** The name of what was thrown, its words, and its code. */
async function thrown(run) {
  try {
    await run();
  } catch (error) {
    return { name: error.name, message: error.message, code: error.code, hash: error.signed?.hash };
  }
  return { name: "nothing", message: "" };
}

async function bet(bettor, more = {}) {
  const [fixture] = await bettor.sportsbook.fixtures();
  const picks = [{ fixture, market: fixture.markets[0], outcome: 0 }];
  return bettor.bet({ picks, stakeMicro: BigInt(settings.stake_micro), minOddsE4: 10_001, ...more });
}

/** An API whose answers to paths that match are changed. */
const lying = (path, change) => ({
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    if (!path.test(url)) return answer;
    return Response.json({ ...(await answer.json()), ...change });
  },
});

const TRIES = {
  async bets() {
    const bettor = await bettorOf();
    const made = await Promise.all([bet(bettor), bet(bettor)]);
    const found = await Promise.all(made.map((one) => bettor.find(one.hash)));
    say({
      nonces: made.map((one) => one.slip.nonce),
      found: found.map((one, at) => one.id === made[at].id),
      unknown: (await bettor.find(`0x${"00".repeat(32)}`)) ?? null,
    });
    say(await thrown(() => bettor.waitPlaced(made[1], 100)));
    await bettor.enforce(made[0]);
    say({ placed: (await bettor.waitPlaced(made[0], 60_000)).bet });
    say(await thrown(() => bettor.enforce(made[0])));
  },

  async lost() {
    let lost = 0;
    const bettor = await bettorOf({
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (init.method === "POST" && lost++ === 0) throw new TypeError("the connection was reset");
        return answer;
      },
    });
    const made = await bet(bettor);
    const { slips } = await bettor.sportsbook.get(`/v1/accounts/${bettor.account}/slips`);
    say({ lost: lost > 1, ids: slips.map((slip) => slip.id === made.id) });
  },

  async unanswered() {
    const bettor = await bettorOf({
      fetch: (url, init) => (init.method === "POST" ? Promise.reject(new TypeError("refused")) : fetch(url, init)),
    });
    const error = await thrown(async () => bet(bettor, { deadlineS: await bettor.sportsbook.nowS() }));
    say({ ...error, found: (await bettor.find(error.hash)) ?? null });
  },

  async refusals() {
    const bettor = await bettorOf();
    say(await thrown(() => bet(bettor, { minOddsE4: 5_000_000 })));
    const [fixture] = await bettor.sportsbook.fixtures();
    const picks = [{ fixture, market: fixture.markets[0], outcome: 9 }];
    say(await thrown(() => bettor.bet({ picks, stakeMicro: 1n, minOddsE4: 10_001 })));
    say(await thrown(() => connect({ apiUrl: "http://127.0.0.1:9" })));
  },

  async differs() {
    say(await thrown(() => connect({ address: `0x${"11".repeat(20)}` })));
    say(await thrown(() => connect(lying(/\/v1\/contracts$/, { chain_id: 1 }))));
    const sportsbook = await connect();
    say(await thrown(() => Bettor.of(sportsbook, privateKeyToAccount(settings.stranger_key))));
    say(await thrown(async () => bet(await bettorOf(lying(/\/v1\/accounts\/\d+$/, { next_nonce: 0 })))));
    const misled = await bettorOf(lying(/\/enforcement$/, { data: "0x1234abcd" }));
    say(await thrown(async () => misled.enforce(await bet(misled))));
    const sent = await bettorOf(lying(/\/enforcement$/, { to: `0x${"11".repeat(20)}` }));
    say(await thrown(async () => sent.enforce(await bet(sent))));
  },

  async receipts() {
    const { checkReceipt } = await import(pathToFileURL(`${settings.built}/receipts.js`));
    const sportsbook = await connect();
    for (const receipt of settings.receipts) {
      const slip = { minOddsE4: settings.min_odds_e4, deadline: settings.now_s + settings.deadline_s, legs: [{}] };
      say(await thrown(() => checkReceipt(sportsbook, receipt, { slip, hash: settings.hash }, settings.now_s)));
    }
  },

  async stream() {
    const stream = new OddsStream({ apiUrl: settings.api_url, fixtures: [settings.fixture] });
    for (const wanted of settings.odds) {
      while (String(stream.odds.get(settings.market)?.oddsE4) !== wanted) await passed(20);
      say({ odds: wanted, isFresh: stream.ageMs < 60_000 });
    }
    stream.close();
  },
};

await TRIES[process.argv[2]]();
