import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool, type Dispatcher } from "undici";
import { binary, ChildProcesses, freePort, until } from "../clients/child-processes.ts";
import { askWhole, type AskOptions, type Instance, type Reply } from "../support/instance.ts";

const shipped = new URL("../../deploy/nginx/entrepot.conf", import.meta.url).pathname;

export interface NginxOptions {
  instance: Instance;
  /** The group of the workers, whose user is `www-data`; by default that of the data directory. */
  group?: string;
  /** Where it looks for `blobs/`; by default where they are. */
  dataDirectory?: string;
}

/** A real nginx in front of an instance, with the configuration that is shipped. */
export interface Nginx {
  readonly url: string;
  ask(path: string, options?: AskOptions): Promise<Reply>;
  open(path: string): Promise<Dispatcher.ResponseData>;
  errors(): string;
  stop(): Promise<void>;
}

/** The shipped file with the addresses and the directory of a test. @throws where it does not name what is replaced just once */
export function siteOf({ port, pull, data }: { port: number; pull: string; data: string }): string {
  const replacements = [
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["server 127.0.0.1:5000;", `server ${pull};`],
    ["alias /var/lib/entrepot/blobs/;", `alias ${data}/blobs/;`],
  ] as const;
  return replacements.reduce(
    (text, [from, to]) => {
      const [before, after, ...more] = text.split(from);
      if (before === undefined || after === undefined || more.length > 0) throw new Error(`not once in it: ${from}`);
      return before + to + after;
    },
    readFileSync(shipped, "utf8"),
  );
}

/** What a distribution brings around the shipped file. */
function mainOf(directory: string, group: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  return `
user www-data ${group};
worker_processes 1;
daemon off;
pid ${join(directory, "nginx.pid")};
error_log ${join(directory, "error.log")} notice;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/plain;
  ${temporary.join("\n  ")}
  include ${join(directory, "entrepot.conf")};
}
`;
}

export async function startNginx({ instance, group = "root", dataDirectory }: NginxOptions): Promise<Nginx> {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-nginx-"));
  const processes = new ChildProcesses(directory);
  const port = await freePort();
  const data = dataDirectory ?? join(instance.directory, "data");
  const main = join(directory, "nginx.conf");
  writeFileSync(join(directory, "entrepot.conf"), siteOf({ port, pull: new URL(instance.url).host, data }));
  writeFileSync(main, mainOf(directory, group));
  const errorLog = join(directory, "error.log");
  const url = `http://127.0.0.1:${port}`;
  const end = async (): Promise<void> => {
    await processes.endAll();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await processes.run(binary("nginx"), ["-t", "-q", "-e", errorLog, "-c", main]);
    processes.start(binary("nginx"), ["-e", errorLog, "-c", main], { logFile: join(directory, "output.log") });
    await until("nginx", 10_000, () => isAnswering(`${url}/v2/`));
  } catch (error) {
    await end();
    throw error;
  }
  const pool = new Pool(url, { connections: 32 });
  return {
    url,
    ask: (path, options = {}) => askWhole(pool, path, options),
    open: (path) => pool.request({ path, method: "GET" }),
    errors: () => readFileSync(errorLog, "utf8"),
    async stop() {
      await pool.destroy();
      await end();
    },
  };
}

function isAnswering(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
