/** What `entrepot serve` was asked for. */
export interface ServeOptions {
  configFile: string | undefined;
  /** Values of flags by the dotted path of their key, as `loadSettings` takes them. */
  flags: Record<string, string>;
}

/** What the commands need from the process; `serve` is the application, which is above this room. */
export interface CliContext {
  /** Resolves when the server has stopped. */
  serve: (options: ServeOptions) => Promise<void>;
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  environment: NodeJS.ProcessEnv;
}
