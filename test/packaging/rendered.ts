import { execFile } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments, stringify } from "yaml";

const kubernetes = new URL("../../deploy/kubernetes/", import.meta.url).pathname;

export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  spec?: unknown;
}

/** What `kubectl apply -k` would apply of a directory below deploy/kubernetes. */
export function render(directory: string): Promise<Resource[]> {
  return kustomize(`${kubernetes}${directory}`);
}

/** A kustomization of one's own, elsewhere: this overlay with these components. */
export async function renderWith(overlay: string, components: readonly string[]): Promise<Resource[]> {
  const own = realpathSync(mkdtempSync(join(tmpdir(), "entrepot-overlay-")));
  const from = (directory: string): string => relative(own, `${kubernetes}${directory}`);
  try {
    const kustomization = {
      resources: [from(`overlays/${overlay}`)],
      components: components.map((component) => from(`components/${component}`)),
    };
    writeFileSync(join(own, "kustomization.yaml"), stringify(kustomization));
    return await kustomize(own);
  } finally {
    rmSync(own, { recursive: true });
  }
}

async function kustomize(directory: string): Promise<Resource[]> {
  const { stdout } = await promisify(execFile)("kubectl", ["kustomize", directory], { maxBuffer: 64 * 1024 * 1024 });
  return parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
}

/** The only resource of a kind (and name). */
export function one(resources: readonly Resource[], kind: string, name?: string): Resource {
  const found = resources.filter((resource) => {
    return resource.kind === kind && (name === undefined || resource.metadata.name === name);
  });
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} of ${kind} ${name ?? ""}`);
  return found[0];
}

/** The text of a file of the only ConfigMap that has it, in a namespace. */
export function fileOf(resources: readonly Resource[], namespace: string, file: string): string {
  const maps = resources.filter(({ kind, metadata }) => kind === "ConfigMap" && metadata.namespace === namespace);
  const texts = maps.flatMap(({ data }) => data?.[file] ?? []);
  if (texts.length !== 1 || texts[0] === undefined) throw new Error(`${texts.length} of ${file}`);
  return texts[0];
}
