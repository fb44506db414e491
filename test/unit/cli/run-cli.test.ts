import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/index.ts";
import { run, withFile } from "./command-line.ts";

describe("entrepot serve", () => {
  it("is what runs when nothing is said", async () => {
    expect(await run([])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
      served: [{ configFile: undefined, flags: {} }],
    });
  });

  it.each([
    ["with its name", ["serve"]],
    ["without its name", []],
  ])("takes its flags %s", async (_words, name) => {
    const flags = ["--config", "c.yaml", "--listen", ":5000", "--admin-listen", "unix:/a", "--data-dir", "/d"];
    expect((await run([...name, ...flags])).served).toEqual([
      { configFile: "c.yaml", flags: { listen: ":5000", "admin.listen": "unix:/a", dataDir: "/d" } },
    ]);
  });

  it("finds the configuration by ENTREPOT_CONFIG, unless --config says otherwise", async () => {
    const environment = { ENTREPOT_CONFIG: "/etc/entrepot.yaml" };
    expect((await run([], { environment })).served[0]?.configFile).toBe("/etc/entrepot.yaml");
    expect((await run(["--config", "own.yaml"], { environment })).served[0]?.configFile).toBe("own.yaml");
    expect((await run([], { environment: { ENTREPOT_CONFIG: "" } })).served[0]?.configFile).toBeUndefined();
  });

  it("exits with 78 and every fault, without a stack, when the configuration is faulty", async () => {
    const faults = [
      { path: "a", message: "is wrong" },
      { path: "b", message: "too" },
    ];
    const result = await run(["serve"], { serve: () => Promise.reject(new ConfigError(faults)) });
    expect(result.exitCode).toBe(78);
    expect(result.stderr).toBe("entrepot: the configuration has 2 faults\n  a: is wrong\n  b: too\n");
  });

  it("says in words what can happen to anyone, and shows the stack of a bug", async () => {
    const taken = Object.assign(new Error("listen EADDRINUSE: 127.0.0.1:5000"), { code: "EADDRINUSE" });
    const expected = await run([], { serve: () => Promise.reject(taken) });
    expect(expected).toMatchObject({ exitCode: 1, stderr: "entrepot: listen EADDRINUSE: 127.0.0.1:5000\n" });
    const bug = await run([], { serve: () => Promise.reject(new TypeError("x is not a function")) });
    expect(bug.exitCode).toBe(1);
    expect(bug.stderr).toMatch(/^entrepot: TypeError: x is not a function\n\s+at /);
  });
});

describe("wrong usage", () => {
  it.each([
    [["--bogus"], "error: unknown option '--bogus'"],
    [["--confg", "x"], "Did you mean --config?"],
    [["serve", "--listen"], "argument missing"],
    [["nothing"], 'there is no command "nothing"'],
    [["stats", "extra"], "too many arguments"],
    [["explain"], "missing required argument 'subject'"],
    [["unpin"], "missing required argument 'image'"],
    [["backup"], "missing required argument 'directory'"],
    [["rollback"], "missing required argument 'image'"],
    [["config"], "Usage: entrepot config"],
    [["config", "chek"], "Did you mean check?"],
  ])("exits with 2 and says what is wrong: %j", async (argv, words) => {
    const result = await run(argv);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain(words);
    expect(result.served).toEqual([]);
  });
});

describe("what the command line says of itself", () => {
  it("prints its version", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await run(["--version"])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
  });

  it("lists its commands", async () => {
    const { exitCode, stdout } = await run(["--help"]);
    expect(exitCode).toBe(0);
    const built = ["serve", "stats", "explain", "evict", "pin", "unpin", "verify", "rollback", "backup", "config"];
    for (const name of built) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });
});

describe("entrepot config", () => {
  const yaml = "dataDir: /d\nupstreams: { ghcr.io: { credentials: { token: hunter2 } } }";

  it("checks a configuration that is right", async () => {
    expect(await run(["config", "check", "--config", withFile(yaml)])).toMatchObject({
      exitCode: 0,
      stdout: "configuration is valid\n",
      stderr: "",
    });
  });

  it("checks the environment too", async () => {
    const result = await run(["config", "check"], { environment: { ENTREPOT_DATADIR: "x" } });
    expect(result.exitCode).toBe(78);
    expect(result.stderr).toContain("ENTREPOT_DATADIR: unknown environment variable; did you mean ENTREPOT_DATA_DIR?");
  });

  it("prints every fault of one that is not, and no stack", async () => {
    const result = await run(["config", "check", "--config", withFile("listn: a\nlog: { level: loud }")]);
    expect(result).toMatchObject({ exitCode: 78, stdout: "" });
    expect(result.stderr).toMatch(/^entrepot: the configuration has 2 faults\n {2}listn: .+\n {2}log\.level: .+\n$/);
  });

  it("prints the settings that hold, without secrets", async () => {
    const environment = { ENTREPOT_CONFIG: withFile(yaml), ENTREPOT_LOG_LEVEL: "debug" };
    const { exitCode, stdout } = await run(["config", "print"], { environment });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("dataDir: /d\n");
    expect(stdout).toContain("level: debug\n");
    expect(stdout).not.toContain("hunter2");
  });
});
