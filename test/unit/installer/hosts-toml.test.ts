import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { mergeHosts } from "../../../src/installer/hosts-toml.ts";

const host = { url: "http://127.0.0.1:5000", dialTimeout: "1s" };

function merged(text: string): string {
  const result = mergeHosts(text, host);
  if (result.outcome !== "merged") throw new Error(result.outcome);
  return result.text;
}

/** The hosts in the order in which the text has them. */
function order(text: string): string[] {
  return Object.keys(parse(text)["host"] as object);
}

describe("a hosts.toml that somebody else wrote", () => {
  it("gets our host in front and keeps every other line", () => {
    const before =
      `# the team's mirror\nserver = "https://ghcr.io" # last\n\n` +
      `[host."https://mirror.corp"] # first\n  capabilities = [\n    "pull", # no resolve\n  ]\n  ca = "/etc/corp.pem"\n` +
      `[host."https://mirror.corp".header]\n  authorization = ["Basic x"]\n`;
    const after = merged(before);
    expect(after.replace(/\[host\."http:\/\/127\.0\.0\.1:5000"\]\n.*\n.*\n\n/, "")).toBe(before);
    expect(order(after)).toEqual([host.url, "https://mirror.corp"]);
    expect(parse(after)).toEqual({
      ...parse(before),
      host: {
        [host.url]: { capabilities: ["pull", "resolve"], dial_timeout: "1s" },
        ...(parse(before)["host"] as object),
      },
    });
  });

  it.each([
    ["a list of lists that begins a line", `client = [\n["a.cert", "a.key"],\n]\n[host."https://m"]\n`],
    ["text over several lines that looks like a table", `note = """\n[host."https://no"]\n"""\n[host."https://m"]\n`],
    ["no table at all", `server = "https://m"`],
    ["nothing but a remark", "# nothing here"],
    ["carriage returns", `server = "https://s"\r\n[host."https://m"]\r\n`],
    ["a table of all hosts", `[host]\n[host."https://m"]\n`],
    ["an inline table", `host = { "https://m" = { capabilities = ["pull"] } }\n`],
    ["dotted keys", `host."https://m".capabilities = ["pull"]\n`],
    ["a table of somebody else in front", `[other]\nkey = 1\n[host."https://m"]\n`],
  ])("is merged with %s in it", (_, before) => {
    const after = merged(before);
    const { host: hosts, ...others } = parse(after);
    const { host: earlier = {}, ...earlierOthers } = parse(before);
    expect(others).toEqual(earlierOthers);
    expect(hosts).toEqual({
      [host.url]: { capabilities: ["pull", "resolve"], dial_timeout: "1s" },
      ...(earlier as object),
    });
    expect(order(after)).toEqual([host.url, ...Object.keys(earlier as object)]);
  });

  it.each([
    ["a host", `[host."http://127.0.0.1:5000"]\n`],
    ["a host with a path", `[host."http://127.0.0.1:5000/v2/docker.io"]\n`],
    ["the server", `server = "http://127.0.0.1:5000"\n`],
  ])("is left alone where %s is this address already", (_, text) => {
    expect(mergeHosts(text, host)).toEqual({ outcome: "already" });
  });

  it.each([
    ["no TOML", "server = https://ghcr.io\n"],
    ["a host that is no table", `host = "https://m"\n`],
  ])("is left alone where it is %s", (_, text) => {
    expect(mergeHosts(text, host)).toMatchObject({ outcome: "invalid" });
  });
});
