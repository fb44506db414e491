import { describe, expect, it } from "vitest";
import { proxyFor } from "../../../src/doctor/upstreams/proxy.ts";

const url = new URL("https://registry.example.org:5443");
const environment = { HTTPS_PROXY: "http://me:secret@proxy:3128", HTTP_PROXY: "http://plain:3128" };

function hostFor(noProxy: string): string | undefined {
  return proxyFor(url, undefined, { ...environment, NO_PROXY: noProxy })?.host;
}

describe("the proxy of an upstream", () => {
  it("is the configured one, else the environment's for its scheme, without user name and password", () => {
    expect(proxyFor(url, "http://own:8080", environment)?.host).toBe("own:8080");
    expect(proxyFor(url, undefined, environment)?.href).toBe("http://proxy:3128/");
    expect(proxyFor(new URL("http://registry.example.org"), undefined, environment)?.host).toBe("plain:3128");
    expect(proxyFor(url, undefined, {})).toBeUndefined();
  });

  it("is none for what NO_PROXY names; a configured one is meant", () => {
    for (const list of [
      "*",
      "registry.example.org",
      "a, .example.org",
      "*.example.org b",
      "registry.example.org:5443",
    ]) {
      expect(hostFor(list), list).toBeUndefined();
    }
    for (const list of ["", "example.org", "registry.example.org:443", "other.org"]) {
      expect(hostFor(list), list).toBe("proxy:3128");
    }
    expect(proxyFor(url, "http://own:8080", { NO_PROXY: "*" })?.host).toBe("own:8080");
  });
});
