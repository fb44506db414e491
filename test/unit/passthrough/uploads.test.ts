import { Agent } from "node:http";
import { describe, expect, it } from "vitest";
import { parseRepositoryName, RegistryError } from "../../../src/oci/index.ts";
import { Uploads } from "../../../src/passthrough/uploads.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const hour = 3_600_000;
const agent = new Agent();

function owner(id: string, name = "org/app", upstream = "registry.test") {
  const repository = parseRepositoryName(name);
  if (!repository) throw new Error(`no repository name: ${name}`);
  return { principal: { id }, repository, upstream };
}

const at = (path: string) => ({ url: new URL(path, "https://registry.test"), isElsewhere: false, agent });

function start() {
  const clock = new ManualClock();
  const uploads = new Uploads(() => clock.now());
  const find = (id: string, who = owner("ann")): string | undefined => {
    try {
      return uploads.find(id, who).url.pathname;
    } catch (error) {
      if (error instanceof RegistryError && error.code === "BLOB_UPLOAD_UNKNOWN") return undefined;
      throw error;
    }
  };
  return { clock, uploads, find };
}

describe("an upload", () => {
  it("is known to its client by an id that nobody can guess, and that says nothing of the registry's address", () => {
    const { uploads, find } = start();
    const ids = [uploads.begin(owner("ann"), at("/secret")), uploads.begin(owner("ann"), at("/secret"))];
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[\w-]{32}$/);
    expect(ids.map((id) => find(id))).toEqual(["/secret", "/secret"]);
  });

  it("is unknown to other clients, in other repositories and at other upstreams", () => {
    const { uploads, find } = start();
    const id = uploads.begin(owner("ann"), at("/1"));
    expect([find(id, owner("bob")), find(id, owner("ann", "org/b")), find(id, owner("ann", "org/app", "b"))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("keeps its id when the registry moves it, and loses it at its end", () => {
    const { uploads, find } = start();
    const id = uploads.begin(owner("ann"), at("/1"));
    uploads.move(id, at("/2"));
    expect(find(id)).toBe("/2");
    uploads.end(id);
    uploads.move(id, at("/3"));
    expect(find(id)).toBeUndefined();
  });

  it("is forgotten a day after it was last used", () => {
    const { clock, uploads, find } = start();
    const id = uploads.begin(owner("ann"), at("/1"));
    clock.advance(23 * hour);
    expect(find(id)).toBe("/1");
    clock.advance(23 * hour);
    expect(find(id)).toBe("/1");
    clock.advance(24 * hour);
    expect(find(id)).toBeUndefined();
  });

  it("is crowded out by its own client's uploads only", () => {
    const { uploads, find } = start();
    const quiet = uploads.begin(owner("ann"), at("/ann"));
    const [first = ""] = Array.from({ length: 3000 }, (_, count) => uploads.begin(owner("bob"), at(`/${count}`)));
    expect([find(quiet), find(first, owner("bob"))]).toEqual(["/ann", undefined]);
  });

  it("goes when there are ten thousand younger ones", () => {
    const { uploads, find } = start();
    const oldest = uploads.begin(owner("ann"), at("/ann"));
    for (let count = 0; count < 10_000; count += 1) uploads.begin(owner(`client ${count}`), at("/x"));
    expect(find(oldest)).toBeUndefined();
  });
});
