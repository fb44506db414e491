import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { formatSettings, type UpstreamEntry } from "../../../src/config/index.ts";
import { faultsOf, load } from "./config-file.ts";

const quay = (yaml: string): UpstreamEntry | undefined =>
  load(`upstreams: { quay.io: ${yaml} }`).upstreams.find(({ name }) => name === "quay.io");

const parent = "{ url: http://parent:5000, addressing: ns }";

describe("an endpoint that says how it is addressed", () => {
  it.each(["ns", "path", "plain"])("is a parent cache: %s", (addressing) => {
    const entry = quay(`{ endpoints: [{ url: http://parent:5000, addressing: ${addressing} }, https://quay.io] }`);
    expect(entry?.endpoints.map((endpoint) => endpoint.parent)).toEqual([{ addressing, isTrusted: false }, undefined]);
  });

  it("may be trusted with what belongs to the registry", () => {
    const entry = quay("{ endpoints: [{ url: http://parent:5000, addressing: path, trusted: true }] }");
    expect(entry?.endpoints[0]?.parent).toEqual({ addressing: "path", isTrusted: true });
  });

  it("leaves the credentials of the upstream to the registry behind it", () => {
    const entry = quay(`{ endpoints: [${parent}, https://quay.io], credentials: { token: abc } }`);
    expect(entry?.endpoints.map(({ credentials }) => credentials.length)).toEqual([0, 1]);
  });

  it("has its own credentials beside those of the upstream", () => {
    const own = "{ url: http://parent:5000, addressing: ns, credentials: { username: node, password: x } }";
    const entry = quay(`{ endpoints: [${own}, https://quay.io], credentials: { token: abc } }`);
    expect(entry?.endpoints.map(({ credentials }) => credentials[0]?.kind)).toEqual(["basic", "bearer"]);
  });

  it("is printed as it is written", () => {
    const yaml = "{ endpoints: [{ url: http://parent:5000, addressing: ns, trusted: true }, https://quay.io] }";
    const printed = parse(formatSettings(load(`upstreams: { quay.io: ${yaml} }`))) as {
      upstreams: Record<string, { endpoints: unknown[] }>;
    };
    expect(printed.upstreams["quay.io"]?.endpoints).toEqual([
      { url: "http://parent:5000", addressing: "ns", trusted: true },
      "https://quay.io",
    ]);
  });
});

describe("what cannot be with parent caches is refused in words", () => {
  const faults = (yaml: string, more = ""): string[] =>
    faultsOf(`upstreams: { quay.io: ${yaml} }\n${more}`).map(({ path, message }) => `${path} ${message}`);

  it.each([
    ["{ endpoints: [{ url: http://p, addressing: dns }] }", "endpoints[0].addressing must be one of ns, path, plain"],
    ["{ endpoints: [{ url: http://p, addressing: ns, trusted: yes }] }", "endpoints[0].trusted must be true or false"],
    ["{ endpoints: [{ url: http://p, trusted: true }] }", "endpoints[0].trusted is for a parent cache"],
    [`{ endpoints: [${parent}], credentials: { token: abc } }`, "credentials are for the registry itself"],
    [`{ endpoints: [${parent}], push: passthrough }`, "push goes to the registry itself"],
  ])("%s", (yaml, words) => {
    expect(faults(yaml)).toEqual([expect.stringContaining(`upstreams.quay.io.${words}`)]);
  });

  it("clients' own credentials with nobody to show them to", () => {
    const mode = "access: { mode: upstream }";
    expect(faults(`{ endpoints: [${parent}] }`, mode)).toEqual([
      expect.stringContaining("upstreams.quay.io.endpoints with access.mode: upstream need the registry itself"),
    ]);
    expect(() => load(`upstreams: { quay.io: { endpoints: [${parent}, https://quay.io] } }\n${mode}`)).not.toThrow();
    const trusted = "{ url: http://p, addressing: ns, trusted: true }";
    expect(() => load(`upstreams: { quay.io: { endpoints: [${trusted}] } }\n${mode}`)).not.toThrow();
  });
});
