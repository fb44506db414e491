import { tokenPath, type Asked } from "./asked.ts";
import { errorReply, jsonReply, type Reply } from "./reply.ts";
import type { RequestKind } from "./request-log.ts";

/** Who may pull what, and how that is shown. May be changed at any time. */
export interface AuthSettings {
  kind: "none" | "basic" | "bearer";
  /** User names and their passwords. */
  users: Record<string, string>;
  /** Bearer: whether the token endpoint gives tokens for public repositories without credentials. */
  allowsAnonymous: boolean;
  /** Refresh tokens and whose they are; given in a POST. */
  refreshTokens: Record<string, string>;
  /** Repositories that only these users may pull; all others are public to everybody who is let in at all. */
  privateRepositories: Record<string, string[]>;
  /** Users that may push to a repository, and delete there; where it is not named, every user may. */
  pushers: Record<string, string[]>;
  /** How a valid token or user without permission is answered. */
  deniedStatus: 401 | 403 | 404;
  service: string;
  /** Put in the challenge instead of the token endpoint's own address: a hostile or broken realm. */
  realm: string | undefined;
  /** Life of a token; undefined: not said in the answer, and for ever. */
  expiresInSeconds: number | undefined;
  tokenField: "token" | "access_token";
  /** How every token begins. */
  tokenPrefix: string;
  /** False: any token opens every repository its user may pull, as on ghcr.io. */
  isRepositoryBound: boolean;
  /** These kinds answer 401 to HEAD, whatever the token (public.ecr.aws). */
  refusesHeadOf: RequestKind[];
  /** Only the ping and private repositories are challenged (gcr.io). */
  servesPublicUnchallenged: boolean;
  /** Basic credentials are taken by a bearer registry too. */
  acceptsBasic: boolean;
}

interface IssuedToken {
  user: string | undefined;
  repositories: string[];
  /** `<repository> <action>` beyond pulling. */
  writes: string[];
  expiresAt: number;
}

const defaults: AuthSettings = {
  kind: "none",
  users: {},
  refreshTokens: {},
  allowsAnonymous: true,
  privateRepositories: {},
  pushers: {},
  deniedStatus: 401,
  service: "registry.test",
  realm: undefined,
  expiresInSeconds: 300,
  tokenField: "token",
  tokenPrefix: "token",
  isRepositoryBound: true,
  refusesHeadOf: [],
  servesPublicUnchallenged: false,
  acceptsBasic: false,
};

/** The door of the registry and its token endpoint. */
export class Authorization {
  readonly settings: AuthSettings;
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #now: () => number;
  #issued = 0;
  /** Address of the token endpoint's listener. */
  tokenUrl = "";

  constructor(settings: Partial<AuthSettings>, now: () => number) {
    this.settings = { ...defaults, ...settings };
    this.#now = now;
  }

