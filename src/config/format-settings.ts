import { stringify } from "yaml";
import { formatListenAddress, type ListenAddress } from "./hosts.ts";
import { formatAmount, formatDuration, formatRate, formatShare, formatSize } from "./quantities.ts";
import type {
  AccessSettings,
  CredentialSettings,
  LimitSettings,
  PinEntry,
  ServerTlsFiles,
  ServerTlsSettings,
  Settings,
  TagSettings,
  UpstreamEndpoint,
  UpstreamEntry,
  WebhookSettings,
} from "./settings.ts";

const redacted = "(redacted)";

/** The settings as the YAML that would give them, complete with defaults, with every secret redacted. */
export function formatSettings(settings: Settings): string {
  return stringify(describeSettings(settings));
}

/** The same before it is YAML; what is not set is undefined. */
export function describeSettings(settings: Settings): object {
  return {
    listen: listenText(settings.listen),
    admin: {
      listen: listenText(settings.admin.listen),
      tokenFile: settings.admin.tokenFile,
      tls: serverTlsText(settings.admin.tls),
    },
    tls: serverTlsText(settings.tls),
    metrics: settings.metrics.listen.length > 0 ? { listen: listenText(settings.metrics.listen) } : undefined,
    dataDir: settings.dataDir,
    storage: {
      maxSize: settings.storage.maxSize && formatAmount(settings.storage.maxSize),
      minFree: formatAmount(settings.storage.minFree),
      highWatermark: formatShare(settings.storage.highWatermark),
      lowWatermark: formatShare(settings.storage.lowWatermark),
    },
    eviction: {
      leaseFor: formatDuration(settings.eviction.leaseForMs),
      orphanGrace: formatDuration(settings.eviction.orphanGraceMs),
    },
    abandoned: {
      linger: formatDuration(settings.abandoned.lingerMs),
      keepFor: formatDuration(settings.abandoned.keepForMs),
    },
    pins: settings.pins.map(pinText),
    scrub: {
      every: formatDuration(settings.scrub.everyMs),
      rate: formatRate(settings.scrub.rateBytesPerSecond),
      verifyOnRead: settings.scrub.verifyOnRead,
    },
    memory: {
      hotBlobs: formatSize(settings.memory.hotBlobsBytes),
      maxHotBlob: formatSize(settings.memory.maxHotBlobBytes),
    },
    serve: {
      idleTimeout: formatDuration(settings.serve.idleTimeoutMs),
      minRate: formatRate(settings.serve.minRateBytesPerSecond),
      drainFor: formatDuration(settings.serve.drainForMs),
      connectionsPerClient: settings.serve.connectionsPerClient,
      fillsPerClient: settings.serve.fillsPerClient,
      offload: settings.serve.offload,
    },
    access: accessText(settings.access),
    trustedProxies: [...settings.trustedProxies],
    allowPlaintext: settings.allowPlaintext,
    denyDigests: [...settings.denyDigests],
    events: { webhooks: settings.events.webhooks.map(webhookText) },
    log: { ...settings.log },
    offline: settings.offline,
    defaultUpstream: settings.defaultUpstream,
    upstreams: Object.fromEntries(settings.upstreams.map((upstream) => [upstream.name, upstreamText(upstream)])),
  };
}

function listenText(addresses: readonly ListenAddress[]): string | string[] {
  const texts = addresses.map(formatListenAddress);
  return texts.length === 1 ? (texts[0] ?? []) : texts;
}

function serverTlsText(tls: ServerTlsSettings | undefined): ServerTlsFiles | undefined {
  return tls && { certFile: tls.certFile, keyFile: tls.keyFile, clientCaFile: tls.clientCaFile };
}

function pinText({ image, platforms }: PinEntry) {
  return platforms === undefined ? image : { image, platforms: [...platforms] };
}

/** What follows the host is what some receivers are known by. */
function webhookText({ url, secretFile, only }: WebhookSettings) {
  const { origin, href } = new URL(url);
  return { url: href === `${origin}/` ? href : `${origin}/${redacted}`, secretFile, only: only && [...only] };
}

