import { spawn, type ChildProcess } from "node:child_process";
import { CredentialFault } from "./credential-fault.ts";

export interface ProgramOptions {
  /** Given on its standard input, which is then closed. */
  input: string;
  timeoutMs: number;
  /** Ends it early. */
  closing: AbortSignal;
}

const maxOutputBytes = 64 * 1024;

/**
 * Runs a program without a shell, with our environment, and returns what it prints. Its standard error goes nowhere: it may
 * hold what must not be logged.
 * @throws CredentialFault where it cannot be started, fails, prints more than 64 KiB or takes too long; it is killed then,
 * with all that it has started.
 */
export function runProgram(words: readonly string[], options: ProgramOptions): Promise<string> {
  const [program = "", ...parameters] = words;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, parameters, { stdio: ["pipe", "pipe", "ignore"], detached: true });
  const fail = (why: string): void => reject(new CredentialFault(`${program} ${why}`));
  const timer = setTimeout(() => fail(`did not end within ${options.timeoutMs} ms`), options.timeoutMs);
  const onClosing = (): void => fail("was ended");
  options.closing.addEventListener("abort", onClosing, { once: true });
  const output: Buffer[] = [];
  let length = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxOutputBytes) fail(`printed more than ${maxOutputBytes} bytes`);
    else output.push(chunk);
  });
  // A program need not read what it is given.
  child.stdin.on("error", () => undefined).end(options.input);
  child.on("error", (error) => fail(`cannot be started (${"code" in error ? String(error.code) : error.name})`));
  child.on("close", (code, signal) => {
    if (code === 0) resolve(Buffer.concat(output).toString("utf8"));
    else fail(code === null ? `was killed by ${signal ?? "a signal"}` : `exited with ${code}`);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    options.closing.removeEventListener("abort", onClosing);
    killGroup(child);
  });
}

/** Kills what is left of the program's process group, and lets go of its output. */
function killGroup(child: ChildProcess): void {
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}
