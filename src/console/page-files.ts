import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of the page, ready to be sent. */
export interface PageFile {
  readonly body: Buffer;
  readonly contentType: string;
  /** Strong, with its quotes. */
  readonly etag: string;
}

/** What is served, by the path under which it is. Nothing else is. */
export type Page = ReadonlyMap<string, PageFile>;

const directory = fileURLToPath(new URL("./page/", import.meta.url));
const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** Of packages: by the path under which the page asks for them. */
const vendored: Record<string, string> = {
  "/console/vendor/uplot.js": "uplot/dist/uPlot.esm.js",
  "/console/vendor/uplot.css": "uplot/dist/uPlot.min.css",
};

/** Reads all files of the page, once: a request can then name no other file of this machine. */
export async function readPage(): Promise<Page> {
  const require = createRequire(import.meta.url);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const own = entries
    .filter((entry) => entry.isFile() && extname(entry.name) in contentTypes)
    .map((entry) => join(entry.parentPath, entry.name));
  const places: [path: string, file: string][] = [
    ...own.map((file): [string, string] => [pathOf(file), file]),
    ...Object.entries(vendored).map(([path, file]): [string, string] => [path, require.resolve(file)]),
  ];
  return new Map(await Promise.all(places.map(async ([path, file]) => [path, await readPageFile(file)] as const)));
}

function pathOf(file: string): string {
  const name = relative(directory, file).split(sep).join("/");
  return name === "index.html" ? "/" : `/console/${name}`;
}

async function readPageFile(file: string): Promise<PageFile> {
  const body = await readFile(file);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
  return { body, contentType: contentTypes[extname(file)] ?? "application/octet-stream", etag };
}
