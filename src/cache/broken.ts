/** Why a body that had begun cannot go on. The client has our header already, so all that is left is to end the socket. */
export type BrokenKind = "transport" | "digest-mismatch" | "length-mismatch" | "closed";

export class BodyBroken extends Error {
  override readonly name = "BodyBroken";
  readonly kind: BrokenKind;

  constructor(kind: BrokenKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
