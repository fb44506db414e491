// What a person reads on the terminal when a pull fails: the clients' own words around ours. The table in README.md says the same.
import { match, ok } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../src/oci/index.ts";
import { startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";
import { sizeOf, type ChildProcesses } from "./child-processes.ts";
import type { Checks } from "./checks.ts";
import type { Client } from "./client.ts";
import { EntrepotProcess, hub } from "./entrepot-process.ts";

interface Condition {
  readonly what: string;
  /** Brings the upstream into that state; `layer` is the image's only one. */
  readonly arrange: (upstream: TestUpstream, layer: Digest) => void | Promise<void>;
  /** What each client has to say, by its name, whatever else it says; who is not named is not asked. */
  readonly words: Readonly<Record<string, RegExp>>;
  /** What our log says of it. */
  readonly logged: RegExp;
}

const repository = "library/words";

function forAll(words: RegExp, others: Condition["words"] = {}): Condition["words"] {
  return { dockerd: words, podman: words, containerd: words, skopeo: words, ...others };
}

const conditions: readonly Condition[] = [
  {
    what: "an image that is not there",
    arrange: (upstream) => upstream.removeTag(repository, "1"),
    words: forAll(/manifest unknown: docker\.io\/library\/words has no such manifest/, { containerd: /: not found/ }),
    logged: /"problem":"MANIFEST_UNKNOWN"/,
  },
  {
    what: "an image that the upstream denies",
    arrange: (upstream) => void upstream.misbehave({ on: "any", temperament: temperaments.denied() }),
    words: forAll(/denied: docker\.io refuses access/, { containerd: /403 Forbidden/ }),
    logged: /"problem":"DENIED","said":"[^"]+ answered 403 for the manifest of library\/words"/,
  },
  {
    what: "a rate limit",
    arrange: (upstream) => void upstream.misbehave({ on: "any", temperament: temperaments.rateLimited(120) }),
    words: forAll(/503 Service Unavailable/),
    logged: /"problem":"TOOMANYREQUESTS","said":"[^"]+ 429 /,
  },
  {
    what: "an upstream that cannot be reached",
    arrange: (upstream) => upstream.stop(),
    words: forAll(/502 Bad Gateway/),
    logged: /"problem":"BAD_UPSTREAM","said":"[^"]+ cannot be reached \(ECONNREFUSED\)"/,
  },
  {
    what: "a layer that the upstream altered",
    arrange: (upstream, layer) =>
      void upstream.misbehave({ on: "blob", reference: layer, temperament: temperaments.wrongByte(10) }),
    // dockerd says 502 Bad Gateway too, after it has tried for 75 seconds.
    words: { podman: /unexpected EOF/, containerd: /unexpected EOF/, skopeo: /unexpected EOF/ },
    logged: /sent bytes with another digest than the one asked for/,
  },
];

/** Each client asks for the image under its name in the cache, so that there is nothing that it could ask instead. */
export async function checkErrorWords(
  checks: Checks,
  { processes, directory, clients }: { processes: ChildProcesses; directory: string; clients: readonly Client[] },
): Promise<void> {
  const upstream = await startUpstream();
  const cache = await EntrepotProcess.create(processes, join(directory, "entrepot-words"), upstream.port);
  for (const { what, arrange, words, logged } of conditions) {
    await upstream.restart();
    upstream.behave();
    const [layer] = upstream.pushImage(repository, "1", { layers: [3_000_000] }).layers;
    if (!layer) throw new Error("an image without a layer");
    await cache.startCold();
    const logFrom = sizeOf(cache.logFile);
    await arrange(upstream, layer.digest);
    for (const client of clients.filter(({ name }) => name in words)) {
      await checks.check(`${client.name} tells of ${what}`, async () => {
        const name = `127.0.0.1:${cache.port}/${hub}/${repository}:1`;
        const said = await client.pullName(name).then(
          () => undefined,
          (error: unknown) => String(error),
        );
        ok(said !== undefined, "the pull fails");
        match(said, words[client.name] ?? /./);
      });
    }
    await checks.check(`entrepot's log says why, for ${what}`, async () => {
      match((await readFile(cache.logFile, "utf8")).slice(logFrom), logged);
    });
  }
  await cache.stop();
  await upstream.close();
}
