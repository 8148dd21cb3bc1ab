/** The fields of a message that is signed, as wallets list them. */

import type { Word } from "../slip/message.ts";

export function Words({ words }: { words: readonly Word[] }) {
  return (
    <dl className="words">
      {words.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
