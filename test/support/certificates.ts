import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** Certificates made by openssl for `localhost` and 127.0.0.1, in a directory that is removed after the test. */
export class Certificates {
  readonly directory = mkdtempSync(join(tmpdir(), "entrepot-certificates-"));

  constructor() {
    onTestFinished(() => rmSync(this.directory, { recursive: true }));
  }

  /** Issued by `by`, or by itself. */
  issue(name: string, by?: CertificateFiles): CertificateFiles {
    const certFile = join(this.directory, `${name}.pem`);
    const keyFile = join(this.directory, `${name}.key`);
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
        ...["-keyout", keyFile, "-out", certFile, "-subj", `/CN=${name}`],
        ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        ...(by ? ["-CA", by.certFile, "-CAkey", by.keyFile, "-addext", "basicConstraints=critical,CA:FALSE"] : []),
      ],
      { stdio: "pipe" },
    );
    return { certFile, keyFile };
  }
}
