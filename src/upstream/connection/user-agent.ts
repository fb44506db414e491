import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Sent with every request, so that a registry's operator can tell who asks. */
export const userAgent = `entrepot/${manifest.version}`;
