import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { writeHtpasswd } from "../support/htpasswd.ts";
import { startUpstream } from "../upstream/index.ts";
import { sha256 } from "../support/reply.ts";
import { olderNode } from "./older-node.ts";

const run = promisify(execFile);
const nobody = 65_534;
const login = { authorization: `Basic ${Buffer.from("ci:open sesame").toString("base64")}` };

/** What `npm pack` gives, installed with `npm install --global` below a directory of its own. */
describe("the packed command line", () => {
  let directory: string;
  let command: string;
  let packed: string[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "entrepot-packed-"));
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", directory]);
    const [tarball] = (await readdir(directory)).filter((name) => name.endsWith(".tgz"));
    packed = filesOf(stdout);
    const prefix = join(directory, "prefix");
    await run("npm", ["install", "--global", "--prefix", prefix, join(directory, String(tarball))]);
    command = join(prefix, "bin", "entrepot");
  });

  afterAll(() => rm(directory, { recursive: true }));

  it("holds what is compiled, and neither sources nor tests nor development packages", async () => {
    const others = packed.filter((name) => !/^dist\/.*\.(?:js|css|html|svg)$/.test(name));
    expect(others.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
    const packages = await readdir(join(directory, "prefix/lib/node_modules/entrepot/node_modules"));
    expect(packages).toContain("better-sqlite3");
    expect(packages).not.toEqual(expect.arrayContaining(["typescript"]));
    expect(packages).not.toEqual(expect.arrayContaining(["vitest"]));
  });

  it("serves pulls and the page, checks passwords and verifies what it has stored", async () => {
    const upstream = await startUpstream();
    const image = upstream.pushImage("library/demo", "1");
    const file = await writeConfig(directory, upstream.url);
    const server = spawn(command, ["serve", "--config", file], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const { pull, admin } = await listening(server.stdout);
      const manifest = await fetch(`http://${String(pull[0])}/v2/library/demo/manifests/1`, { headers: login });
      expect([manifest.status, sha256(await manifest.bytes())]).toEqual([200, image.digest]);
      const refused = await fetch(`http://${String(pull[0])}/v2/`, {
        headers: { authorization: `Basic ${Buffer.from("ci:wrong").toString("base64")}` },
      });
      expect(refused.status).toBe(401);
      const page = await fetch(`http://${String(admin[0])}/`);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<html")]);
    } finally {
      server.kill("SIGTERM");
    }
    expect(await once(server, "exit")).toEqual([0, null]);
    const verified = await run(command, ["verify", "--data-dir", join(directory, "data"), "--json"]);
    expect(JSON.parse(verified.stdout)).toMatchObject({ findings: [] });
    await upstream.close();
  });

  it("serves as nobody, on a root file system that is read-only", async () => {
    const upstream = await startUpstream();
    const image = upstream.pushImage("library/demo", "1");
    const data = await mkdtemp(join(directory, "nobody-"));
    await chmod(directory, 0o755);
    await chown(data, nobody, nobody);
    const file = join(directory, "nobody.yaml");
    const upstreams = { "docker.io": { endpoints: [upstream.url] } };
    await writeFile(
      file,
      stringify({ listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0" }, dataDir: data, upstreams }),
    );
    const script =
      'mount --bind "$1" "$1" && mount -o remount,bind,ro / && ! touch /tmp/a-file && shift && exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"';
    const words = ["--mount", "sh", "-c", script, "sh", data, process.execPath, command, "serve", "--config", file];
    const server = spawn("unshare", words, { stdio: ["ignore", "pipe", "ignore"] });
    const { pull } = await listening(server.stdout);
    const manifest = await fetch(`http://${String(pull[0])}/v2/library/demo/manifests/1`);
    expect([manifest.status, sha256(await manifest.bytes())]).toEqual([200, image.digest]);
    server.kill("SIGTERM");
    expect(await once(server, "exit")).toEqual([0, null]);
    await upstream.close();
  });

  it("says on an older Node which one it needs, and exits with 78", async () => {
    const node = await olderNode(join(directory, "older"));
    await expect(run(node, [command, "serve"])).rejects.toMatchObject({
      code: 78,
      stdout: "",
      stderr: expect.stringMatching(/^entrepot: Node 24 or newer is needed, this is \d+\.\d+\.\d+\n$/) as string,
    });
  });
});

async function writeConfig(directory: string, upstreamUrl: string): Promise<string> {
  const file = join(directory, "entrepot.yaml");
  const { file: htpasswdFile } = writeHtpasswd({ ci: "open sesame" });
  const settings = {
    listen: "127.0.0.1:0",
    admin: { listen: "127.0.0.1:0" },
    dataDir: join(directory, "data"),
    storage: { maxSize: "1GiB", minFree: "1MiB" },
    access: { mode: "basic", htpasswdFile },
    upstreams: { "docker.io": { endpoints: [upstreamUrl] } },
  };
  await writeFile(file, stringify(settings));
  return file;
}

async function listening(output: NodeJS.ReadableStream): Promise<{ pull: string[]; admin: string[] }> {
  for await (const line of createInterface(output)) {
    if (line.includes('"listening"')) return JSON.parse(line) as { pull: string[]; admin: string[] };
  }
  throw new Error("it ended before it listened");
}

/** The paths in what `npm pack --json` prints, behind what its scripts print. */
function filesOf(output: string): string[] {
  const reports = JSON.parse(output.slice(output.search(/^\[/m))) as { files: { path: string }[] }[];
  return reports.flatMap(({ files }) => files.map(({ path }) => path));
}
