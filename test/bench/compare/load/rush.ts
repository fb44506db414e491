import { Connection, type Answer, type Asked } from "./connection.ts";
import type { Pulled, Rush } from "./protocol.ts";

/** Asks for one blob with many clients at once, whose connections are open, as docker and podman ask for `/v2/` first. */
export async function makeRush({ url, path, clients, isHashed }: Rush): Promise<Pulled[]> {
  const open = Array.from({ length: clients }, () => {
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => undefined);
    const connection = new Connection(url, lost.reject);
    const ask = (asked: Asked): Promise<Answer> =>
      Promise.race([new Promise<Answer>((resolve) => connection.ask(asked, resolve)), lost.promise]);
    return { connection, ask };
  });
  try {
    await Promise.all(open.map(({ ask }) => ask({ method: "GET", path: "/v2/" })));
    const startedAt = performance.now();
    const answers = await Promise.all(open.map(({ ask }) => ask({ method: "GET", path, isHashed })));
    return answers.map(({ status, bytes, digest, firstByteAt, endedAt }) => ({
      status,
      bytes,
      digest,
      firstByteMs: firstByteAt - startedAt,
      firstByteAt: performance.timeOrigin + firstByteAt,
      totalMs: endedAt - startedAt,
    }));
  } finally {
    for (const { connection } of open) connection.close();
  }
}
