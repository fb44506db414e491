// entrepot as users run it, before three registries: one that works and has a quota, one that breaks off, one that refuses us.
import { createInterface } from "node:readline";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { endProcess, spawnAsStart } from "../bench/spawn-as-start.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";

export const budgetBytes = 12_000_000;

export interface Scene {
  hub: TestUpstream;
  flaky: TestUpstream;
  closed: TestUpstream;
  /** Where entrepot serves pulls, and its metrics: `http://127.0.0.1:<port>`. */
  url: string;
  adminUrl: string;
  dataDir: string;
  stop(): Promise<void>;
}

export async function startScene(directory: string): Promise<Scene> {
  const hub = await startUpstream({ auth: { kind: "bearer" } });
  const flaky = await startUpstream({});
  const closed = await startUpstream({ auth: { kind: "basic", users: { me: "another" } } });
  const dataDir = join(directory, "data");
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "entrepot.yaml");
  const password = join(directory, "password");
  writeFileSync(password, "wrong\n", { mode: 0o600 });
  writeFileSync(file, stringify(settings(dataDir, password, { hub, flaky, closed })));
  const child = await spawnAsStart({
    environment: { ENTREPOT_CONFIG: file },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const upstreams = [hub, flaky, closed];
  const stop = async (): Promise<void> => {
    await endProcess(child);
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  };
  const { stdout } = child;
  if (!stdout) throw new Error("the log comes by a pipe");
  return new Promise((resolve, reject) => {
    createInterface(stdout).on("line", (line) => {
      const { msg, pull, admin } = JSON.parse(line) as { msg: string; pull?: string[]; admin?: string[] };
      if (msg !== "listening") return;
      resolve({
        hub,
        flaky,
        closed,
        url: `http://${String(pull?.[0])}`,
        adminUrl: `http://${String(admin?.[0])}`,
        dataDir,
        stop,
      });
    });
    child.once("exit", (code) => reject(new Error(`entrepot ended with ${String(code)} before it listened`)));
  });
}

type Registries = Pick<Scene, "hub" | "flaky" | "closed">;

function settings(dataDir: string, passwordFile: string, { hub, flaky, closed }: Registries): unknown {
  return {
    listen: "127.0.0.1:0",
    admin: { listen: "127.0.0.1:0" },
    dataDir,
    log: { format: "json" },
    storage: { maxSize: `${budgetBytes / 1_000_000}MB`, minFree: "1MiB" },
    tags: { freshFor: "1s" },
    limits: { attempts: 2 },
    upstreams: {
      "docker.io": { endpoints: [hub.url] },
      "quay.io": { endpoints: [flaky.url], breaker: { openFor: "5s" } },
      "lab.test": { endpoints: [closed.url], credentials: { username: "me", passwordFile } },
    },
  };
}
