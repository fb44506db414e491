import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobDocument, Stats } from "../../src/admin/index.ts";
import type { CliContext } from "../../src/cli/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { run, withFile, type Run } from "../unit/cli/command-line.ts";
import { interruption, terminal } from "../unit/cli/jobs.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;

let upstream: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  instance = await startInstance({
    settings: { limits: { attempts: 1 }, upstreams: { "docker.io": { endpoints: [upstream.url] } } },
  });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function entrepot(argv: readonly string[], context: Partial<CliContext> = {}): Promise<Run> {
  const flags = ["--admin", instance.adminUrl, "--token-file", withFile(instance.app.adminToken, "admin-token")];
  const [command = "", ...rest] = argv;
  return run([command, ...flags, ...rest], context);
}

/** Collects what is written, and does something as soon as it holds something. */
function watching(): { output: { write(text: string): void; text: string }; until: (part: RegExp) => Promise<void> } {
  const waiting: { part: RegExp; resolve: () => void }[] = [];
  const output = {
    text: "",
    write(text: string) {
      output.text += text;
      for (const { part, resolve } of waiting) if (part.test(output.text)) resolve();
    },
  };
  const until = (part: RegExp): Promise<void> =>
    new Promise((resolve) => {
      if (part.test(output.text)) resolve();
      else waiting.push({ part, resolve });
    });
  return { output, until };
}

describe("entrepot warm", () => {
  it("says of each image and of all what was fetched, and what was here already", async () => {
    const { manifest, config, layers } = upstream.pushImage(repository, "1", { layers: [300_000] });
    const bytes = manifest.length + config.size + (layers[0]?.size ?? 0);
    const first = await entrepot(["warm", image]);
    expect([first.exitCode, first.stderr]).toEqual([
      0,
      `${image}: fetched 3 blobs, ${(bytes / 1024).toFixed(1)} KiB\n`,
    ]);
    const size = `${(bytes / 1024).toFixed(1)} KiB`;
    expect(first.stdout).toBe(`${image}  fetched 3 blobs, ${size}\n\nfetched 3 blobs, ${size}\n`);
    expect((await entrepot(["warm", image])).stdout).toContain(`${image}  nothing to fetch; 3 blobs here already\n`);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(2);
  });

  it("reads the images of a file, and exits with 1 where one of them failed", async () => {
    upstream.pushImage(repository, "1", { layers: [1000] });
    const file = withFile(`# what we need\n\n${image}   # the main one\r\ndocker.io/library/absent:1\n`, "images.txt");
    const { exitCode, stdout, stderr } = await entrepot(["warm", "--file", file, "--parallel", "1"]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("failed: docker.io/library/absent has no such manifest");
    expect(stdout).toContain("1 of 2 images failed");
    expect(stderr).toMatch(/entrepot: 1 of 2 images failed\n$/);
  });

  it("prints the job for programs", async () => {
    upstream.pushImage(repository, "1", { layers: [1000] });
    const job = JSON.parse((await entrepot(["warm", "--json", image])).stdout) as JobDocument;
    expect(job).toMatchObject({ kind: "warm", state: "done", items: [{ image, state: "done", error: null }] });
    expect(job.result).toMatchObject({ fetched: { images: 1, blobs: 3 }, failed: [] });
  });

  it("takes the platforms that it is told", async () => {
    const images = ["amd64", "s390x"].map((architecture) =>
      upstream.pushImage(repository, undefined, { platform: { os: "linux", architecture }, layers: [1000] }),
    );
    upstream.pushIndex(repository, "1", ...images);
    expect((await entrepot(["warm", image, "--platform", "linux/s390x"])).stdout).toContain("fetched 4 blobs");
    expect((await entrepot(["warm", image, "--platform", "all"])).stdout).toContain("4 blobs here already");
  });

  it("draws a bar for each image and one for all of them on a terminal, and takes them away", async () => {
    const gate = createGate();
    upstream.pushImage(repository, "1", { layers: [3_000_000] });
    upstream.pushImage("library/other", "1", { layers: [2_000_000] });
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 1000) });
    const shown = terminal();
    const { output, until } = watching();
    const running = entrepot(["warm", image, "docker.io/library/other:1"], {
      stderr: { ...shown, columns: 120, write: (text) => output.write(text) },
    });
    await until(/docker\.io\/library\/demo:1 +\[[^\n]*\n[^\n]*other:1 +\[[^\n]*\n0 of 2 images +\[/);
    gate.release();
    const { exitCode } = await running;
    expect([exitCode, output.text.endsWith("\u001b[J")]).toEqual([0, true]);
  });

  it("is cancelled by Ctrl-C, and goes on where it was when it is begun again", async () => {
    const gate = createGate();
    const { layers } = upstream.pushImage(repository, "1", { layers: [1000, 4_000_000] });
    const large = layers[1]?.digest ?? "";
    const rule = upstream.misbehave({ on: "blob", reference: large, temperament: temperaments.gated(gate, 3_000_000) });
    const { onInterrupt, interrupt, listeners } = interruption();
    const running = entrepot(["warm", image], { onInterrupt });
    await gate.reached();
    interrupt();
    const { exitCode, stdout, stderr } = await running;
    expect([exitCode, listeners.size]).toEqual([1, 0]);
    expect(stdout).toContain(`${image}  cancelled: `);
    expect(stderr).toContain("the warming was cancelled; what is here stays, and the same command goes on");
    rule.stop();
    gate.release();
    const again = await entrepot(["warm", image]);
    expect([again.exitCode, again.stdout.includes("here already")]).toEqual([0, true]);
    expect(upstream.requests.count({ kind: "blob", reference: layers[0]?.digest, method: "GET" })).toBe(1);
  });

  it.each([
    [["warm"], "say which images"],
    [["warm", "--file", "/nowhere"], "the file /nowhere cannot be read"],
    [["warm", image, "--parallel", "0"], "--parallel must be a number from 1 to 16"],
    [["warm", "alpine"], '"alpine" names no registry'],
    [["warm", image, "--platform", "nonsense"], 'or ["all"]'],
  ])("exits with 2 where nobody can know what is meant: %j", async (argv, words) => {
    const { exitCode, stderr } = await entrepot(argv);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(words)]);
    expect(upstream.requests.count()).toBe(0);
  });
});

