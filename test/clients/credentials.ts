/** What somebody shows to a registry. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}
