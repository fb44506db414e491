import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { ConfigFault } from "./errors.ts";
import { readFailure } from "./file.ts";
import type { ClientCertificate } from "./settings.ts";

/** The text of a file of certificates in PEM. */
export function readCertificates(file: string, path: string, faults: ConfigFault[]): string | undefined {
  const text = readText(file, path, faults);
  if (text === undefined || text.includes("-----BEGIN CERTIFICATE-----")) return text;
  faults.push({ path, message: `${file} holds no certificate in PEM` });
  return undefined;
}

/** A certificate with its key, where both are given, can be read and belong together. */
export function readClientCertificate(
  { certFile, keyFile }: { certFile?: string | undefined; keyFile?: string | undefined },
  path: string,
  faults: ConfigFault[],
): ClientCertificate | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    faults.push({ path, message: "must have certFile and keyFile, or neither" });
    return undefined;
  }
  const cert = readCertificates(certFile, `${path}.certFile`, faults);
  const key = readText(keyFile, `${path}.keyFile`, faults);
  if (cert === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert, key });
    return { cert, key, certFile, keyFile };
  } catch {
    faults.push({ path: `${path}.keyFile`, message: `${keyFile} is not the unencrypted key in PEM of ${certFile}` });
    return undefined;
  }
}

/** The text of a file that the configuration names; a fault where it cannot be read. */
export function readText(file: string, path: string, faults: ConfigFault[]): string | undefined {
  try {
    return readFileSync(file, "utf8").trimEnd();
  } catch (error) {
    faults.push({ path, message: `${file}: ${readFailure(error)}` });
    return undefined;
  }
}
