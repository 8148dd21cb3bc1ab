/** Which way a bet goes to the chain: in a batch of the house, or by the visitor's own wallet. */

import { useQuery } from "@tanstack/react-query";

import { t } from "../strings/index.ts";
import { engine } from "../wallet/state.ts";

interface Props {
  owner: `0x${string}`;
  isDirect: boolean;
  onChange: (isDirect: boolean) => void;
}

export function RoadChoice({ owner, isDirect, onChange }: Props) {
  const { data } = useQuery({
    queryKey: ["holdings", owner],
    queryFn: async () => {
      const [wallet, { holdings }] = await Promise.all([engine(), import("../account/money.ts")]);
      return holdings(wallet, owner);
    },
  });
  const hasCoins = data !== undefined && data.coinsWei > 0n;
  return (
    <div className="roads">
      <p id="road-title" className="small">
        {t.direct.road}
      </p>
      <fieldset className="mode" aria-labelledby="road-title">
        {[false, true].map((one) => (
          <label key={String(one)} data-on={isDirect === one}>
            <input type="radio" name="road" checked={isDirect === one} disabled={one && !hasCoins} onChange={() => onChange(one)} />
            {one ? t.direct.byWallet : t.direct.byHouse}
          </label>
        ))}
        <p className="muted small">{data && !hasCoins ? t.direct.noCoins : isDirect ? t.direct.walletNote : t.direct.houseNote}</p>
      </fieldset>
    </div>
  );
}
