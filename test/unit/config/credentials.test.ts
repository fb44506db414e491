import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { certificate, privateKey } from "../upstream/certificate.ts";
import { faultsOf, load, withFiles } from "./config-file.ts";

function credentialsOf(yaml: string, environment: NodeJS.ProcessEnv = {}) {
  const settings = load(`upstreams: { quay.io: { credentials: ${yaml} } }`, environment);
  return settings.upstreams.find(({ name }) => name === "quay.io")?.endpoints[0]?.credentials;
}

function credentialFaults(yaml: string, environment: NodeJS.ProcessEnv = {}) {
  return faultsOf(`upstreams: { quay.io: { credentials: ${yaml} } }`, environment);
}

/** A directory with a program that can be started. */
function withProgram(name: string): string {
  const directory = withFiles({ [name]: "#!/bin/sh\n" });
  chmodSync(join(directory, name), 0o755);
  return directory;
}

const nothing =
  "must have a username with a password, passwordFile or passwordEnv, or one of token, tokenFile, tokenEnv, dockerConfig, helper and command";
const noToken = "holds no token: a token is visible ASCII without spaces";

describe("credentials", () => {
  it.each([
    ["{ username: me }", "", nothing],
    ["{ password: hunter2 }", "", "has a password but no username"],
    ["{ passwordFile: hunter2 }", "", "has a passwordFile but no username"],
    ["{ username: me, password: hunter2, token: hunter2 }", "", "must have one of password and token, not several"],
    ["{ username: me, token: hunter2 }", "", "a token stands without a username"],
    ["{ username: me, helper: hunter2 }", "", "a helper stands without a username"],
    ["{ username: 'hunter2:x', password: y }", "", "a username cannot hold a colon (RFC 7617 section 2)"],
    ["{ username: me, password: 12345 }", ".password", "must be text in quotes"],
    ["{ token: 'hunter2 hunter3' }", ".token", noToken],
    ["{ username: me, passwordFile: /nowhere/pw }", ".passwordFile", "/nowhere/pw: no such file"],
    ["{ tokenFile: /nowhere/token }", ".tokenFile", "/nowhere/token: no such file"],
    ["{ username: me, passwordEnv: HUB }", ".passwordEnv", "the environment variable HUB is not set"],
    [
      "{ tokenEnv: ENTREPOT_TOKEN }",
      ".tokenEnv",
      "must not begin with ENTREPOT_: those are the keys of the configuration",
    ],
    ["{ dockerConfig: /nowhere/config.json }", ".dockerConfig", "/nowhere/config.json: no such file"],
    ["{ helper: none-such }", ".helper", "docker-credential-none-such is not on PATH"],
    ["{ helper: ../x }", ".helper", "must be the part behind docker-credential-, such as ecr-login"],
    [
      "{ command: [/nowhere/program] }",
      ".command",
      "/nowhere/program is not a program, nor on PATH; a shell has to be named: [sh, -c, …]",
    ],
    ["{ command: echo hunter2 }", ".command", "must be a list of texts: a program and its arguments"],
    ["{ command: [] }", ".command", "must be a list of texts: a program and its arguments"],
    ["[]", "", "must not be an empty list"],
    ["[{ token: a }, { token: b }]", "[0]", "without match stands for all repositories: it must be the last"],
    ["[{ match: ['a/**'], token: 'a b' }, { token: b }]", "[0].token", noToken],
    [
      "[{ match: ['A'], token: a }]",
      "[0].match",
      'must be patterns of repositories such as org/** or library/*, not "["A"]"',
    ],
    ["{ tokn: a }", ".tokn", "unknown key; did you mean token?"],
    ["[{ token: b, tokn: a }]", "[0].tokn", "unknown key; did you mean token?"],
  ])("refuses %s", (credentials, path, message) => {
    const faults = credentialFaults(credentials);
    expect(faults).toContainEqual({ path: `upstreams.quay.io.credentials${path}`, message });
  });

  it("may be several, each for its repositories, from wherever they come", () => {
    const directory = withProgram("docker-credential-test");
    const files = withFiles({ token: "t\n" });
    const yaml = `
      - { match: ["org/**", other], username: me, passwordEnv: HUB }
      - { match: [a/*], tokenFile: "${join(files, "token")}" }
      - { match: [b/*], helper: test }
      - { match: [c/*], command: [docker-credential-test, x] }
      - { username: me, command: ["${join(directory, "docker-credential-test")}"] }`;
    const settings = load(`upstreams:\n  quay.io:\n    credentials:${yaml}`, { HUB: "se cret", PATH: directory });
    expect(settings.upstreams.find(({ name }) => name === "quay.io")?.endpoints[0]?.credentials).toEqual([
      { match: ["org/**", "other"], kind: "basic", username: "me", password: "se cret", passwordEnv: "HUB" },
      { match: ["a/*"], kind: "token-file", file: join(files, "token") },
      { match: ["b/*"], kind: "helper", name: "test" },
      { match: ["c/*"], kind: "command", command: ["docker-credential-test", "x"] },
      { kind: "command", command: [join(directory, "docker-credential-test")], username: "me" },
    ]);
  });

  it("are told of with every fault at once, without a word of what the files hold", () => {
    const files = withFiles({
      json: '{"auths": "hunter2"',
      list: '{"auths": ["hunter2"]}',
      empty: "\n",
      token: "hunter2 x",
    });
    const faults = faultsOf(`
upstreams:
  quay.io: { credentials: { dockerConfig: "${join(files, "json")}" } }
  ghcr.io: { credentials: { dockerConfig: "${join(files, "list")}" } }
  gcr.io: { credentials: { username: me, passwordFile: "${join(files, "empty")}" } }
  nvcr.io: { credentials: { tokenFile: "${join(files, "token")}" } }`);
    expect(faults.map(({ path }) => path)).toEqual([
      "upstreams.ghcr.io.credentials.dockerConfig",
      "upstreams.quay.io.credentials.dockerConfig",
      "upstreams.gcr.io.credentials.passwordFile",
      "upstreams.nvcr.io.credentials.tokenFile",
    ]);
    expect(JSON.stringify(faults)).not.toContain("hunter2");
  });

  it("from a config.json need an entry for the registry, and its helper on PATH", () => {
    const files = withFiles({
      other: '{"auths": {"ghcr.io": {"auth": "bWU6cHc="}}}',
      helper: '{"credHelpers": {"quay.io": "none-such"}}',
      good: '{"auths": {"quay.io": {"auth": "bWU6cHc="}}}',
    });
    expect(credentialFaults(`{ dockerConfig: "${join(files, "other")}" }`)[0]?.message).toContain(
      "holds no credentials for quay.io",
    );
    expect(credentialFaults(`{ dockerConfig: "${join(files, "helper")}" }`)[0]?.message).toBe(
      "docker-credential-none-such is not on PATH",
    );
    const file = join(files, "good");
    expect(credentialsOf(`{ dockerConfig: "${file}" }`)).toEqual([{ kind: "docker-config", file }]);
  });
});

