import { describe, expect, it } from "vitest";
import { pageLink } from "../../src/page-link.ts";

describe("the link to the page", () => {
  it("has the token in its fragment, which no server is told", () => {
    expect(pageLink(["127.0.0.1:5001"], "abc-_1")).toBe("http://127.0.0.1:5001/#token=abc-_1");
  });

  it.each([
    ["0.0.0.0:5001", "http://127.0.0.1:5001/#token=t"],
    ["[::]:5001", "http://[::1]:5001/#token=t"],
    ["[::1]:5001", "http://[::1]:5001/#token=t"],
    ["10.0.0.1:80", "http://10.0.0.1:80/#token=t"],
  ])("leads to where a listener on %s is reached from this machine", (address, link) => {
    expect(pageLink([address], "t")).toBe(link);
  });

  it("is none where a unix socket is all there is", () => {
    expect(pageLink(["unix:/run/entrepot.sock"], "t")).toBeUndefined();
  });

  it("takes the address behind a unix socket", () => {
    expect(pageLink(["unix:/run/entrepot.sock", "127.0.0.1:1"], "t")).toBe("http://127.0.0.1:1/#token=t");
  });
});