  /** Every token issued so far is met by 401 from now on. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** The refusal of this request, or undefined where it may pass. */
  refuse(asked: Asked): Reply | undefined {
    const { kind, refusesHeadOf, servesPublicUnchallenged } = this.settings;
    if (kind === "none") return undefined;
    if (asked.method === "HEAD" && refusesHeadOf.includes(asked.kind)) return this.challenge(asked);
    const isPublic = asked.repository !== undefined && !this.#isPrivate(asked.repository);
    if (servesPublicUnchallenged && isPublic) return undefined;
    const holder = this.#holder(asked);
    if (!holder) return this.challenge(asked);
    if (asked.repository === undefined) return undefined;
    if (!this.#covers(holder, asked.repository)) return this.challenge(asked, "insufficient_scope");
    if (!this.#mayPull(holder.user, asked.repository)) return this.#denial(asked);
    const action = actionOf(asked);
    const isGranted = action === "pull" || holder.writes.includes(`${asked.repository} ${action}`);
    return isGranted ? undefined : this.challenge(asked, "insufficient_scope");
  }

  /** 401 with the challenge of this upstream (RFC 7235, distribution's token specification). */
  challenge(asked: Asked, error?: string): Reply {
    const { kind, service, realm } = this.settings;
    const hadToken = asked.headers.authorization?.startsWith("Bearer ") === true;
    const reason = error ?? (hadToken ? "invalid_token" : undefined);
    const parts = [
      `realm="${realm ?? `${this.tokenUrl}${tokenPath}`}"`,
      `service="${service}"`,
      ...(asked.repository === undefined ? [] : [`scope="repository:${asked.repository}:${challengedActions(asked)}"`]),
      ...(reason === undefined ? [] : [`error="${reason}"`]),
    ];
    const header = kind === "bearer" ? `Bearer ${parts.join(",")}` : `Basic realm="${realm ?? service}"`;
    return errorReply(401, "UNAUTHORIZED", "authentication required", { "www-authenticate": header });
  }

  /** The token endpoint: a token for the scopes its user may have, 401 for credentials that are wrong. */
  issue(asked: Asked, body: Buffer): Reply {
    if (asked.method === "POST") return this.#issueForRefresh(new URLSearchParams(body.toString()));
    if (asked.method !== "GET") return errorReply(404, "UNSUPPORTED", "only GET and POST are served here");
    const user = this.#basicUser(asked);
    const isAnonymous = asked.headers.authorization === undefined;
    if (isAnonymous ? !this.settings.allowsAnonymous : user === undefined) {
      return jsonReply(401, { details: "incorrect username or password" });
    }
    return this.#issueTo(user, asked.query.getAll("scope"));
  }

  /** RFC 6749 section 6: a token for the user of a refresh token. */
  #issueForRefresh(form: URLSearchParams): Reply {
    const user = this.settings.refreshTokens[form.get("refresh_token") ?? ""];
    if (form.get("grant_type") !== "refresh_token" || user === undefined) {
      return jsonReply(401, { error: "invalid_grant" });
    }
    return this.#issueTo(user, (form.get("scope") ?? "").split(" "));
  }

  #issueTo(user: string | undefined, scopes: string[]): Reply {
    const { expiresInSeconds, tokenField, tokenPrefix } = this.settings;
    const value = `${tokenPrefix}-${++this.#issued}-${user ?? "anonymous"}`;
    const expiresAt = this.#now() + (expiresInSeconds ?? Infinity) * 1000;
    const writes = this.#writesOf(user, scopes);
    this.#tokens.set(value, { user, repositories: this.#grantedTo(user, scopes), writes, expiresAt });
    const lifetime = expiresInSeconds === undefined ? {} : { expires_in: expiresInSeconds };
    return jsonReply(200, { [tokenField]: value, ...lifetime, issued_at: new Date(this.#now()).toISOString() });
  }

  #grantedTo(user: string | undefined, scopes: string[]): string[] {
    const names = scopes.flatMap((scope) => /^repository:(.+):[a-z,*]+$/.exec(scope)?.[1] ?? []);
    return names.filter((name) => this.#mayPull(user, name));
  }

  #writesOf(user: string | undefined, scopes: string[]): string[] {
    return scopes.flatMap((scope) => {
      const [, name = "", actions = ""] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
      if (!this.#mayPush(user, name)) return [];
      return actions.split(",").flatMap((action) => (action === "pull" ? [] : [`${name} ${action}`]));
    });
  }

  #mayPush(user: string | undefined, repository: string): boolean {
    return user !== undefined && (this.settings.pushers[repository]?.includes(user) ?? true);
  }

  #holder(asked: Asked): IssuedToken | undefined {
    const bearer = /^Bearer (.+)$/i.exec(asked.headers.authorization ?? "")?.[1];
    if (this.settings.kind === "bearer" && bearer !== undefined) {
      const token = this.#tokens.get(bearer);
      return token && token.expiresAt > this.#now() ? token : undefined;
    }
    if (this.settings.kind === "bearer" && !this.settings.acceptsBasic) return undefined;
    const user = this.#basicUser(asked);
    if (user === undefined) return undefined;
    const { repository } = asked;
    const repositories = repository === undefined ? [] : [repository];
    const writes = this.#mayPush(user, repository ?? "") ? [`${repository} push`, `${repository} delete`] : [];
    return { user, repositories, writes, expiresAt: Infinity };
  }

  #basicUser(asked: Asked): string | undefined {
    const encoded = /^Basic (.+)$/i.exec(asked.headers.authorization ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const [user = "", ...rest] = Buffer.from(encoded, "base64").toString().split(":");
    return this.settings.users[user] === rest.join(":") ? user : undefined;
  }

  #covers(holder: IssuedToken, repository: string): boolean {
    return !this.settings.isRepositoryBound || holder.repositories.includes(repository);
  }

  #isPrivate(repository: string): boolean {
    return this.settings.privateRepositories[repository] !== undefined;
  }

  #mayPull(user: string | undefined, repository: string): boolean {
    const allowed = this.settings.privateRepositories[repository];
    return allowed === undefined || (user !== undefined && allowed.includes(user));
  }

  #denial(asked: Asked): Reply {
    const { deniedStatus } = this.settings;
    if (deniedStatus === 401) return this.challenge(asked, "insufficient_scope");
    if (deniedStatus === 404) return errorReply(404, "NAME_UNKNOWN", "repository name not known to registry");
    return errorReply(403, "DENIED", "requested access to the resource is denied");
  }
}

function actionOf({ method }: Asked): "pull" | "push" | "delete" {
  if (method === "GET" || method === "HEAD") return "pull";
  return method === "DELETE" ? "delete" : "push";
}

function challengedActions(asked: Asked): string {
  return { pull: "pull", push: "pull,push", delete: "delete" }[actionOf(asked)];
}
