import { createServer } from "node:http";
import { once } from "node:events";
import { createServer as createSocket, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Scratch } from "../faults/support/scratch.ts";
import { startHaproxy } from "./haproxy.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

/** A parent that says who it is, ready or not. */
async function startParent(
  name: string,
): Promise<{ address: string; port: number; setReady: (isReady: boolean) => void }> {
  let isReady = true;
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/readyz" && !isReady ? 503 : 200).end(name);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  scratch.onClose(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, port, setReady: (ready) => void (isReady = ready) };
}

async function freePort(): Promise<number> {
  const server = createSocket();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Who answers for a path. */
type Owner = (path: string) => Promise<string>;

async function startBalanced(names: readonly string[]): Promise<Owner> {
  const parents = await Promise.all(names.map(startParent));
  const port = await freePort();
  // Each of them is as ready as the first.
  await startHaproxy(scratch, {
    listen: `127.0.0.1:${port}`,
    parents: parents.map(({ address }) => address),
    checkPort: parents[0]?.port ?? 0,
  });
  const owner: Owner = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  await expect.poll(() => owner("/v2/").catch(() => ""), { timeout: 20_000 }).toMatch(/^parent/);
  return owner;
}

const digest = `sha256:${"0".repeat(64)}`;
const threeParents = ["parent-0", "parent-1", "parent-2"];

describe("the HAProxy configuration", () => {
  it("sends all that belongs to one repository to one parent, however its name is written", async () => {
    const owner = await startBalanced(threeParents);
    const formsOf = (part: string): string[][] => [
      [`/v2/ghcr.io/org/${part}`, ""],
      [`/v2/org/${part}`, "ns=ghcr.io"],
      [`/v2/org/${part}`, "ns=GHCR.IO"],
      [`/v2/ghcr.io/org/${part}`, "ns=ghcr.io"],
    ];
    const hub = (part: string): string[][] => [
      [`/v2/${part}`, ""],
      [`/v2/library/${part}`, ""],
      [`/v2/library/${part}`, "ns=docker.io"],
      [`/v2/docker.io/library/${part}`, "ns=docker.io"],
      [`/v2/docker.io/${part}`, ""],
      [`/v2/index.docker.io/library/${part}`, ""],
      [`/v2/library/${part}`, "ns=registry-1.docker.io"],
    ];
    const withPort = (part: string): string[][] => [
      [`/v2/corp.example_5443/${part}`, ""],
      [`/v2/${part}`, "ns=corp.example:5443"],
      [`/v2/${part}`, "ns=corp.example%3A5443"],
    ];
    const routes = [
      "manifests/latest",
      `manifests/${digest}`,
      `blobs/${digest}`,
      "tags/list",
      `referrers/${digest}`,
      "blobs/uploads/",
      "blobs/uploads/an-id",
    ];
    const owners = new Set<string>();
    for (const name of ["one", "two", "three", "four", "blobs", "manifests", "tags"]) {
      for (const forms of [formsOf(name), hub(name), withPort(name)]) {
        const asked = forms.flatMap(([base, query]) => {
          return routes.map((route) => `${String(base)}/${route}${query === "" ? "" : `?${String(query)}`}`);
        });
        const answers = await Promise.all(asked.map(async (path) => ({ path, owner: await owner(path) })));
        const [first] = answers;
        owners.add(first?.owner ?? "");
        expect(answers.filter(({ owner: one }) => one !== first?.owner)).toEqual([]);
      }
    }
    expect([...owners].sort()).toEqual(threeParents);
  });

  it("moves 15 to 35 % of 1,000 repositories to a fourth parent, and no other", async () => {
    const [three, four] = [await startBalanced(threeParents), await startBalanced([...threeParents, "parent-3"])];
    const paths = Array.from({ length: 1000 }, (_, number) => `/v2/ghcr.io/org-${number % 37}/app-${number}/tags/list`);
    const ownersOf = async (owner: Owner): Promise<string[]> => {
      const owners: string[] = [];
      for (const path of paths) owners.push(await owner(path));
      return owners;
    };
    const [before, after] = [await ownersOf(three), await ownersOf(four)];
    const moved = after.filter((owner, place) => owner !== before[place]);
    const shares = threeParents.map((name) => before.filter((owner) => owner === name).length);
    console.log(
      `of 1,000 repositories ${moved.length} moved to the fourth parent; before, the three had ${shares.join(", ")}`,
    );
    expect(new Set(moved)).toEqual(new Set(["parent-3"]));
    expect(moved.length).toBeGreaterThanOrEqual(150);
    expect(moved.length).toBeLessThanOrEqual(350);
    // Nobody has twice the fair share.
    expect(Math.max(...shares)).toBeLessThan(667);
  });

  it("asks no parent that is not ready", async () => {
    const parents = await Promise.all(threeParents.map(startParent));
    const port = await freePort();
    await startHaproxy(scratch, {
      listen: `127.0.0.1:${port}`,
      parents: parents.map(({ address }) => address),
      checkPort: parents[0]?.port ?? 0,
    });
    const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/v2/x/tags/list`)).status;
    await expect.poll(() => status().catch(() => 0), { timeout: 20_000 }).toBe(200);
    parents[0]?.setReady(false);
    await expect.poll(status, { timeout: 20_000 }).toBe(503);
    parents[0]?.setReady(true);
    await expect.poll(status, { timeout: 20_000 }).toBe(200);
  });
});
