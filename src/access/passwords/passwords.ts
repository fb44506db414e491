import { RegistryError } from "../../oci/index.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { keyedHash, type ClientCredentials } from "../principal.ts";
import { HtpasswdFile } from "./htpasswd-file.ts";
import { PasswordThread } from "./password-thread.ts";

/** For so long a password that was right is not compared again; a changed hash is another key. */
const rightForMs = 5 * 60_000;
const wrongForMs = 10_000;
const maxRemembered = 10_000;
/** Comparisons that may wait, all in all and of one client address: a flood of guesses must not hold up everybody. */
const maxWaiting = 64;
const maxWaitingPerAddress = 8;

/** Checks user names and passwords against an htpasswd file. */
export class Passwords {
  readonly #file: HtpasswdFile;
  readonly #thread = new PasswordThread();
  readonly #known: ExpiringMap<boolean>;
  readonly #underway = new Map<string, Promise<boolean>>();
  readonly #waiting = new Map<string, number>();

  constructor(file: string, ports: { now: () => number; onFault: (fault: string) => void }) {
    this.#file = new HtpasswdFile(file, ports);
    this.#known = new ExpiringMap(maxRemembered, ports.now);
  }

  /**
   * The hash that the password was found right for; undefined where it is wrong or there is no such user.
   * @throws RegistryError UNAVAILABLE where too many others wait to be checked.
   */
  async check({ username, password }: ClientCredentials, address: string): Promise<string | undefined> {
    const own = this.#file.hashOf(username);
    const hash = own ?? this.#file.anyHash();
    if (hash === undefined) return undefined;
    const key = keyedHash(username, password, hash);
    const known = this.#known.get(key);
    const isRight = known ?? (await this.#compared(key, { password, hash, address }));
    return isRight && own !== undefined ? own : undefined;
  }

  /** Whether the user still has this hash. */
  isCurrent(user: string, hash: string): boolean {
    return this.#file.hashOf(user) === hash;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #compared(key: string, wanted: { password: string; hash: string; address: string }): Promise<boolean> {
    const running = this.#underway.get(key);
    if (running) return running;
    const comparing = this.#compare(key, wanted).finally(() => this.#underway.delete(key));
    this.#underway.set(key, comparing);
    return comparing;
  }

  async #compare(
    key: string,
    { password, hash, address }: { password: string; hash: string; address: string },
  ): Promise<boolean> {
    const waiting = this.#waiting.get(address) ?? 0;
    if (this.#thread.length >= maxWaiting || waiting >= maxWaitingPerAddress) {
      throw new RegistryError("UNAVAILABLE", "too many passwords are being checked", { retryAfter: 1 });
    }
    this.#waiting.set(address, waiting + 1);
    try {
      const isRight = await this.#thread.compare(password, hash);
      this.#known.set(key, isRight, isRight ? rightForMs : wrongForMs);
      return isRight;
    } finally {
      const left = (this.#waiting.get(address) ?? 1) - 1;
      if (left === 0) this.#waiting.delete(address);
      else this.#waiting.set(address, left);
    }
  }
}
