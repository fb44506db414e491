// Clients that start together on a cold cache share one download of each blob.
import type { Checks } from "./checks.ts";
import type { Client } from "./client.ts";
import { assertFetchedOnce } from "./client-promises.ts";
import type { Stage } from "./stage.ts";

/** The large layer takes about two seconds, so that the clients meet in it. */
const bytesPerSecond = 10 * 1024 * 1024;

async function checkTogether(checks: Checks, stage: Stage, clients: readonly Client[]): Promise<void> {
  const names = clients.map((client) => client.name).join(" and ");
  await checks.check(`${names} start together on a cold cache and share one fetch of each blob`, async () => {
    for (const client of clients) await client.empty();
    await stage.reset();
    stage.upstream.pace(bytesPerSecond);
    await Promise.all(clients.map((client) => client.pull(stage.demo)));
    assertFetchedOnce(stage, new Map(clients.flatMap((client) => [...client.neededBlobs(stage.demo)])));
    for (const client of clients) await client.verify(stage.demo);
  });
}

export async function checkSharedFetch(checks: Checks, stage: Stage, clients: readonly Client[]): Promise<void> {
  for (let index = 0; index + 1 < clients.length; index += 2) {
    await checkTogether(checks, stage, clients.slice(index, index + 2));
  }
  if (clients.length > 2) await checkTogether(checks, stage, clients);
  for (const client of clients) await client.empty();
}
