import Database from "better-sqlite3";
import { chmodSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startUpstream, type PushedImage } from "../../upstream/index.ts";
import { dataDirectoryIn, EntrepotProcess } from "../support/entrepot-process.ts";
import { blobPathsOf, tagPath } from "../support/published.ts";
import { Puller } from "../support/puller.ts";
import { Scratch } from "../support/scratch.ts";
import { checkDataDirectory } from "./data-directory.ts";

const repository = "library/demo";
const tag = "latest";

let scratch: Scratch;
let sound: string;
let image: PushedImage;

/** A data directory in which an image has been stored by a run that came to its end. */
beforeAll(async () => {
  scratch = new Scratch();
  const upstream = await startUpstream();
  scratch.onClose(() => upstream.close());
  image = upstream.pushImage(repository, tag, { layers: [3000, 5000] });
  const directory = await scratch.make("sound");
  sound = dataDirectoryIn(directory);
  const instance = await EntrepotProcess.start({ directory, upstreamUrl: upstream.url });
  const puller = new Puller((path, options) => instance.ask(path, options));
  for (const path of [tagPath({ repository, tag }), ...blobPathsOf(repository, image)]) await puller.getHit(path);
  await instance.stop();
});

afterAll(() => scratch.close());

interface Damage {
  what: string;
  make: (directory: string) => void;
  words: RegExp;
}

const damages: readonly Damage[] = [
  {
    what: "a byte of a file",
    make: (data) => spoil(blobFile(data)),
    words: /blobs\/.*: the bytes do not have the digest/,
  },
  { what: "a file that is gone", make: (data) => rmSync(blobFile(data)), words: /a present row without a file/ },
  {
    what: "a file that is too short",
    make: (data) => truncateSync(blobFile(data), 7),
    words: /the row says 3000 bytes, the file has 7/,
  },
  { what: "a number of references", make: sql("UPDATE blob SET refs = refs + 1"), words: /refs is 2, its edges are 1/ },
  ...["storedBytes", "blobs", "manifests", "tags", "repositories"].map((key) => ({
    what: `the total ${key}`,
    make: sql(`UPDATE meta SET value = value + 1 WHERE key = '${key}'`),
    words: new RegExp(`meta.${key} is \\d+, the rows make \\d+`),
  })),
  {
    what: "a manifest's row",
    make: sql("DELETE FROM edge; DELETE FROM manifest"),
    words: /the tag latest names a manifest that/,
  },
  {
    what: "a part",
    make: (data) => writeFileSync(join(data, "ingest", "1-1.part"), ""),
    words: /ingest\/1-1.part: left behind/,
  },
  {
    what: "a file set aside",
    make: (data) => writeFileSync(join(data, "quarantine", "odd"), ""),
    words: /quarantine\/odd: nobody/,
  },
  { what: "an index that is cut off", make: spoilIndex, words: /^index.db: / },
];

it.each(damages)("notices $what", async ({ make, words }) => {
  const directory = await scratch.make("damaged");
  await cp(sound, directory, { recursive: true });
  make(directory);
  expect(checkDataDirectory(directory, { after: "stop" }).join("\n")).toMatch(words);
});

it("lets a crash leave parts, and spoilt files in quarantine", async () => {
  const directory = await scratch.make("crashed");
  await cp(sound, directory, { recursive: true });
  writeFileSync(join(directory, "ingest", "1-1.part"), "");
  writeFileSync(join(directory, "quarantine", `${hexOf(image)}.1`), "");
  const spoilt = [`sha256:${hexOf(image)}`];
  expect(checkDataDirectory(directory, { after: "crash", spoilt })).toEqual([]);
});

it("finds nothing wrong where all is well, nor where nothing is", async () => {
  expect(checkDataDirectory(sound, { after: "stop" })).toEqual([]);
  expect(checkDataDirectory(await scratch.make("empty"), { after: "stop" })).toEqual([]);
});

function hexOf({ layers }: PushedImage): string {
  return String(layers[0]?.digest.slice("sha256:".length));
}

function blobFile(data: string): string {
  const hex = hexOf(image);
  return join(data, "blobs", "sha256", hex.slice(0, 2), hex);
}

function spoil(path: string): void {
  chmodSync(path, 0o600);
  writeFileSync(path, Buffer.alloc(3000));
}

function sql(statements: string): (data: string) => void {
  return (data) => {
    const index = new Database(join(data, "index.db"));
    index.pragma("foreign_keys = OFF");
    index.exec(statements);
    index.close();
  };
}

function spoilIndex(data: string): void {
  truncateSync(join(data, "index.db"), 3 * 4096);
}
