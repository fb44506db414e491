/** A system call that has changed, or made durable, a file of the data directory. */
export interface Step {
  call: string;
  /** Relative to the data directory; without what differs from run to run. */
  path: string;
  /** The call and the path: the same for the same step of another run. */
  label: string;
}

/** Reads strace's lines as they come and picks out the steps. */
export class StepLog {
  readonly #prefix: string;
  readonly #unfinished = new Map<string, string>();
  #rest = "";

  constructor(dataDirectory: string) {
    this.#prefix = `${dataDirectory}/`;
  }

  read(text: string): Step[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.map((line) => this.#step(line)).filter((step) => step !== undefined);
  }

  #step(line: string): Step | undefined {
    const whole = this.#whole(line);
    const [, call, args] = /^\d+ +(\w+)\((.*) = \d+(?:<.*>)?$/.exec(whole ?? "") ?? [];
    if (call === undefined || args === undefined) return undefined;
    // To open a file is a step only where that may make it or empty it.
    if (call === "openat" && !/O_CREAT|O_TRUNC/.test(args)) return undefined;
    const paths = [...args.matchAll(/[<"]([^<>"]+)[>"]/g)].map(([, path]) => path ?? "");
    const path = paths.findLast((found) => found.startsWith(this.#prefix) || `${found}/` === this.#prefix);
    if (path === undefined) return undefined;
    const name = nameOf(path.slice(this.#prefix.length));
    return { call, path: name, label: `${call} ${name}` };
  }

  /** A call during which another thread made one is written in two lines. */
  #whole(line: string): string | undefined {
    const [, thread = ""] = /^(\d+) /.exec(line) ?? [];
    const [, begun] = /^(.*) <unfinished \.\.\.>$/.exec(line) ?? [];
    if (begun !== undefined) {
      this.#unfinished.set(thread, begun);
      return undefined;
    }
    const [, end] = /^\d+ +<\.\.\. \w+ resumed>(.*)$/.exec(line) ?? [];
    return end === undefined ? line : `${this.#unfinished.get(thread) ?? ""}${end}`;
  }
}

/** Process ids, random suffixes, times and all but the beginning of a digest are left out. */
function nameOf(path: string): string {
  return path
    .replace(/^ingest\/\d+-/, "ingest/")
    .replace(/\.[0-9a-f]{12}$/, ".*")
    .replace(/^(quarantine\/.*)\.\d+(-\d+)?$/, "$1.*")
    .replace(/[0-9a-f]{64}|[0-9a-f]{128}/, (hex) => `${hex.slice(0, 8)}…`)
    .replace(/^$/, ".");
}
