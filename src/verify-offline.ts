import { openBlobStore } from "./blobstore/index.ts";
import { systemClock } from "./cache/index.ts";
import type { CliContext } from "./cli/index.ts";
import { lockDataDirectory, openMetadata } from "./metadata/index.ts";
import { createUpkeep } from "./upkeep/index.ts";

/** Hashes every file of a data directory that no instance uses; what is wrong is given up as by the scrub. */
export const verifyOffline: CliContext["verifyOffline"] = async (directory, options) => {
  await using closing = new AsyncDisposableStack();
  const lock = lockDataDirectory(directory);
  closing.defer(() => lock.release());
  const store = await openBlobStore({ directory, bootId: String(process.pid) });
  closing.defer(() => store.close());
  const index = await openMetadata({ directory });
  closing.defer(() => index.close());
  const ignore = (): void => undefined;
  const upkeep = createUpkeep({
    directory,
    store,
    index,
    scrub: { everyMs: 0, rateBytesPerSecond: 0 },
    now: () => systemClock.now(),
    setTimer: (ms, action) => systemClock.setTimer(ms, action),
    observer: { scrubbed: ignore, adopted: ignore, quarantined: ignore, corrupt: ignore, failed: ignore },
    onLost: ignore,
  });
  closing.defer(() => upkeep.close());
  return await upkeep.verify(options);
};
