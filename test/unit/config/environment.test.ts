import { describe, expect, it } from "vitest";
import { environmentName } from "../../../src/config/environment.ts";
import { faultsOf, load } from "./config-file.ts";

describe("the environment", () => {
  it.each([
    ["listen", "ENTREPOT_LISTEN"],
    ["dataDir", "ENTREPOT_DATA_DIR"],
    ["storage.maxSize", "ENTREPOT_STORAGE_MAX_SIZE"],
    ["admin.tls.clientCaFile", "ENTREPOT_ADMIN_TLS_CLIENT_CA_FILE"],
    ["tags.freshFor", "ENTREPOT_TAGS_FRESH_FOR"],
  ])("spells %s as %s", (path, name) => {
    expect(environmentName(path)).toBe(name);
  });

  it("reaches the scalars, and lists by comma", () => {
    const settings = load("", {
      ENTREPOT_LISTEN: "127.0.0.1:5000, unix:/run/e.sock",
      ENTREPOT_ADMIN_LISTEN: "127.0.0.1:0",
      ENTREPOT_ADMIN_TOKEN_FILE: "/run/token",
      ENTREPOT_DATA_DIR: "/var/lib/entrepot",
      ENTREPOT_STORAGE_MAX_SIZE: "50%",
      ENTREPOT_LIMITS_ATTEMPTS: "2",
      ENTREPOT_DEFAULT_UPSTREAM: "quay.io",
      ENTREPOT_LOG_LEVEL: "debug",
    });
    expect(settings.listen).toEqual([
      { kind: "tcp", host: "127.0.0.1", port: 5000 },
      { kind: "unix", path: "/run/e.sock" },
    ]);
    expect(settings.admin.listen).toEqual([{ kind: "tcp", host: "127.0.0.1", port: 0 }]);
    expect(settings.admin.tokenFile).toBe("/run/token");
    expect(settings.dataDir).toBe("/var/lib/entrepot");
    expect(settings.storage.maxSize).toEqual({ kind: "share", share: 0.5 });
    expect(settings.upstreams[0]?.limits.attempts).toBe(2);
    expect(settings.defaultUpstream).toBe("quay.io");
    expect(settings.log.level).toBe("debug");
  });

  it("stands over the file and under the flags", () => {
    const yaml = "dataDir: /file\nlog: { level: warn }\nmetrics: { listen: '127.0.0.1:9100' }";
    const environment = { ENTREPOT_DATA_DIR: "/environment", ENTREPOT_LOG_LEVEL: "error" };
    const settings = load(yaml, environment, { dataDir: "/flag", "admin.listen": "127.0.0.1:6001" });
    expect(settings.dataDir).toBe("/flag");
    expect(settings.log.level).toBe("error");
    expect(settings.admin.listen).toEqual([{ kind: "tcp", host: "127.0.0.1", port: 6001 }]);
    expect(settings.metrics.listen).toEqual([{ kind: "tcp", host: "127.0.0.1", port: 9100 }]);
  });

  it("is named in the faults that come from it", () => {
    expect(faultsOf("", { ENTREPOT_TAGS_FRESH_FOR: "soon" })).toEqual([
      {
        path: "tags.freshFor",
        message: 'must be a duration with its unit such as 30s, 5m or 1d, not "soon" (from ENTREPOT_TAGS_FRESH_FOR)',
      },
    ]);
  });

  it("may not hold a variable that means nothing", () => {
    expect(faultsOf("", { ENTREPOT_DATADIR: "secret", ENTREPOT_UPSTREAMS: "x" })).toEqual([
      { path: "ENTREPOT_DATADIR", message: "unknown environment variable; did you mean ENTREPOT_DATA_DIR?" },
      { path: "ENTREPOT_UPSTREAMS", message: expect.stringMatching(/^unknown environment variable/) as string },
    ]);
  });

  it("may hold what the command line reads, empty variables, and those of others", () => {
    const environment = {
      ENTREPOT_CONFIG: "x",
      ENTREPOT_ADMIN_URL: "x",
      ENTREPOT_LISTEN: "",
      ENTREPOTS: "x",
      PATH: "/bin",
    };
    expect(load("", environment)).toEqual(load(""));
  });

  it("may hold what Kubernetes puts there for a Service that is called entrepot", () => {
    const environment = {
      ENTREPOT_PORT: "tcp://10.0.0.1:5000",
      ENTREPOT_PORT_5000_TCP: "tcp://10.0.0.1:5000",
      ENTREPOT_PORT_5000_TCP_PROTO: "tcp",
      ENTREPOT_PORT_5000_TCP_ADDR: "10.0.0.1",
      ENTREPOT_SERVICE_HOST: "10.0.0.1",
      ENTREPOT_SERVICE_PORT: "5000",
      ENTREPOT_SERVICE_PORT_REGISTRY: "5000",
      ENTREPOT_METRICS_PORT: "tcp://10.0.0.2:9100",
      ENTREPOT_METRICS_SERVICE_HOST: "10.0.0.2",
    };
    expect(load("", environment)).toEqual(load(""));
    expect(faultsOf("", { ENTREPOT_PORT: "5000" })).toHaveLength(1);
  });
});
