import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { AdminApi } from "./admin-api.ts";
import { eventually } from "./eventually.ts";
import type { Instance } from "./instance.ts";

/** The admin API of an instance, as its operator uses it. */
export function apiOf({ adminUrl, app }: Instance): AdminApi {
  return new AdminApi(adminUrl, app.adminToken);
}

/** Resolves when files and index have been compared after the start: from then on content may go. */
export async function reconciled(instance: Instance): Promise<void> {
  // Not as often as can be: whoever asks all the time holds up what it waits for.
  while ((await instance.metric("entrepot_reconcile_ratio")) < 1) await pause(40);
}

/** The files in `blobs/` and their sizes. */
export function storedFiles({ directory }: Pick<Instance, "directory">): { path: string; size: number }[] {
  const blobs = join(directory, "data", "blobs");
  return readdirSync(blobs).flatMap((algorithm) =>
    readdirSync(join(blobs, algorithm)).flatMap((prefix) =>
      readdirSync(join(blobs, algorithm, prefix)).flatMap((name) => {
        const path = join(blobs, algorithm, prefix, name);
        const status = lstatSync(path, { throwIfNoEntry: false });
        return status ? [{ path, size: status.size }] : [];
      }),
    ),
  );
}

/** Waits for what goes on, and checks that the index counts what is on the disk, within what it may be. Resolves to the bytes. */
export async function expectInBudget(instance: Instance): Promise<number> {
  await instance.settled();
  let bytes = 0;
  await eventually(async () => {
    bytes = storedFiles(instance).reduce((sum, { size }) => sum + size, 0);
    expect(await instance.metric("entrepot_store_bytes")).toBe(bytes);
  }, 5000);
  expect(bytes).toBeLessThanOrEqual(await instance.metric("entrepot_store_max_bytes"));
  expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  return bytes;
}
