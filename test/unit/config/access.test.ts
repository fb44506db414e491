import { hashSync } from "bcryptjs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSettings, parseHtpasswd } from "../../../src/config/index.ts";
import { faultsOf, load, withFiles } from "./config-file.ts";

const hash = hashSync("wonderland", 4);

function withUsers(text: string): string {
  return join(withFiles({ htpasswd: text }), "htpasswd");
}

describe("an htpasswd file", () => {
  it.each(["$2a$", "$2b$", "$2y$"])("may have bcrypt hashes that begin with %s", (prefix) => {
    const written = hash.replace("$2b$", prefix);
    expect(parseHtpasswd(`# made today\n\nalice:${written}\r\n`)).toEqual({
      users: new Map([["alice", written]]),
      faults: [],
    });
  });

  it.each([
    ["bob:$apr1$x$y", "line 1 has no bcrypt hash ($2y$…): make it with htpasswd -B"],
    ["bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "line 1 has no bcrypt hash ($2y$…): make it with htpasswd -B"],
    [`bob:${hash.replace("$04$", "$15$")}`, "line 1 has a bcrypt cost of 15: from 4 to 14 is possible"],
    [`*:${hash}`, "line 1 has the user *, a name that rules use for many"],
    [`a:${hash}\na:${hash}`, "line 2 has the user a again"],
    ["nonsense", "line 1 is not user:hash"],
  ])("is refused in words that quote no hash: %s", (text, fault) => {
    const file = withUsers(text);
    expect(faultsOf(`access: { mode: basic, htpasswdFile: "${file}" }`)).toEqual([
      { path: "access.htpasswdFile", message: `${file}: ${fault}` },
    ]);
  });
});

describe("the settings of access", () => {
  it("are read, and printed so that they can be read again", () => {
    const file = withUsers(`ci:${hash}`);
    const settings = load(
      `access: { mode: basic, htpasswdFile: "${file}", rules: [{ user: ci, allow: ["docker.io/**"], deny: ["**/x"] }] }
trustedProxies: [10.0.0.0/8, "::1"]
allowPlaintext: true`,
    );
    expect(settings.access).toEqual({
      ...{ mode: "basic", htpasswdFile: file },
      ...{ rules: [{ user: "ci", allow: ["docker.io/**"], deny: ["**/x"] }], verdictForMs: 300_000 },
    });
    expect(settings.trustedProxies).toEqual(["10.0.0.0/8", "::1"]);
    const printed = formatSettings(settings);
    expect(printed).not.toContain(hash);
    expect(load(printed)).toEqual(settings);
  });

  it.each([
    ["access: { mode: basic }", "access.htpasswdFile", "is needed with access.mode: basic"],
    ["access: { mode: basic, htpasswdFile: /nowhere }", "access.htpasswdFile", "/nowhere: no such file"],
    ["access: { htpasswdFile: /x }", "access.htpasswdFile", "means something with access.mode: basic only"],
    ["access: { rules: [{ user: a, allow: [x] }] }", "access.rules", "means something with access.mode: basic only"],
    ["access: { verdictFor: 5m }", "access.verdictFor", "means something with access.mode: upstream only"],
    ["access: { mode: closed }", "access.mode", 'must be one of open, basic, upstream, not "closed"'],
    [
      "trustedProxies: [10.0.0.0/33]",
      "trustedProxies",
      'must be addresses or networks such as 10.0.0.0/8 or ::1, not "["10.0.0.0/33"]"',
    ],
  ])("are refused where they would not do what they seem to: %s", (yaml, path, message) => {
    expect(faultsOf(yaml)).toEqual([{ path, message }]);
  });

  it("are read with the mode upstream too, and with what is denied to all", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const settings = load(`access: { mode: upstream, verdictFor: 90s }
denyDigests: ["${digest}"]
upstreams: { quay.io: { allow: ["org/**"], deny: ["org/secret"] } }`);
    expect([settings.access.verdictForMs, settings.denyDigests]).toEqual([90_000, [digest]]);
    expect(settings.upstreams.find(({ name }) => name === "quay.io")).toMatchObject({
      allow: ["org/**"],
      deny: ["org/secret"],
    });
    expect(load(formatSettings(settings))).toEqual(settings);
    expect(faultsOf("denyDigests: [sha256:00]")).toEqual([
      { path: "denyDigests", message: 'must be digests such as sha256:…, not "["sha256:00"]"' },
    ]);
  });

  it("name each rule that says nothing", () => {
    const file = withUsers(`ci:${hash}`);
    const yaml = `access: { mode: basic, htpasswdFile: "${file}", rules: [{ user: ci }, { allow: ["**"] }] }`;
    expect(faultsOf(yaml)).toEqual([
      { path: "access.rules[0]", message: "allows nothing and denies nothing" },
      { path: "access.rules[1]", message: "has no user" },
    ]);
  });
});
