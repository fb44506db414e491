/** One thing that is wrong with the configuration, and where. Holds no secret. */
export interface ConfigFault {
  /** Dotted path of the key (`limits.answerWithin`, `upstreams.ghcr.io.endpoints[0]`), or a file name with its line. */
  path: string;
  message: string;
}

/** The configuration cannot be used. `message` lists every fault on a line of its own. The process exits with 78. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly kind = "configuration";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map((fault) => `${fault.path}: ${fault.message}`).join("\n"));
    this.faults = faults;
  }
}
