/** Strings that are in one place each, so that wherever one turns up it can be told where it came from. */
export const secrets = {
  password: "canary-password-3f91c2",
  otherPassword: "canary-other-b7720e",
  filePassword: "canary-file-90ad41",
  refreshToken: "canary-refresh-5c18ff",
  helperSecret: "canary-helper-e2d064",
  fixedToken: "canary-fixed-77b3a9",
  securePassword: "canary-secure-1d5e80",
  proxyPassword: "canary-proxy-c4f62b",
  signature: "canary-signature-08e7d3",
  clientToken: "canary-client-a6b915",
  issuedToken: "canary-issued-4e0c77",
};

export type SecretName = keyof typeof secrets;

/** A secret as it is, and as it looks inside of base64, wherever in it it begins. */
function formsOf(secret: string): string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]).toString("base64");
    // The first and last characters depend on what stands around it.
    return text.slice(offset === 0 ? 0 : 4, text.length - 4);
  });
  return [secret, ...encoded, encodeURIComponent(secret)];
}

/** The names of the secrets that `text` holds. */
export function secretsIn(text: string | Buffer): SecretName[] {
  const names = Object.keys(secrets) as SecretName[];
  return names.filter((name) => formsOf(secrets[name]).some((form) => text.includes(form)));
}
