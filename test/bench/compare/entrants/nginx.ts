import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, freePort } from "../../../clients/child-processes.ts";
import type { Server, Stage } from "../stage.ts";
import { answersAt } from "./answers.ts";
import { writeSite } from "./site.ts";

/** The floor: the same content as files at the same paths, sent by the kernel. */
export async function startStaticNginx(stage: Stage, repositories: readonly string[]): Promise<Server> {
  const root = join(stage.directoryFor("nginx"), "www");
  for (const repository of repositories) await writeSite(stage.origin.upstream.content, repository, root);
  return startNginx(
    stage,
    "nginx",
    `root ${root};
     location ~ /manifests/ { default_type application/vnd.oci.image.manifest.v1+json; }
     location / { default_type application/octet-stream; }`,
  );
}

/** nginx as a cache of its own in front of the origin: whole answers by path, one request per path at a time. */
export function startCachingNginx(stage: Stage): Promise<Server> {
  const name = "nginx proxy_cache";
  const cache = join(stage.directoryFor(name), "cache");
  return startNginx(
    stage,
    name,
    `location / {
       proxy_pass ${stage.origin.url};
       proxy_http_version 1.1;
       proxy_set_header Connection "";
       proxy_cache all;
       proxy_cache_key $uri;
       proxy_cache_valid 200 1h;
       proxy_cache_lock on;
       proxy_cache_lock_timeout 1h;
       proxy_cache_lock_age 1h;
     }`,
    `proxy_cache_path ${cache} levels=1:2 keys_zone=all:16m max_size=100g inactive=1h use_temp_path=off;`,
  );
}

/** One worker, as one process is what it is compared with. Files are read by the user who runs this. */
async function startNginx(stage: Stage, name: string, server: string, http = ""): Promise<Server> {
  const directory = stage.directoryFor(name);
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, nginxConf({ directory, port, server, http }));
  for (const temporary of temporaries) mkdirSync(join(directory, temporary), { recursive: true });
  const daemon = stage.processes.start(binary("nginx"), ["-c", file], { logFile: join(directory, "nginx.log") });
  const url = `http://127.0.0.1:${port}`;
  await answersAt(`${url}/ready`, daemon, 204);
  return { name, url, pids: [daemon.pid] };
}

const temporaries = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

interface Conf {
  directory: string;
  port: number;
  server: string;
  http: string;
}

function nginxConf({ directory, port, server, http }: Conf): string {
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=10000 inactive=1h;
  ${temporaries.map((each) => `${each}_temp_path ${directory}/${each};`).join("\n  ")}
  ${http}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /ready { return 204; }
    ${server}
  }
}
`;
}
