import { unlinkSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { Passwords } from "../../../src/access/passwords/passwords.ts";
import { RegistryError } from "../../../src/oci/index.ts";
import { writeHtpasswd, type HtpasswdFixture } from "../../support/htpasswd.ts";

interface Fixture extends HtpasswdFixture {
  passwords: Passwords;
  faults: string[];
  advance: (ms: number) => void;
}

function open(users: Record<string, string>): Fixture {
  let now = 1_000_000;
  const faults: string[] = [];
  const htpasswd = writeHtpasswd(users);
  const passwords = new Passwords(htpasswd.file, { now: () => now, onFault: (fault) => void faults.push(fault) });
  onTestFinished(() => passwords.close());
  return { ...htpasswd, passwords, faults, advance: (ms) => void (now += ms) };
}

const basic = (username: string, password: string) => ({ kind: "basic", username, password }) as const;

describe("passwords", () => {
  it("are right for their own user only", async () => {
    const { passwords } = open({ alice: "one", bob: "two" });
    expect(await passwords.check(basic("alice", "one"), "")).toMatch(/^\$2b\$/);
    expect(await passwords.check(basic("alice", "two"), "")).toBeUndefined();
    // Whoever is not in the file is compared with somebody's hash, and refused even where that fits.
    expect(await passwords.check(basic("eve", "one"), "")).toBeUndefined();
  });

  it("are those of the file as it is now", async () => {
    const { passwords, write, advance } = open({ alice: "one" });
    const hash = await passwords.check(basic("alice", "one"), "");
    write({ alice: "another", bob: "two" });
    advance(1000);
    expect(await passwords.check(basic("alice", "one"), "")).toBeUndefined();
    expect(await passwords.check(basic("alice", "another"), "")).toBeDefined();
    expect(passwords.isCurrent("alice", String(hash))).toBe(false);
  });

  it("stay as they were where the file has gone, which is told once", async () => {
    const { passwords, file, faults, advance, write } = open({ alice: "one" });
    await passwords.check(basic("alice", "one"), "");
    unlinkSync(file);
    for (let times = 0; times < 3; times += 1) {
      advance(1000);
      expect(await passwords.check(basic("alice", "one"), "")).toBeDefined();
    }
    expect(faults).toEqual(["cannot be read (ENOENT); its users stay as they were"]);
    write({ alice: "two" });
  });

  it("are compared for a few at once from one address: a flood of guesses is told to come back", async () => {
    const { passwords } = open({ alice: "one" });
    const guesses = Array.from({ length: 20 }, (_, index) =>
      passwords.check(basic("alice", `wrong ${index}`), "10.0.0.1"),
    );
    const other = passwords.check(basic("alice", "one"), "10.0.0.2");
    const settled = await Promise.allSettled(guesses);
    const refused = settled.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused).toHaveLength(12);
    expect(refused.every(({ reason }) => reason instanceof RegistryError && reason.code === "UNAVAILABLE")).toBe(true);
    expect(await other).toBeDefined();
    expect(await passwords.check(basic("alice", "one"), "10.0.0.1")).toBeDefined();
  });
});