describe("a client certificate", () => {
  const faults = (tls: string) => faultsOf(`upstreams: { quay.io: { tls: ${tls} } }`);

  it("is read with its key", () => {
    const files = withFiles({ cert: certificate, key: privateKey });
    const [certFile, keyFile] = [join(files, "cert"), join(files, "key")];
    const settings = load(`upstreams: { quay.io: { tls: { certFile: "${certFile}", keyFile: "${keyFile}" } } }`);
    expect(settings.upstreams.find(({ name }) => name === "quay.io")?.clientCertificate).toEqual({
      cert: certificate.trimEnd(),
      key: privateKey.trimEnd(),
      certFile,
      keyFile,
    });
  });

  it("is refused without its key, or with what is none", () => {
    const files = withFiles({ cert: certificate, key: "hunter2" });
    const [certFile, keyFile] = [join(files, "cert"), join(files, "key")];
    expect(faults(`{ certFile: "${certFile}" }`)).toEqual([
      { path: "upstreams.quay.io.tls", message: "must have certFile and keyFile, or neither" },
    ]);
    expect(faults(`{ certFile: "${certFile}", keyFile: "${keyFile}" }`)).toEqual([
      {
        path: "upstreams.quay.io.tls.keyFile",
        message: `${keyFile} is not the unencrypted key in PEM of ${certFile}`,
      },
    ]);
  });
});
