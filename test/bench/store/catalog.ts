import Database from "better-sqlite3";
import type { Digest, RepositoryName } from "../../../src/oci/index.ts";
import { Random } from "./random.ts";

/** A stored image with what a pull of it asks for. */
export interface StoredImage {
  repository: RepositoryName;
  manifest: Digest;
  blobs: Digest[];
}

/** A blob and a repository that holds it. */
export interface Held {
  repository: RepositoryName;
  digest: Digest;
}

export interface SizedBlob extends Held {
  bytes: number;
}

/** A tagged image. */
export interface TaggedImage {
  repository: RepositoryName;
  tag: string;
  digest: Digest;
  /** Of the manifest. */
  bytes: number;
}

/** A layer as a pull asks for it: the manifest first. */
export interface NamedLayer extends Held {
  manifest: Digest;
}

/** What is in a generated index, read from its pristine copy so that the one that is measured stays cold. */
export class Catalog {
  readonly #index: Database.Database;
  readonly #random = new Random(2);

  constructor(pristineIndex: string) {
    this.#index = new Database(pristineIndex, { readonly: true });
  }

  close(): void {
    this.#index.close();
  }

  /** Images of the half that was pulled last, evenly spread over it: eviction takes the others first. */
  recentImages(count: number): StoredImage[] {
    const ids = this.#index.prepare<[], number>(`
      SELECT id FROM manifest WHERE kind = 'image' ORDER BY accessed_at DESC
      LIMIT (SELECT count(*) / 2 FROM manifest WHERE kind = 'image')`);
    const recent = ids.pluck().all();
    const step = Math.max(1, recent.length / count);
    return recent.filter((_, place) => place % step < 1).map((id) => this.#image(id));
  }

  /** Random tags whose manifests all have the size that is the most common. */
  randomTags(count: number): TaggedImage[] {
    const commonest = `
      SELECT blob.size FROM tag JOIN blob ON blob.id = tag.manifest GROUP BY blob.size ORDER BY count(*) DESC LIMIT 1`;
    const tags = this.#index.prepare<[], TaggedImage>(`
      SELECT repository.name AS repository, tag.name AS tag, blob.digest, blob.size AS bytes
      FROM tag JOIN blob ON blob.id = tag.manifest JOIN repository ON repository.id = tag.repository
      WHERE blob.size = (${commonest})`);
    const all = tags.all();
    return Array.from({ length: count }, () => all[this.#random.below(all.length)]).filter((tag) => tag !== undefined);
  }

  /** Random configs and layers, each with the repository that it was pulled through. */
  randomBlobs(count: number): SizedBlob[] {
    const most = this.#index.prepare<[], number>("SELECT max(id) FROM blob").pluck().get() ?? 0;
    const held = this.#index.prepare<[number], SizedBlob>(`
      SELECT repository.name AS repository, blob.digest, blob.size AS bytes
      FROM blob JOIN member ON member.blob = blob.id JOIN repository ON repository.id = member.repository
      WHERE blob.id = ? AND blob.is_manifest = 0 LIMIT 1`);
    const drawn = Array.from({ length: count }, () => held.get(1 + this.#random.below(most)));
    return drawn.filter((one) => one !== undefined);
  }

  /** Random uses of base layers, each with the manifest that names it in a repository that is only known to hold it by that. */
  sharedLayers(count: number): NamedLayer[] {
    const images = this.#index.prepare<[], number>("SELECT id FROM manifest WHERE kind = 'image'").pluck().all();
    const used = this.#index.prepare<[number], NamedLayer>(`
      SELECT repository.name AS repository, layer.digest, image.digest AS manifest
      FROM member CROSS JOIN repository ON repository.id = member.repository
      CROSS JOIN blob AS image ON image.id = member.blob
      CROSS JOIN edge ON edge.parent = member.blob AND edge.role = 'layer'
      CROSS JOIN blob AS layer ON layer.id = edge.child
      WHERE member.blob = ?
        AND NOT EXISTS (SELECT 1 FROM member AS own WHERE own.repository = repository.id AND own.blob = layer.id)
      LIMIT 1`);
    const drawn = Array.from({ length: count }, () => used.get(images[this.#random.below(images.length)] ?? 0));
    return drawn.filter((one) => one !== undefined);
  }

  #image(id: number): StoredImage {
    const manifest = this.#index.prepare<[number], Held>(`
      SELECT blob.digest, repository.name AS repository
      FROM blob JOIN member ON member.blob = blob.id JOIN repository ON repository.id = member.repository
      WHERE blob.id = ?`);
    const blobs = this.#index.prepare<[number], Digest>(`
      SELECT blob.digest FROM edge JOIN blob ON blob.id = edge.child WHERE edge.parent = ?`);
    const row = manifest.get(id);
    if (!row) throw new Error("an image without a repository");
    return { repository: row.repository, manifest: row.digest, blobs: blobs.pluck().all(id) };
  }
}