function accessText({ mode, htpasswdFile, rules, verdictForMs }: AccessSettings) {
  return {
    mode,
    htpasswdFile,
    rules: rules?.map(({ user, allow, deny }) => ({ user, allow: [...allow], deny: [...deny] })),
    verdictFor: mode === "upstream" ? formatDuration(verdictForMs) : undefined,
  };
}

function upstreamText(upstream: UpstreamEntry) {
  return {
    endpoints: upstream.endpoints.map(endpointText),
    tokenHosts: [...upstream.tokenHosts],
    redirects: { allowPrivate: upstream.allowPrivateRedirects },
    allow: [...upstream.allow],
    deny: [...upstream.deny],
    hostnames: [...upstream.hostnames],
    listen: upstream.listen.length > 0 ? listenText(upstream.listen) : undefined,
    proxy: upstream.proxy === undefined ? undefined : redactUrl(upstream.proxy),
    tls: tlsText(upstream),
    anonymousFallback: upstream.anonymousFallback,
    tags: {
      ...tagsText(upstream.tags),
      patterns: upstream.tagPatterns.map(({ match, ...policy }) => ({ match, ...tagsText(policy) })),
    },
    limits: limitsText(upstream.limits),
    offline: upstream.offline,
    concurrency: { ...upstream.concurrency },
    bandwidth: formatRate(upstream.bandwidthBytesPerSecond),
    breaker: { openFor: formatDuration(upstream.breaker.openForMs) },
    quota: { keepBack: formatShare(upstream.quota.keepBack) },
    push: upstream.push,
  };
}

function endpointText({ url, credentials, parent }: UpstreamEndpoint) {
  if (credentials.length === 0 && !parent) return url;
  return {
    url,
    ...(parent && { addressing: parent.addressing, trusted: parent.isTrusted }),
    ...(credentials.length > 0 && { credentials: credentialsText(credentials) }),
  };
}

function tlsText({ caFile, clientCertificate }: UpstreamEntry) {
  const { certFile, keyFile } = clientCertificate ?? {};
  return caFile === undefined && certFile === undefined ? undefined : { caFile, certFile, keyFile };
}

function credentialsText(credentials: readonly CredentialSettings[]) {
  const texts = credentials.map((entry) => ({
    ...(entry.match && { match: [...entry.match] }),
    ...credentialText(entry),
  }));
  return texts.length === 1 && credentials[0]?.match === undefined ? texts[0] : texts;
}

function credentialText(entry: CredentialSettings) {
  switch (entry.kind) {
    case "basic": {
      const { username, passwordEnv } = entry;
      return passwordEnv === undefined ? { username, password: redacted } : { username, passwordEnv };
    }
    case "bearer":
      return entry.tokenEnv === undefined ? { token: redacted } : { tokenEnv: entry.tokenEnv };
    case "password-file":
      return { username: entry.username, passwordFile: entry.file };
    case "token-file":
      return { tokenFile: entry.file };
    case "docker-config":
      return { dockerConfig: entry.file };
    case "helper":
      return { helper: entry.name };
    case "command":
      // Its arguments may be secrets.
      return { username: entry.username, command: entry.command.map((word, index) => (index === 0 ? word : redacted)) };
  }
}

function redactUrl(text: string): string {
  const url = new URL(text);
  return url.username === "" && url.password === "" ? text : `${url.protocol}//redacted@${url.host}/`;
}

function tagsText(tags: TagSettings) {
  return {
    freshFor: formatDuration(tags.freshForMs),
    staleFor: formatDuration(tags.staleForMs),
    staleAfter: formatDuration(tags.staleAfterMs),
    absentFor: formatDuration(tags.absentForMs),
    onGone: tags.onGone,
    goneGrace: formatDuration(tags.goneGraceMs),
    onDenied: tags.onDenied,
    cooldown: formatDuration(tags.cooldownMs),
    cooldownMode: tags.cooldownMode,
  };
}

function limitsText(limits: LimitSettings) {
  return {
    answerWithin: formatDuration(limits.answerWithinMs),
    headerTimeout: formatDuration(limits.headerTimeoutMs),
    idleTimeout: formatDuration(limits.idleTimeoutMs),
    connectTimeout: formatDuration(limits.connectTimeoutMs),
    attempts: limits.attempts,
    maxBlobSize: formatSize(limits.maxBlobSizeBytes),
  };
}
