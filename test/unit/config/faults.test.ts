import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../src/config/index.ts";
import { configErrorOf, faultsOf, load, withFiles } from "./config-file.ts";

describe("a faulty configuration", () => {
  const yaml = `
listen: 5000
memory: { hotBlob: 1MiB, maxHotBlob: 3 apples }
storage: 5
tags: { freshFor: 60, onGone: forget }
access: { mode: basic }
dataDirr: x
upstreams:
  lab: 5
  bad host: {}
  ghcr.io: { endpoint: [x], limits: { attempts: 0 }, hostnames: ["a:1"] }
defaultUpstream: nowhere.example`;

  it("is told every fault at once, each with its path", () => {
    expect(faultsOf(yaml).map((fault) => `${fault.path}: ${fault.message}`)).toEqual(
      expect.arrayContaining([
        'listen: must be host:port, [ipv6]:port or unix:/path, or a list of these, not "5000"',
        "memory.hotBlob: unknown key; did you mean hotBlobs?",
        'memory.maxHotBlob: must be a size such as 10GiB or 500MB, not "3 apples"',
        "storage: must be a section of keys",
        'tags.freshFor: must be a duration with its unit such as 30s, 5m or 1d, not "60"',
        'tags.onGone: must be one of drop, keep, not "forget"',
        "access.htpasswdFile: is needed with access.mode: basic",
        "dataDirr: unknown key; did you mean dataDir?",
        "upstreams.lab: must be a section of keys",
        "upstreams.bad host: the name of an upstream must be a host or host:port, such as ghcr.io",
        "upstreams.ghcr.io.endpoint: unknown key; did you mean endpoints?",
        'upstreams.ghcr.io.limits.attempts: must be a whole number from 1 to 100, not "0"',
        'upstreams.ghcr.io.hostnames: must be host names without a port, not "["a:1"]"',
        "defaultUpstream: nowhere.example is not an enabled upstream",
      ]),
    );
    expect(faultsOf(yaml)).toHaveLength(14);
  });

  it("has a message with one line for each fault", () => {
    const error = configErrorOf(() => load("a: 1\nb: 2"));
    expect(error.message).toBe("a: unknown key\nb: unknown key");
    expect(error.kind).toBe("configuration");
  });

  it.each([
    ["tags: { freshfor: 1m }", "tags.freshfor", "; did you mean freshFor?"],
    ["upstreams: { quay.io: { hostname: [] } }", "upstreams.quay.io.hostname", "; did you mean hostnames?"],
    [
      "upstreams: { quay.io: { credentials: { pasword: x } } }",
      "upstreams.quay.io.credentials.pasword",
      "; did you mean password?",
    ],
    [
      "upstreams: { quay.io: { endpoints: [{ ulr: x }] } }",
      "upstreams.quay.io.endpoints[0].ulr",
      "; did you mean url?",
    ],
    ["stroage: {}", "stroage", "; did you mean storage?"],
    ["flux: 1", "flux", ""],
  ])("suggests a key for %s", (text, path, suggestion) => {
    expect(faultsOf(text)).toContainEqual({ path, message: `unknown key${suggestion}` });
  });

  it("refuses a time-out that Node's timers would turn into none", () => {
    expect(faultsOf("serve: { idleTimeout: 30d }")[0]?.path).toBe("serve.idleTimeout");
    expect(load("tags: { staleFor: 90d }").upstreams[0]?.tags.staleForMs).toBe(7_776_000_000);
  });

  it("does not repeat a fault in the checks that follow it", () => {
    expect(faultsOf("upstreams: { quay.io: { credentials: { username: me, password: 1 } } }")).toHaveLength(1);
    expect(faultsOf("tags: { staleAfter: 1h }")).toHaveLength(1);
  });
});

describe("a configuration file that cannot be used", () => {
  it("says so when there is none", () => {
    const error = configErrorOf(() => loadSettings({ file: "/nowhere/entrepot.yaml", environment: {} }));
    expect(error.faults).toEqual([{ path: "/nowhere/entrepot.yaml", message: "no such file" }]);
  });

  it("says so when it is a directory", () => {
    const error = configErrorOf(() => loadSettings({ file: withFiles({}), environment: {} }));
    expect(error.message).toMatch(/cannot be read: it is a directory$/);
  });

  it.each([
    ["listen: a\nlog: { level: info\n", 3],
    ["log:\n  level: info\n  level: debug\n", 3],
    ['a: "hunter2\n', 2],
    ["a: 1\n---\nb: 2\n", 2],
  ])("names the line of what is not YAML, and quotes nothing: %j", (yaml, line) => {
    const file = join(withFiles({ "e.yaml": yaml }), "e.yaml");
    const error = configErrorOf(() => loadSettings({ file, environment: {} }));
    expect(error.faults[0]?.path).toBe(`${file}:${line}`);
    expect(error.message).not.toContain("hunter2");
  });

  it("refuses an alias of nothing without quoting it, as a password may begin with a star", () => {
    expect(configErrorOf(() => load("a: *hunter2\n")).message).toMatch(
      /entrepot\.yaml: has an alias that cannot be resolved$/,
    );
  });

  it("refuses a list in place of keys", () => {
    expect(faultsOf("- a\n- b")[0]?.message).toBe("must be a YAML document of keys");
  });
});
