import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { run, withFile } from "./command-line.ts";

/** What a real bash offers where the last word is being typed. */
async function completions(...words: string[]): Promise<string[]> {
  const { stdout, exitCode } = await run(["completion", "bash"]);
  expect(exitCode).toBe(0);
  const script = withFile(stdout, "entrepot.bash");
  const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $(complete -p entrepot | sed 's/.*-F \\([^ ]*\\) .*/\\1/'); printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync("bash", ["--norc", "-c", program, "bash", script, "entrepot", ...words], {
    encoding: "utf8",
  });
  return answer.split("\n").filter((word) => word !== "");
}

/** What the help of a command says that there is. */
async function helpOf(...words: string[]): Promise<string> {
  return (await run([...words, "--help"])).stdout;
}

describe("the completion of bash", () => {
  it("offers every command that the help lists, and no other", async () => {
    const listed = Array.from((await helpOf()).matchAll(/^ {2}([a-z][a-z-]*) /gm), ([, name = ""]) => name);
    const offered = (await completions("")).filter((word) => !word.startsWith("-"));
    expect(listed.length).toBeGreaterThan(10);
    expect(offered.sort()).toEqual(listed.filter((name) => name !== "help").sort());
  });

  it.each(["stats", "warm", "evict", "config check"])("offers the options of %s", async (command) => {
    const words = command.split(" ");
    const listed = Array.from((await helpOf(...words)).matchAll(/^ {2}(--[a-z-]+)/gm), ([, name = ""]) => name);
    expect((await completions(...words, "--")).sort()).toEqual(listed.sort());
  });

  it("offers what begins as it was typed, and nothing else", async () => {
    expect(await completions("st")).toEqual(["stats"]);
    expect(await completions("config", "pr")).toEqual(["print"]);
    expect(await completions("no-such-command")).toEqual([]);
  });

  it("offers the values of an option, files where it takes one, and nothing where nobody can know", async () => {
    expect(await completions("completion", "")).toEqual(["bash", "zsh", "fish", "--help"]);
    expect(await completions("doctor", "--client", "po")).toEqual(["podman"]);
    const file = withFile("docker.io/library/alpine:3\n", "images.txt");
    expect(await completions("warm", "--file", file.slice(0, -3))).toEqual([file]);
    expect(await completions("stats", "--interval", "")).toEqual([]);
  });

  it("knows the command behind options and arguments", async () => {
    expect(await completions("warm", "docker.io/library/alpine:3", "--paral")).toEqual(["--parallel"]);
  });
});

describe("the completions", () => {
  it.each(["bash", "zsh", "fish"])("of %s name all commands", async (shell) => {
    const { stdout } = await run(["completion", shell]);
    for (const name of ["warm", "refresh", "events", "explain", "rollback"]) expect(stdout).toContain(name);
  });

  it("are those of these shells", async () => {
    const { exitCode, stderr } = await run(["completion", "tcsh"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
  });
});
