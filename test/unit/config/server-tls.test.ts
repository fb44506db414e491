import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatSettings } from "../../../src/config/index.ts";
import { Certificates } from "../../support/certificates.ts";
import { faultsOf, load } from "./config-file.ts";

it("reads certificate, key and authorities, and prints the files and never the key", () => {
  const certificates = new Certificates();
  const { certFile, keyFile } = certificates.issue("cache");
  const settings = load(`tls: { certFile: ${certFile}, keyFile: ${keyFile}, clientCaFile: ${certFile} }`);
  expect(settings.tls).toMatchObject({ certFile, keyFile, clientCaFile: certFile });
  expect(settings.tls?.identity.key).toContain("PRIVATE KEY");
  expect(settings.admin.tls).toBeUndefined();
  const printed = formatSettings(settings);
  expect(printed).toContain(keyFile);
  expect(printed).not.toContain("PRIVATE KEY");
});

it("says every fault of the files at once, each with its path", () => {
  const certificates = new Certificates();
  const { certFile, keyFile } = certificates.issue("cache");
  const other = certificates.issue("other");
  const broken = join(certificates.directory, "broken.pem");
  writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  expect(
    faultsOf(`
      tls: { certFile: ${certFile}, keyFile: ${other.keyFile} }
      admin: { tls: { certFile: ${broken}, keyFile: /nowhere, clientCaFile: ${keyFile} } }`),
  ).toEqual([
    { path: "admin.tls.certFile", message: `${broken}: certificate 1 in it cannot be read` },
    { path: "admin.tls.keyFile", message: "/nowhere: no such file" },
    { path: "admin.tls.clientCaFile", message: `${keyFile} holds no certificate in PEM` },
    { path: "tls.keyFile", message: `${other.keyFile} is not the key of the first certificate in ${certFile}` },
  ]);
  expect(faultsOf(`tls: { certFile: ${certFile}, keyFile: ${certFile} }`)).toEqual([
    { path: "tls.keyFile", message: `${certFile} is not an unencrypted private key in PEM` },
  ]);
  expect(faultsOf(`tls: { clientCaFile: ${certFile} }`)).toEqual([
    { path: "tls", message: "must have certFile and keyFile, or neither" },
  ]);
});
