import { readFileSync, statSync } from "node:fs";
import { parseHtpasswd } from "../../config/index.ts";

const lookEveryMs = 1000;

/** The users of an htpasswd file, read again when it has changed; looked at once a second at most. */
export class HtpasswdFile {
  readonly #file: string;
  readonly #now: () => number;
  readonly #onFault: (fault: string) => void;
  #users: ReadonlyMap<string, string> = new Map();
  #version: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(file: string, { now, onFault }: { now: () => number; onFault: (fault: string) => void }) {
    this.#file = file;
    this.#now = now;
    this.#onFault = onFault;
  }

  /** The user's bcrypt hash. */
  hashOf(user: string): string | undefined {
    return this.#current().get(user);
  }

  /** The hash of somebody else, for a user that is not there: to refuse both takes the same time. */
  anyHash(): string | undefined {
    return this.#current().values().next().value;
  }

  #current(): ReadonlyMap<string, string> {
    const now = this.#now();
    if (Math.abs(now - this.#lookedAt) >= lookEveryMs) {
      this.#lookedAt = now;
      this.#look();
    }
    return this.#users;
  }

  /** A file that cannot be read, perhaps because it is being replaced, leaves things as they were. */
  #look(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#file);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.#version) return;
      const { users, faults } = parseHtpasswd(readFileSync(this.#file, "utf8"));
      this.#version = version;
      this.#users = users;
      for (const fault of faults) this.#onFault(fault);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
      if (this.#version !== code) this.#onFault(`cannot be read (${code}); its users stay as they were`);
      this.#version = code;
    }
  }
}