describe("entrepot refresh", () => {
  it("says what the tag names now", async () => {
    const first = upstream.pushImage(repository, "1", { layers: [1000] });
    expect((await entrepot(["refresh", image])).stdout).toBe(`${image} is here now: ${first.digest}\n`);
    expect((await entrepot(["refresh", image])).stdout).toBe(`${image} is still ${first.digest}\n`);
    const second = upstream.pushImage(repository, "1", { layers: [2000] });
    expect((await entrepot(["refresh", image])).stdout).toBe(
      `${image} has moved from ${first.digest} to ${second.digest}\n`,
    );
    upstream.removeTag(repository, "1");
    const kept = await entrepot(["refresh", "--json", image]);
    expect(JSON.parse(kept.stdout)).toMatchObject({ outcome: "kept", after: second.digest });
  });

  it("exits with 1 where it is nowhere, and where the upstream fails, in its words", async () => {
    const absent = await entrepot(["refresh", image]);
    expect([absent.exitCode, absent.stderr]).toEqual([1, `entrepot: ${image} is not there, says the upstream\n`]);
    await upstream.stop();
    const failed = await entrepot(["refresh", image]);
    expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining("docker.io cannot be reached")]);
  });
});

describe("entrepot stats --watch", () => {
  it("draws on a terminal what the instance does, as soon as it does it, until Ctrl-C", async () => {
    const { onInterrupt, interrupt, listeners } = interruption();
    const { output, until } = watching();
    const running = entrepot(["stats", "--watch"], {
      onInterrupt,
      stdout: { ...output, write: (text) => output.write(text), isTTY: true },
    });
    await until(/up \d/);
    upstream.pushImage(repository, "1", { layers: [1000] });
    await pull(instance, repository, "1");
    await until(/filled +3/);
    interrupt();
    expect([(await running).exitCode, listeners.size]).toEqual([0, 0]);
    expect(output.text.startsWith("\u001b[H\u001b[Jentrepot 0.0.0-test")).toBe(true);
  });

  it("shows what is being fetched", async () => {
    const gate = createGate();
    const { layers } = upstream.pushImage(repository, "1", { layers: [3_000_000] });
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 1_500_000) });
    const { onInterrupt, interrupt } = interruption();
    const { output, until } = watching();
    const running = entrepot(["stats", "--watch"], {
      onInterrupt,
      stdout: { write: (text) => output.write(text), isTTY: true },
    });
    const pulling = instance.ask(`/v2/${repository}/blobs/${layers[0]?.digest ?? ""}`);
    await until(/docker\.io\/library\/demo +sha256:[0-9a-f]{12} +1\.4 MiB +of 2\.9 MiB +50\.0 %/);
    gate.release();
    await pulling;
    interrupt();
    expect((await running).exitCode).toBe(0);
  });

  it("prints elsewhere one JSON object a line, or a table, per interval", async () => {
    for (const [flags, part] of [
      [["--json"], /\n.*\n/],
      [[], /up \d.*[\s\S]*up \d/],
    ] as const) {
      const { onInterrupt, interrupt } = interruption();
      const { output, until } = watching();
      const running = entrepot(["stats", "--watch", "--interval", "10ms", ...flags], { onInterrupt, stdout: output });
      await until(part);
      interrupt();
      expect((await running).exitCode).toBe(0);
      const [first = ""] = output.text.split("\n");
      if (flags.length > 0) expect((JSON.parse(first) as Stats).version).toBe("0.0.0-test");
      expect(output.text).not.toContain("\u001b");
    }
  });

  it("asks again and again where there is no place at the event stream", async () => {
    const listeners = await Promise.all(Array.from({ length: 64 }, () => fetch(`${instance.adminUrl}/api/v1/events`)));
    const { onInterrupt, interrupt } = interruption();
    const { output, until } = watching();
    const running = entrepot(["stats", "--watch", "--interval", "10ms"], {
      onInterrupt,
      stdout: { write: (text) => output.write(text), isTTY: true },
    });
    await until(/up \d.*[\s\S]*up \d/);
    interrupt();
    expect((await running).exitCode).toBe(0);
    for (const { body } of listeners) await body?.cancel();
  });

  it("exits with 69 where the instance does not answer, with 2 for an interval that is none", async () => {
    expect((await run(["stats", "--watch", "--admin", "http://127.0.0.1:1"])).exitCode).toBe(69);
    for (const flags of [
      ["--watch", "--interval", "soon"],
      ["--watch", "--interval", "0s"],
      ["--interval", "5s"],
    ]) {
      expect((await entrepot(["stats", ...flags])).exitCode).toBe(2);
    }
  });
});

