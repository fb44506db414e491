/** Commits blobs for ever and prints the digest of each once it is committed. Killed by the test that started it. */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { openBlobStore } from "../../../../src/blobstore/index.ts";
import { digestOf } from "../../../../src/oci/index.ts";

const store = await openBlobStore({ directory: process.argv[2] ?? "", bootId: "killed" });

async function commitForEver(): Promise<never> {
  for (;;) {
    const bytes = randomBytes(100_000);
    const staging = await store.stage();
    await staging.append(bytes);
    await staging.commit(digestOf(bytes));
    await staging.close();
    writeSync(1, `${digestOf(bytes)}\n`);
  }
}

await Promise.all([commitForEver(), commitForEver(), commitForEver()]);
