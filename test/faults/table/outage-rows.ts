import { temperaments as t, type Temperament } from "../../upstream/index.ts";
import {
  certificate,
  elsewhereCertificate,
  expiredCertificate,
  privateKey,
  unknownCertificate,
} from "../../unit/upstream/certificate.ts";
import type { OutageBench } from "./outage-bench.ts";

/** One way in which an upstream is not there, and how it comes back. */
export interface Outage {
  title: string;
  /** What clients are told of what is not stored. */
  status: 502 | 504;
  /** In the words of `detail.said`. */
  said: RegExp;
  begin: (bench: OutageBench) => unknown;
  end: (bench: OutageBench) => unknown;
}

function shown(cert: string): Outage["begin"] {
  return ({ front }) => front.present({ cert, key: privateKey });
}

function misbehaves(temperament: Temperament): Pick<Outage, "begin" | "end"> {
  return {
    begin: ({ upstream }) => void upstream.misbehave({ on: "any", temperament }),
    end: ({ upstream }) => upstream.behave(),
  };
}

const present = shown(certificate);

/** Plain http, so that what happens to connections is not hidden behind the front. */
function plainly(onConnect: "silent" | "reset"): Pick<Outage, "begin" | "end"> {
  return {
    async begin(at) {
      await at.moveTo(at.upstream.url);
      at.upstream.site("registry").onConnect = onConnect;
    },
    end({ upstream }) {
      upstream.site("registry").onConnect = "accept";
      upstream.site("registry").dropConnections();
    },
  };
}

export const outages: Outage[] = [
  {
    title: "refuses connections",
    status: 502,
    said: /ECONNREFUSED/,
    async begin(at) {
      await at.moveTo(at.upstream.url);
      await at.upstream.stop();
    },
    end: ({ upstream }) => upstream.restart(),
  },
  { title: "accepts connections and is silent", status: 504, said: /in time/, ...plainly("silent") },
  { title: "resets connections", status: 502, said: /ECONNRESET|UND_ERR_SOCKET/, ...plainly("reset") },
  { title: "takes requests and is silent", status: 504, said: /in time/, ...misbehaves(t.silent()) },
  { title: "answers 503", status: 502, said: /503/, ...misbehaves(t.status(503)) },
  { title: "answers 504 from its gateway", status: 502, said: /504/, ...misbehaves(t.status(504, "<html>")) },
  {
    title: "has no address",
    status: 502,
    said: /ENOTFOUND|EAI_AGAIN/,
    async begin(at) {
      await at.moveTo(`http://registry.invalid:${at.upstream.port}`);
    },
    // A name that is found again is another address for the same data.
    end: (at) => at.moveTo(at.front.url),
  },
  {
    title: "shows a certificate that has expired",
    status: 502,
    said: /CERT_HAS_EXPIRED/,
    begin: shown(expiredCertificate),
    end: present,
  },
  {
    title: "shows the certificate of another host",
    status: 502,
    said: /ALTNAME_INVALID/,
    begin: shown(elsewhereCertificate),
    end: present,
  },
  {
    title: "shows a certificate that nobody has signed",
    status: 502,
    said: /SELF_SIGNED/,
    begin: shown(unknownCertificate),
    end: present,
  },
];
