import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSettings } from "../../../src/config/index.ts";
import { faultsOf, load, withFiles } from "./config-file.ts";

function secretFile(text = "canary-secret\n"): string {
  return join(withFiles({ secret: text }), "secret");
}

const kinds = "tag-moved, evicted, corrupt, upstream-down, upstream-up, quota-low";

describe("the webhooks of events", () => {
  it("are read with what they want to hear of, everything where they do not say", () => {
    const file = secretFile();
    const { events } = load(`events:
  webhooks:
    - { url: "https://hooks.example/a?key=canary", secretFile: ${file}, only: [corrupt, quota-low, corrupt] }
    - { url: "http://127.0.0.1:9000", secretFile: ${file} }`);
    expect(events.webhooks).toEqual([
      { url: "https://hooks.example/a?key=canary", secretFile: file, only: ["corrupt", "quota-low"] },
      { url: "http://127.0.0.1:9000/", secretFile: file, only: undefined },
    ]);
  });

  it("are printed without their secret and without what may be one in the URL", () => {
    const file = secretFile();
    const printed = formatSettings(
      load(`events: { webhooks: [{ url: "https://hooks.example/canary/x?key=canary", secretFile: ${file} }] }`),
    );
    expect(printed).toContain("https://hooks.example/(redacted)");
    expect(printed).toContain(file);
    expect(printed.replaceAll(file, "")).not.toContain("canary");
  });

  it.each([
    ["url: ftp://h/x", "url", "must be an http or https URL"],
    ["url: https://user:canary@hooks.example/x", "url", "without user or hash"],
    ["url: https://hooks.example/#canary", "url", "without user or hash"],
    ["url: https://h/x, only: [moved]", "only", `must be one or more of ${kinds}`],
    ["url: https://h/x, only: []", "only", `must be one or more of ${kinds}`],
    ["url: https://h/x, secret: abc", "secret", "unknown key"],
  ])("are refused with the place of the fault, and no secret: %s", (text, key, words) => {
    const faults = faultsOf(`events: { webhooks: [{ ${text}, secretFile: ${secretFile()} }] }`);
    expect(faults).toEqual([{ path: `events.webhooks[0].${key}`, message: expect.stringContaining(words) as string }]);
    expect(JSON.stringify(faults)).not.toContain("canary");
  });

  it("are refused where something is missing, cannot be read, or stands there twice, all at once", () => {
    const [file, empty] = [secretFile(), secretFile(" \n")];
    const faults = faultsOf(`events:
  webhooks:
    - { url: https://h/a, secretFile: /nowhere }
    - { url: https://h/b, secretFile: ${empty} }
    - { url: https://h/c }
    - { secretFile: ${file} }
    - { url: https://h/a, secretFile: ${file} }`);
    expect(faults).toEqual([
      { path: "events.webhooks[0].secretFile", message: "/nowhere: no such file" },
      { path: "events.webhooks[1].secretFile", message: `${empty} is empty` },
      { path: "events.webhooks[2]", message: "has no secretFile, by which its receiver knows us" },
      { path: "events.webhooks[3]", message: "has no url" },
      { path: "events.webhooks[4].url", message: "is that of events.webhooks[0] already" },
    ]);
  });

  it.each(["events: {}", "events: { webhooks: }", "events: { webhooks: [] }"])("are none by default: %s", (yaml) => {
    expect(load(yaml).events.webhooks).toEqual([]);
  });
});
