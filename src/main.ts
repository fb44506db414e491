#!/usr/bin/env node
// The version is checked before anything else is loaded: better-sqlite3 ends an older Node without a word.
// Nothing here that an old Node could not even parse: no `await` outside of a function, nothing imported at the top.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(`entrepot: Node 24 or newer is needed, this is ${process.versions.node}\n`);
  process.exit(78);
}
void import("./serve.ts").then(async ({ main }) => {
  process.exitCode = await main(process.argv.slice(2));
});
export {};
