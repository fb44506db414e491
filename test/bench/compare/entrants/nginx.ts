import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { binary, freePort } from "../../../clients/child-processes.ts";
import { siteOf } from "../../../packaging/nginx.ts";
import type { Server, Stage } from "../stage.ts";
import { answersAt } from "./answers.ts";
import { dataDirectory, startEntrepot } from "./entrepot.ts";
import { writeSite } from "./site.ts";

/** The floor: the same content as files at the same paths, sent by the kernel. */
export async function startStaticNginx(stage: Stage, repositories: readonly string[]): Promise<Server> {
  const name = "nginx";
  const root = join(stage.directoryFor(name), "www");
  for (const repository of repositories) await writeSite(stage.origin.upstream.content, repository, root);
  const port = await freePort();
  const http = serverOf(
    port,
    `root ${root};
    open_file_cache max=10000 inactive=1h;
    location ~ /manifests/ { default_type application/vnd.oci.image.manifest.v1+json; }
    location / { default_type application/octet-stream; }`,
  );
  return startNginx(stage, { name, port, http, ready: { path: "/ready", status: 204 } });
}

/** nginx as a cache of its own in front of the origin: whole answers by path, one request per path at a time. */
export async function startCachingNginx(stage: Stage): Promise<Server> {
  const name = "nginx proxy_cache";
  const cache = join(stage.directoryFor(name), "cache");
  const port = await freePort();
  const site = serverOf(
    port,
    `open_file_cache max=10000 inactive=1h;
    location / {
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
  );
  const path = `proxy_cache_path ${cache} levels=1:2 keys_zone=all:16m max_size=100g inactive=1h use_temp_path=off;`;
  return startNginx(stage, { name, port, http: `${path}\n${site}`, ready: { path: "/ready", status: 204 } });
}

/** The shipped nginx in front of entrepot, which leaves stored blobs to it; both are measured as one. */
export async function startOffloaded(stage: Stage): Promise<Server> {
  const name = "entrepot + nginx";
  const settings = { serve: { offload: "nginx" }, trustedProxies: ["127.0.0.1"] };
  const behind = await startEntrepot(stage, { settings }, "entrepot behind nginx");
  const port = await freePort();
  const data = dataDirectory(stage, behind.name);
  const http = siteOf({ port, pull: new URL(behind.url).host, data });
  const front = await startNginx(stage, { name, port, http, ready: { path: "/v2/", status: 200 } });
  return {
    name,
    url: front.url,
    pids: [...front.pids, ...behind.pids],
    async check({ path }) {
      const { headers, body } = await request(`${behind.url}${path}`, { headers: { "x-entrepot-offload": "1" } });
      await body.dump();
      if (headers["x-accel-redirect"] === undefined) throw new Error(`${path} is not left to nginx`);
    },
  };
}

interface Started {
  name: string;
  port: number;
  /** All of the block `http` but what every one has. */
  http: string;
  /** What is asked for, and with which status it answers, when it runs. */
  ready: { path: string; status: number };
}

/** One worker, as one process is what it is compared with. Files are read by the user who runs this. */
async function startNginx(stage: Stage, { name, port, http, ready }: Started): Promise<Server> {
  const directory = stage.directoryFor(name);
  const file = join(directory, "nginx.conf");
  writeFileSync(file, nginxConf(directory, http));
  const daemon = stage.processes.start(binary("nginx"), ["-c", file], { logFile: join(directory, "nginx.log") });
  const url = `http://127.0.0.1:${port}`;
  await answersAt(`${url}${ready.path}`, daemon, ready.status);
  return { name, url, pids: [daemon.pid] };
}

const temporaries = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

function nginxConf(directory: string, http: string): string {
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
  ${temporaries.map((each) => `${each}_temp_path ${directory}/${each};`).join("\n  ")}
  ${http}
}
`;
}

function serverOf(port: number, site: string): string {
  return `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /ready { return 204; }
    ${site}
  }
`;
}
