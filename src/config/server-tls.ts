import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type ConnectionOptions } from "node:tls";
import { readCertificates, readText } from "./certificates.ts";
import type { ConfigFault } from "./errors.ts";
import type { ServerTlsDocument } from "./schema.ts";
import type { ServerIdentity, ServerTlsFiles, ServerTlsSettings } from "./settings.ts";

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Undefined where none of its keys is set, and where there is a fault. */
export function resolveServerTls(
  { certFile, keyFile, clientCaFile }: ServerTlsDocument,
  path: string,
  faults: ConfigFault[],
): ServerTlsSettings | undefined {
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    faults.push({ path, message: "must have certFile and keyFile, or neither" });
    return undefined;
  }
  const files = { certFile, keyFile, clientCaFile };
  const identity = readServerIdentity(files, path, faults);
  return identity && { ...files, identity };
}

/**
 * Reads the files of a listener's identity and checks them: every certificate can be read, and the key is that of the first.
 * Whether it is valid today is not asked (`validityFault`): a client may know better, and a server that does not start helps nobody.
 */
export function readServerIdentity(
  { certFile, keyFile, clientCaFile }: ServerTlsFiles,
  path: string,
  faults: ConfigFault[],
): ServerIdentity | undefined {
  const cert = readChain(certFile, `${path}.certFile`, faults);
  const key = readText(keyFile, `${path}.keyFile`, faults);
  const clientCa = clientCaFile === undefined ? undefined : readChain(clientCaFile, `${path}.clientCaFile`, faults);
  if (cert === undefined || key === undefined || (clientCaFile !== undefined && clientCa === undefined)) {
    return undefined;
  }
  const fault = keyFault(cert, key);
  if (fault !== undefined) {
    faults.push({ path: `${path}.keyFile`, message: `${keyFile} ${fault.replace("%", certFile)}` });
    return undefined;
  }
  return { cert, key, clientCa };
}

/** Why an identity will be refused by clients at `now` (ms since the epoch), in words; undefined for a valid one. */
export function validityFault({ cert }: ServerIdentity, now: number): string | undefined {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  if (now > validToDate.getTime()) return `has expired on ${validToDate.toISOString()}`;
  return now < validFromDate.getTime() ? `is not valid before ${validFromDate.toISOString()}` : undefined;
}

/** The text of a file whose every certificate can be read. */
function readChain(file: string, path: string, faults: ConfigFault[]): string | undefined {
  const text = readCertificates(file, path, faults);
  if (text === undefined) return undefined;
  const blocks = text.match(certificatePattern) ?? [];
  const broken = blocks.findIndex((block) => !isCertificate(block));
  if (blocks.length > 0 && broken === -1) return text;
  faults.push({ path, message: `${file}: certificate ${broken + 1 || 1} in it cannot be read` });
  return undefined;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a key; `%` stands for the file of the certificate. */
function keyFault(cert: string, key: string): string | undefined {
  try {
    const privateKey = createPrivateKey(key);
    if (!new X509Certificate(cert).checkPrivateKey(privateKey)) return "is not the key of the first certificate in %";
  } catch {
    return "is not an unencrypted private key in PEM";
  }
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch {
    return "and % are not accepted by OpenSSL: the key may be too short, or the signature too weak";
  }
}

/** How a client that knows the files of a server makes sure that it speaks with it, by whatever name: for `tls.connect`. */
export function ownPeer({ cert }: ServerIdentity): ConnectionOptions {
  const { fingerprint256 } = new X509Certificate(cert);
  return {
    ca: cert,
    allowPartialTrustChain: true,
    checkServerIdentity: (_name, peer) =>
      peer.fingerprint256 === fingerprint256 ? undefined : new Error("it shows another certificate than its own"),
  };
}
