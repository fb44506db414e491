import { randomBytes } from "node:crypto";
import { RegistryError } from "../oci/index.ts";
import type { PushDestination } from "../upstream/index.ts";
import type { Push } from "./push.ts";

/** Registries forget an upload within hours to a week; each of its requests begins this time anew. */
const keptForMs = 24 * 60 * 60 * 1000;
const maxUploads = 10_000;
/** So that one client cannot crowd out the uploads of others. */
const maxPerPrincipal = 1000;

type Owner = Pick<Push, "upstream" | "repository"> & { principal: { id: string } };

interface Upload {
  owner: Owner;
  destination: PushDestination;
  until: number;
}

/**
 * Uploads under way: an opaque id for the client, behind it the address that the registry gave. A client can name
 * neither a host nor an upload that is not its own.
 */
export class Uploads {
  /** In the order of their last use. */
  readonly #uploads = new Map<string, Upload>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The id for a new upload. */
  begin(owner: Owner, destination: PushDestination): string {
    const id = randomBytes(24).toString("base64url");
    this.#makeRoom(owner.principal.id);
    this.#keep(id, owner, destination);
    return id;
  }

  /** Where an upload goes on. @throws RegistryError BLOB_UPLOAD_UNKNOWN, also for the uploads of others */
  find(id: string, owner: Owner): PushDestination {
    const upload = this.#uploads.get(id);
    if (!upload || upload.until <= this.#now() || !isSame(upload.owner, owner)) {
      throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "no such upload is under way here");
    }
    this.#keep(id, upload.owner, upload.destination);
    return upload.destination;
  }

  /** The registry has given it another address. */
  move(id: string, destination: PushDestination): void {
    const upload = this.#uploads.get(id);
    if (upload) this.#keep(id, upload.owner, destination);
  }

  end(id: string): void {
    this.#uploads.delete(id);
  }

  #keep(id: string, owner: Owner, destination: PushDestination): void {
    const { upstream, repository, principal } = owner;
    const until = this.#now() + keptForMs;
    this.#uploads.delete(id);
    this.#uploads.set(id, {
      owner: { upstream, repository, principal: { id: principal.id } },
      destination,
      until,
    });
  }

  #makeRoom(principal: string): void {
    for (const [id, { until }] of this.#uploads) {
      if (until > this.#now()) break;
      this.#uploads.delete(id);
    }
    const own = [...this.#uploads].filter(([, { owner }]) => owner.principal.id === principal);
    const oldest = own.length >= maxPerPrincipal ? own[0]?.[0] : this.#oldestAtMost();
    if (oldest !== undefined) this.#uploads.delete(oldest);
  }

  #oldestAtMost(): string | undefined {
    return this.#uploads.size >= maxUploads ? this.#uploads.keys().next().value : undefined;
  }
}

function isSame(one: Owner, other: Owner): boolean {
  return (
    one.principal.id === other.principal.id && one.upstream === other.upstream && one.repository === other.repository
  );
}
