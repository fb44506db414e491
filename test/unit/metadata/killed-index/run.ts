/** Records blobs for ever and prints the number of each once it is acknowledged. Killed by the test that started it. */
import { writeSync } from "node:fs";
import { openMetadata } from "../../../../src/metadata/index.ts";
import { digestOf, type RepositoryName } from "../../../../src/oci/index.ts";

const metadata = await openMetadata({ directory: process.argv[2] ?? "" });
const repository = { upstream: "docker.io", name: "library/alpine" as RepositoryName };
let last = 0;

async function recordForEver(): Promise<never> {
  for (;;) {
    last += 1;
    const number = last;
    await metadata.recordBlob(repository, digestOf(Buffer.from(String(number))), number);
    writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: 10 }, recordForEver));
