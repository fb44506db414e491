import { describe, expect, it } from "vitest";
import { createAdminApp } from "../../../src/admin/index.ts";
import { adminOptions, listen } from "../admin/admin-server.ts";
import { run, withFile } from "./command-line.ts";

describe("entrepot healthcheck", () => {
  it("ends with 0 where the instance is alive, found as its own configuration says", async () => {
    const url = await listen(createAdminApp(adminOptions()));
    const config = withFile(`admin: { listen: "${url.replace("http://127.0.0.1", "0.0.0.0")}" }`);
    const { exitCode, stdout } = await run(["healthcheck"], { environment: { ENTREPOT_CONFIG: config } });
    expect([exitCode, stdout]).toEqual([0, `${url} is alive\n`]);
  });

  it("needs no token, whatever the listener asks of others", async () => {
    const url = await listen(createAdminApp(adminOptions({ isLoopback: false })));
    const { exitCode, stdout } = await run(["healthcheck", "--json", "--admin", url]);
    expect([exitCode, JSON.parse(stdout)]).toEqual([0, { isAlive: true }]);
  });

  it("ends with 1 where what answers is not well", async () => {
    const url = await listen((_, response) => void response.writeHead(503).end());
    const { exitCode, stderr } = await run(["healthcheck", "--admin", url]);
    expect([exitCode, stderr]).toEqual([1, `entrepot: ${url} is not healthy (503)\n`]);
  });

  it("ends with 69 where nothing answers", async () => {
    expect((await run(["healthcheck", "--admin", "http://127.0.0.1:1"])).exitCode).toBe(69);
  });
});
