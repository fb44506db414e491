#!/usr/bin/env node
// The version is checked before anything else is loaded: better-sqlite3 ends an older Node without a word.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(`entrepot: Node 24 or newer is needed, this is ${process.versions.node}\n`);
  process.exit(78);
}
const { main } = await import("./serve.ts");
process.exitCode = await main(process.argv.slice(2));
export {};
