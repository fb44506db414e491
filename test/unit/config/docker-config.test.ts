import { describe, expect, it } from "vitest";
import { findDockerCredential } from "../../../src/config/index.ts";

const auth = Buffer.from("me:pass:word").toString("base64");
const basic = { kind: "basic", username: "me", password: "pass:word" };

function find(document: unknown, ...hosts: string[]) {
  return findDockerCredential(JSON.stringify(document), hosts.length > 0 ? hosts : ["quay.io"]);
}

describe("a Docker config.json", () => {
  it.each(["quay.io", "https://quay.io", "https://quay.io/v1/", "http://quay.io/v2", "QUAY.IO", "quay.io/"])(
    "knows a registry written as %s",
    (key) => {
      expect(find({ auths: { [key]: { auth } } })).toEqual(basic);
    },
  );

  it.each(["notquay.io", "quay.io.evil.test", "https://quay.io:5000", "https://quay.io@evil.test", "quay.io/org"])(
    "does not take %s for another registry",
    (key) => {
      expect(find({ auths: { [key]: { auth } } })).toBeUndefined();
    },
  );

  it("knows Docker Hub by all of its names", () => {
    const document = { auths: { "https://index.docker.io/v1/": { auth } } };
    expect(find(document, "registry-1.docker.io", "docker.io")).toEqual(basic);
  });

  it("knows a registry by its address before the name of the upstream", () => {
    const document = { auths: { lab: { auth: Buffer.from("a:b").toString("base64") }, "10.0.0.1:5000": { auth } } };
    expect(find(document, "10.0.0.1:5000", "lab")).toEqual(basic);
    expect(find(document, "10.0.0.2:5000", "lab")).toMatchObject({ username: "a" });
  });

  it("asks the helper of the registry, then the store, then what stands in it", () => {
    const document = {
      auths: { "quay.io": { auth }, "gcr.io": {} },
      credHelpers: { "quay.io": "ecr-login" },
      credsStore: "pass",
    };
    expect(find(document)).toEqual({ kind: "helper", name: "ecr-login", server: "quay.io" });
    expect(find({ ...document, credHelpers: {} })).toEqual({ kind: "helper", name: "pass", server: "quay.io" });
    expect(find({ ...document, credHelpers: {}, credsStore: "" })).toEqual(basic);
    expect(find(document, "registry-1.docker.io")).toMatchObject({ server: "https://index.docker.io/v1/" });
  });

  it("has refresh tokens, registry tokens and plain pairs", () => {
    const one = (entry: object) => find({ auths: { "quay.io": entry } });
    expect(one({ auth: "MDA6", identitytoken: "r" })).toEqual({ kind: "refresh", token: "r" });
    expect(one({ registrytoken: "t" })).toEqual({ kind: "bearer", token: "t" });
    expect(one({ username: "me", password: "pass:word" })).toEqual(basic);
    expect(one({ auth: Buffer.from("me:pw\0\0").toString("base64") })).toMatchObject({ password: "pw" });
    expect(one({})).toBeUndefined();
  });

  it.each([
    ["hunter2", "is not JSON"],
    ['"hunter2"', "is not a JSON object"],
    ['{"auths": ["hunter2"]}', "has auths that are not a JSON object"],
    ['{"auths": {"quay.io": "hunter2"}}', "has an entry of auths that is not a JSON object"],
    ['{"auths": {"quay.io": {"auth": "aHVudGVyMg=="}}}', "has an auth that is not user:password in base64"],
    ['{"credsStore": "../hunter2"}', "names a helper that is no name"],
  ])("that is %s is refused without being quoted", (text, message) => {
    expect(() => findDockerCredential(text, ["quay.io"])).toThrow(
      expect.objectContaining({ name: "DockerConfigInvalid", message }),
    );
  });
});
