import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../clients/child-processes.ts";
import { useChromium } from "./support/chromium.ts";

const chromium = useChromium();
const root = fileURLToPath(new URL("../../", import.meta.url));

interface Served {
  directory: string;
  adminUrl: string;
  /** What has come out so far. */
  output: () => string;
}

/** `entrepot serve`, with a terminal (of `script`, util-linux) or with a pipe; ended after the test. */
async function serve(kind: "terminal" | "pipe", flags = ""): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-link-"));
  const adminPort = await freePort();
  const listen = `--listen 127.0.0.1:${await freePort()} --admin-listen 127.0.0.1:${adminPort}`;
  const command = `exec ${process.execPath} src/main.ts serve ${listen} --data-dir ${directory}/data`;
  const [file, given] = kind === "terminal" ? ["script", ["-qefc", command, "/dev/null"]] : ["sh", ["-c", command]];
  const child: ChildProcess = spawn(file, given, {
    cwd: root,
    env: { ...process.env, ...parse(flags) },
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await rm(directory, { recursive: true, force: true });
  });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  await expect.poll(() => output, { timeout: 30_000 }).toContain("listening");
  return { directory, adminUrl, output: () => output };
}

function parse(flags: string): Record<string, string> {
  return Object.fromEntries(
    flags
      .split(" ")
      .filter(Boolean)
      .map((flag) => flag.split("=", 2) as [string, string]),
  );
}

describe("entrepot serve", () => {
  it("prints a link on a terminal that opens the page with the right to change things", async () => {
    const { directory, adminUrl, output } = await serve("terminal");
    const token = (await readFile(join(directory, "data", "admin-token"), "utf8")).trim();
    const link = `${adminUrl}/#token=${token}`;
    await expect.poll(output).toContain(link);
    const page = await chromium().newPage();
    await page.goto(link);
    await page.getByRole("button", { name: "Forget token" }).waitFor();
    await page.close();
  });

  it.each([
    ["pipe", ""],
    ["terminal", "ENTREPOT_LOG_FORMAT=json"],
  ] as const)("prints no token where its output is a log: %s %s", async (kind, flags) => {
    const { directory, adminUrl, output } = await serve(kind, flags);
    const token = (await readFile(join(directory, "data", "admin-token"), "utf8")).trim();
    // What follows the start is in the output by the time that the API answers.
    expect((await fetch(`${adminUrl}/api/v1/stats`)).status).toBe(200);
    expect(output()).not.toContain(token);
  });
});
