/** Why a credential cannot be had, in words for the log: they may name files and programs, and quote nothing of what was read. */
export class CredentialFault extends Error {
  override readonly name = "CredentialFault";
}
