import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clientKinds, type ClientName } from "../../../src/doctor/clients/kinds.ts";
import { factsOf } from "./machine.ts";

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
const section = /\n## Point a client at it\n(.*?)\n## /s.exec(readme)?.[1] ?? "";
const written = [...section.matchAll(/```(?:json|toml|yaml)\n(.*?)```/gs)].map(([, text]) => text);

/** Of one registry, where the client needs one for each. */
function printed(client: ClientName): string[] {
  return clientKinds[client].snippets(factsOf({}, { upstreams: ["docker.io"] })).map(({ text }) => text);
}

describe("the snippets in README.md", () => {
  it("are those that the doctor prints for cache:5000, all of them and in this order", () => {
    const clients = ["docker", "containerd", "podman", "buildkit", "k3s"] as const;
    expect(written).toEqual(clients.flatMap(printed));
    expect(printed("crio")).toEqual(printed("podman"));
  });

  it("name the files that the doctor names", () => {
    for (const client of ["docker", "containerd", "podman", "buildkit", "k3s"] as const) {
      for (const { path } of clientKinds[client].snippets(factsOf({}, { upstreams: ["docker.io"] }))) {
        expect(section).toContain(path);
      }
    }
  });
});
