/** What is known of one key of the configuration. */
export type Key =
  /** Checked by the schema. */
  | { kind: "built" }
  /** A section of keys. `isAlsoList`: or a list of such sections. */
  | { kind: "section"; keys: Keys; isAlsoList?: boolean }
  /** A map from names to sections. */
  | { kind: "map"; keys: Keys }
  /** A list of sections, or of plain values. */
  | { kind: "list"; keys: Keys };

export type Keys = Readonly<Record<string, Key>>;

const built: Key = { kind: "built" };
const section = (keys: Keys): Key => ({ kind: "section", keys });

const tlsServer = section({ certFile: built, keyFile: built, clientCaFile: built });

const tagPolicy: Keys = {
  freshFor: built,
  staleFor: built,
  staleAfter: built,
  absentFor: built,
  onGone: built,
  goneGrace: built,
  onDenied: built,
  cooldown: built,
  cooldownMode: built,
};

const tags = section({ ...tagPolicy, patterns: { kind: "list", keys: { match: built, ...tagPolicy } } });

const limits = section({
  answerWithin: built,
  headerTimeout: built,
  idleTimeout: built,
  connectTimeout: built,
  attempts: built,
  maxBlobSize: built,
});

const credentials: Key = {
  kind: "section",
  isAlsoList: true,
  keys: {
    match: built,
    username: built,
    password: built,
    passwordFile: built,
    passwordEnv: built,
    token: built,
    tokenFile: built,
    tokenEnv: built,
    dockerConfig: built,
    helper: built,
    command: built,
  },
};

const upstream: Keys = {
  endpoints: {
    kind: "list",
    keys: { url: built, credentials, addressing: built, trusted: built },
  },
  credentials,
  tokenHosts: built,
  redirects: section({ allowPrivate: built }),
  allow: built,
  deny: built,
  push: built,
  quota: section({ keepBack: built }),
  hostnames: built,
  listen: built,
  proxy: built,
  tls: section({ caFile: built, certFile: built, keyFile: built }),
  anonymousFallback: built,
  offline: built,
  concurrency: section({ control: built, blobs: built }),
  bandwidth: built,
  breaker: section({ openFor: built }),
  enabled: built,
  tags,
  limits,
};

/** Every key of the documented configuration. What is misspelt, and what the environment reaches follow from it. */
export const documentedKeys: Keys = {
  listen: built,
  admin: section({ listen: built, tokenFile: built, tls: tlsServer }),
  metrics: section({ listen: built }),
  dataDir: built,
  storage: section({ maxSize: built, minFree: built, highWatermark: built, lowWatermark: built }),
  eviction: section({ leaseFor: built, orphanGrace: built }),
  abandoned: section({ linger: built, keepFor: built }),
  pins: { kind: "list", keys: { image: built, platforms: built } },
  scrub: section({ every: built, rate: built, verifyOnRead: built }),
  memory: section({ hotBlobs: built, maxHotBlob: built }),
  access: section({
    mode: built,
    htpasswdFile: built,
    rules: { kind: "list", keys: { user: built, allow: built, deny: built } },
    verdictFor: built,
  }),
  tls: tlsServer,
  serve: section({
    idleTimeout: built,
    minRate: built,
    drainFor: built,
    connectionsPerClient: built,
    fillsPerClient: built,
    offload: built,
  }),
  log: section({ level: built, format: built }),
  events: section({ webhooks: { kind: "list", keys: { url: built, secretFile: built, only: built } } }),
  trustedProxies: built,
  allowPlaintext: built,
  offline: built,
  defaultUpstream: built,
  tags,
  limits,
  denyDigests: built,
  upstreams: { kind: "map", keys: upstream },
};