describe("entrepot events", () => {
  it("prints what happens, one line each, until Ctrl-C", async () => {
    const { digest } = upstream.pushImage(repository, "1", { layers: [1000] });
    await pull(instance, repository, "1");
    await instance.settled();
    const { onInterrupt, interrupt } = interruption();
    const { output, until } = watching();
    const running = entrepot(["events", "--since", "0"], { onInterrupt, stdout: output });
    await until(/not known any more\)\n/);
    const { freedBytes } = await apiOf(instance).evict({ image });
    await until(/evicted .*\n/);
    interrupt();
    expect((await running).exitCode).toBe(0);
    expect(output.text).toMatch(
      new RegExp(
        `\\n\\S+ \\S+Z evicted reason=operator image=${image} digest=${digest} bytes=${freedBytes} count=1\\n$`,
      ),
    );
  });

  it("prints each as JSON for programs", async () => {
    const { onInterrupt, interrupt } = interruption();
    const { output, until } = watching();
    const running = entrepot(["events", "--json", "--since", "0"], { onInterrupt, stdout: output });
    await until(/gap/);
    upstream.pushImage(repository, "1", { layers: [1000] });
    await pull(instance, repository, "1");
    upstream.pushImage(repository, "1", { layers: [2000] });
    await apiOf(instance).refresh(image);
    await until(/tag-moved/);
    interrupt();
    await running;
    const [, moved = ""] = output.text.split("\n");
    expect(JSON.parse(moved)).toMatchObject({ kind: "tag-moved", image });
  });
});
