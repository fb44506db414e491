// A real image for two platforms: layers that unpack, one of them large and incompressible, as OCI and as Docker schema 2.
import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { binary, type ChildProcesses } from "./child-processes.ts";

const MiB = 1024 * 1024;

export type Architecture = "amd64" | "arm64";

export interface Layer {
  readonly digest: string;
  readonly diffId: string;
  readonly bytes: Buffer;
}

export interface Config {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly layers: readonly Layer[];
}

/** The layers and the configuration, before they are written down in one manifest format or another. */
export type Content = Readonly<Record<Architecture, Config>>;

/** What a client on this machine chooses from an index. */
export const native: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

export const architectures: readonly Architecture[] = ["amd64", "arm64"];

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes that no compressor makes smaller, and the same in every run. */
export function incompressible(size: number, seed: string): Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

type Files = Readonly<Record<string, string | Buffer | { readonly linkTo: string }>>;

/** The file clients are asked to show after unpacking, and the one whose whiteout they must obey. */
export const largeFile = "opt/large.bin";
export const removedFile = "etc/removed";

function layerFiles(architecture: Architecture): Files[] {
  const many = Array.from({ length: 200 }, (_, index) => [`srv/${index}.txt`, `file ${index} of ${architecture}\n`]);
  return [
    {
      "etc/os-release": "ID=entrepot-fixture\n",
      [removedFile]: "to be removed\n",
      "bin/show": `#!/bin/sh\n# ${architecture}\n`,
      "usr/bin/show": { linkTo: "../../bin/show" },
    },
    { [largeFile]: incompressible(architecture === native ? 20 * MiB : 2 * MiB, architecture) },
    Object.fromEntries(many) as Files,
    { "etc/.wh.removed": "", "etc/os-release": `ID=entrepot-fixture\nVARIANT=${architecture}\n` },
    { "var/lib/note": "the same in both platforms\n" },
  ];
}

export class FixtureBuilder {
  readonly #processes: ChildProcesses;
  readonly #directory: string;
  #built = 0;

  constructor(processes: ChildProcesses, directory: string) {
    this.#processes = processes;
    this.#directory = directory;
  }

  async buildContent(): Promise<Content> {
    const layersOf = async (architecture: Architecture) => {
      const layers: Layer[] = [];
      for (const files of layerFiles(architecture)) layers.push(await this.buildLayer(files));
      return configure(architecture, layers);
    };
    return { amd64: await layersOf("amd64"), arm64: await layersOf("arm64") };
  }

  /** The same image with one more layer on top: all the others are shared. */
  async extend(content: Content, files: Files): Promise<Content> {
    const layer = await this.buildLayer(files);
    return {
      amd64: configure("amd64", [...content.amd64.layers, layer]),
      arm64: configure("arm64", [...content.arm64.layers, layer]),
    };
  }

  async buildLayer(files: Files): Promise<Layer> {
    this.#built += 1;
    const root = join(this.#directory, `layer-${this.#built}`);
    for (const [path, file] of Object.entries(files)) {
      const target = join(root, path);
      mkdirSync(dirname(target), { recursive: true });
      if (typeof file === "object" && "linkTo" in file) symlinkSync(file.linkTo, target);
      else writeFileSync(target, file);
    }
    const archive = join(this.#directory, `layer-${this.#built}.tar`);
    const reproducible = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"];
    await this.#processes.run(binary("tar"), [...reproducible, "-cf", archive, "-C", root, "."]);
    const plain = readFileSync(archive);
    const bytes = await promisify(gzip)(plain, { level: 1 });
    rmSync(root, { recursive: true });
    rmSync(archive);
    return { digest: digestOf(bytes), diffId: digestOf(plain), bytes };
  }
}

function configure(architecture: Architecture, layers: readonly Layer[]): Config {
  const bytes = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      config: { Env: ["PATH=/usr/bin:/bin"], Cmd: ["/bin/show"], Labels: { fixture: "entrepot" } },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map((_, index) => ({ created: "2026-01-01T00:00:00Z", created_by: `layer ${index}` })),
    }),
  );
  return { digest: digestOf(bytes), bytes, layers };
}
