import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAdminApp, type AdminAppOptions } from "../../../src/admin/index.ts";
import { adminOptions, fakeOperations, listen, someStats } from "../admin/admin-server.ts";
import { someUpstream } from "../admin/reports.ts";
import { run, withFile } from "./command-line.ts";

function startAdmin(options: Partial<AdminAppOptions> = {}, socketPath?: string): Promise<string> {
  const operations = fakeOperations({ upstreams: () => Promise.resolve([someUpstream]) });
  return listen(createAdminApp(adminOptions({ operations, ...options })), socketPath);
}

describe("entrepot stats", () => {
  it("prints tables for people", async () => {
    const { exitCode, stdout } = await run(["stats", "--admin", await startAdmin()]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`entrepot 1.2.3, up 3 h 3 min

requests  10
  hit      8  80.0 %
  filled   1  10.0 %
  absent   1  10.0 %

served to clients   3.0 GiB
  without upstream  2.0 GiB  66.7 %
fetched             1.0 GiB

store            5.0 GiB  50.0 %
  budget        10.0 GiB
  free on disk   7.0 TiB
  blobs               12
  manifests            3
  tags                 2
  repositories         1
fills running          1
ready offline     2 tags
  incomplete      1 tags

upstream   requests  failures  fetched  pulls left  until                 state
docker.io        42         3  1.0 GiB   76 of 100  2026-01-02 03:04:05Z  ok
`);
  });

  it("prints JSON for programs", async () => {
    const { stdout } = await run(["stats", "--json", "--admin", await startAdmin()]);
    expect(JSON.parse(stdout)).toEqual(someStats);
  });
});

describe("finding the instance", () => {
  it("goes by --admin, then ENTREPOT_ADMIN_URL, then admin.listen", async () => {
    const url = await startAdmin();
    const config = withFile(`admin: { listen: "${url.replace("http://", "")}" }`);
    const elsewhere = { ENTREPOT_ADMIN_URL: "http://127.0.0.1:1" };
    expect((await run(["stats", "--admin", url], { environment: elsewhere })).exitCode).toBe(0);
    expect((await run(["stats"], { environment: { ENTREPOT_ADMIN_URL: url } })).exitCode).toBe(0);
    expect((await run(["stats", "--config", config])).exitCode).toBe(0);
    expect((await run(["stats"], { environment: { ENTREPOT_CONFIG: config } })).exitCode).toBe(0);
    expect((await run(["stats", "--config", config], { environment: elsewhere })).exitCode).toBe(69);
  });

  it("speaks over a unix socket", async () => {
    const config = withFile("");
    const socketPath = join(dirname(config), "admin.sock");
    await startAdmin({}, socketPath);
    expect((await run(["stats", "--admin", `unix:${socketPath}`])).exitCode).toBe(0);
    expect((await run(["stats", "--config", withFile(`admin: { listen: "unix:${socketPath}" }`)])).exitCode).toBe(0);
  });

  it("says what to do when the port is not known", async () => {
    const result = await run(["stats", "--config", withFile('admin: { listen: "127.0.0.1:0" }')]);
    expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("give --admin URL") as string });
  });

  it("refuses a URL of another kind", async () => {
    expect((await run(["stats", "--admin", "ftp://h"])).exitCode).toBe(2);
  });

  it("exits with 78 when it needs a configuration that is faulty", async () => {
    expect((await run(["stats", "--config", withFile("listn: a")])).exitCode).toBe(78);
  });
});

describe("the token", () => {
  const exposed = { isLoopback: false };

  it("comes from --token-file, ENTREPOT_ADMIN_TOKEN_FILE, admin.tokenFile, or the data directory", async () => {
    const url = await startAdmin(exposed);
    const tokenFile = withFile("the-token\n", "admin-token");
    const wrongFile = withFile("another\n", "admin-token");
    const byEnvironment = { environment: { ENTREPOT_ADMIN_TOKEN_FILE: wrongFile } };
    expect((await run(["stats", "--admin", url, "--token-file", tokenFile], byEnvironment)).exitCode).toBe(0);
    expect(
      (await run(["stats", "--admin", url], { environment: { ENTREPOT_ADMIN_TOKEN_FILE: tokenFile } })).exitCode,
    ).toBe(0);
    for (const yaml of [`admin: { tokenFile: "${tokenFile}" }`, `dataDir: "${dirname(tokenFile)}"`]) {
      expect((await run(["stats", "--admin", url, "--config", withFile(yaml)])).exitCode).toBe(0);
    }
  });

  it("missing or wrong is exit code 77, in words that name the file and not the token", async () => {
    const url = await startAdmin(exposed);
    const missing = await run(["stats", "--admin", url, "--config", withFile("dataDir: /nowhere")]);
    expect(missing.exitCode).toBe(77);
    expect(missing.stderr).toBe(
      `entrepot: ${url} asks for the admin token, and no token could be read from /nowhere/admin-token: give --token-file FILE\n`,
    );
    const wrongFile = withFile("hunter2");
    const wrong = await run(["stats", "--admin", url, "--token-file", wrongFile]);
    expect(wrong.exitCode).toBe(77);
    expect(wrong.stderr).toContain(`it does not accept the token of ${wrongFile}`);
    expect(wrong.stderr).not.toContain("hunter2");
  });

  it("file that was asked for must be there", async () => {
    const result = await run(["stats", "--admin", "http://127.0.0.1:1", "--token-file", "/nowhere/token"]);
    expect(result).toMatchObject({ exitCode: 2, stderr: "entrepot: the token file /nowhere/token cannot be read\n" });
  });
});

describe("an instance that does not answer", () => {
  it("is exit code 69, in words that say what to do", async () => {
    const result = await run(["stats", "--admin", "http://127.0.0.1:1"]);
    expect(result).toMatchObject({ exitCode: 69, stdout: "" });
    expect(result.stderr).toBe(
      "entrepot: no instance answers at http://127.0.0.1:1 (ECONNREFUSED): start it with `entrepot serve`, or say where it is with --admin URL or ENTREPOT_ADMIN_URL\n",
    );
  });

  it("is exit code 69 too when something else is there", async () => {
    const web = await listen((_request, response) => void response.end("<html>"));
    const registry = await listen((_request, response) => void response.writeHead(404).end());
    for (const url of [web, registry]) {
      const result = await run(["stats", "--admin", url]);
      expect(result.exitCode).toBe(69);
      expect(result.stderr).toContain("not as the admin API of entrepot");
    }
  });

  it("is exit code 69 too when the connection breaks", async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    expect((await run(["stats", "--admin", `http://127.0.0.1:${port}`])).exitCode).toBe(69);
  });

  it("is exit code 1 when it fails", async () => {
    const url = await startAdmin({ stats: () => Promise.reject(new Error("inner")), onError: () => undefined });
    const result = await run(["stats", "--admin", url]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain("failed to answer (500)");
  });
});
