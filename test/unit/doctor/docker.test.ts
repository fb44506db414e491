import { describe, expect, it } from "vitest";
import { clientKinds } from "../../../src/doctor/clients/kinds.ts";
import { factsOf, filesOfSnippets, routesOf } from "./machine.ts";

const file = "/etc/docker/daemon.json";
const certificates = "/etc/docker/certs.d";
const basic = { access: { mode: "basic", hasAnonymousRule: false } } as const;

async function hubRoute(text: string, given = {}): Promise<true | string | undefined> {
  return (await routesOf("docker", { [file]: text }, given))["docker.io"];
}

describe("dockerd", () => {
  it("comes through with the snippet as it is printed", async () => {
    const loopback = { address: { scheme: "http", authority: "127.0.0.1:5000" } } as const;
    expect(await routesOf("docker", filesOfSnippets("docker"))).toEqual({ "docker.io": true, "ghcr.io": true });
    expect(await routesOf("docker", filesOfSnippets("docker", loopback), loopback)).toMatchObject({
      "docker.io": true,
    });
    expect(clientKinds.docker.snippets(factsOf({}, loopback))[0]?.text).not.toContain("insecure");
  });

  it("comes through with a trailing slash, which dockerd takes", async () => {
    expect(await hubRoute('{"registry-mirrors": ["http://cache:5000/"], "log-driver": "local"}')).toBe(true);
  });

  it.each([
    ["no file", undefined, /no such file/],
    ["an empty file", "", /is not JSON.*does not start/],
    ["JSON that is broken off", '{"registry-mirrors": [', /is not JSON.*does not start/],
    ["JSON that is no object", "[]", /is not a JSON object/],
    ["no mirror", '{"debug": true}', /names no mirror/],
    ["a string where a list belongs", '{"registry-mirrors": "http://cache:5000"}', /not a list of strings/],
    ["a path", '{"registry-mirrors": ["http://cache:5000/docker.io"]}', /has no path.*does not start/],
    ["no scheme", '{"registry-mirrors": ["cache:5000"]}', /must begin with http/],
    ["another port", '{"registry-mirrors": ["http://cache:5001"]}', /leads nowhere.*ECONNREFUSED/],
    ["another server", '{"registry-mirrors": ["http://web"]}', /is not entrepot.*status 200/],
    ["https for plain http", '{"registry-mirrors": ["https://cache:5000"]}', /speaks plain http/],
    ["http for https", '{"registry-mirrors": ["http://secure"]}', /speaks https/],
    ["a certificate that is not trusted", '{"registry-mirrors": ["https://secure"]}', /does not trust the certificate/],
  ])("does not come through with %s", async (_what, text, words) => {
    const files = text === undefined ? {} : { [file]: text };
    expect((await routesOf("docker", files))["docker.io"]).toMatch(words);
  });

  it("does not show a password that is in a mirror's URL", async () => {
    const { findings, routes } = await clientKinds.docker.read(
      factsOf({ [file]: '{"registry-mirrors": ["http://me:hunter2@cache:5000"]}' }),
    );
    expect(JSON.stringify([findings, routes])).toMatch(/has a user name in it/);
    expect(JSON.stringify([findings, routes])).not.toContain("hunter2");
  });

  it("trusts a certificate whose CA is in its place, or that is called insecure", async () => {
    const mirror = '"registry-mirrors": ["https://secure"]';
    const withCa = { [file]: `{${mirror}}`, [`${certificates}/secure/ca.crt`]: "PEM" };
    expect((await routesOf("docker", withCa))["docker.io"]).toBe(true);
    expect(await hubRoute(`{${mirror}, "insecure-registries": ["secure"]}`)).toBe(true);
  });

  it("goes past an instance that answers 401, unless anonymous may pull", async () => {
    const text = '{"registry-mirrors": ["http://cache:5000"]}';
    expect(await hubRoute(text, basic)).toMatch(/401.*goes to Docker Hub/);
    expect(await hubRoute(text, { access: { mode: "basic", hasAnonymousRule: true } })).toBe(true);
    expect(await hubRoute(text, { access: { mode: "upstream", hasAnonymousRule: false } })).toBe(true);
  });

  it("would get another registry's images where the default upstream is not Docker Hub", async () => {
    const text = '{"registry-mirrors": ["http://cache:5000"]}';
    expect(await hubRoute(text, { defaultUpstream: "ghcr.io" })).toMatch(/defaultUpstream is ghcr\.io/);
  });

  it("says what is asked before entrepot", async () => {
    const text = '{"registry-mirrors": ["http://elsewhere:1", "http://cache:5000"]}';
    const { findings, routes } = await clientKinds.docker.read(factsOf({ [file]: text }));
    expect(routes[0]).toEqual({ registry: "docker.io", comesThrough: true, why: null });
    expect(findings[0]?.says).toMatch(/^http:\/\/cache:5000 leads here \(asked before: elsewhere:1 leads nowhere/);
  });

  it("has no mirrors for other registries, and says so", async () => {
    const { findings, routes } = await clientKinds.docker.read(factsOf({ [file]: "{}" }));
    expect(routes.map(({ registry }) => registry)).toEqual(["docker.io"]);
    expect(findings.find(({ check }) => check === "other registries")?.says).toMatch(/^only Docker Hub has mirrors/);
  });
});
