import type { AskOptions, Instance, Reply } from "./instance.ts";

/** The Authorization header of a user, as a static header of hosts.toml sends it. */
export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

/** The parameters of the Bearer challenge that `reply` carries. */
export function challengeOf(reply: Reply): Record<string, string> {
  const header = String(reply.headers["www-authenticate"]);
  if (!header.startsWith("Bearer ")) throw new Error(`no Bearer challenge: ${header}`);
  const parameters = Array.from(
    header.matchAll(/(\w+)="([^"]*)"/g),
    ([, name = "", value = ""]) => [name, value] as const,
  );
  return Object.fromEntries(parameters);
}

export interface LoginOptions {
  user?: string;
  password?: string;
  /** As docker and podman build it: from the name they ask for, the prefix included. */
  scope?: string;
  method?: "GET" | "POST";
}

/**
 * What docker and podman do: the challenge is taken from `/v2/` alone, and a token is asked for at its realm.
 * @returns the header to pull with.
 */
export async function login(instance: Instance, options: LoginOptions = {}): Promise<Record<string, string>> {
  const reply = await askToken(instance, options);
  if (reply.status !== 200) throw new Error(`no token: ${reply.status} ${reply.body.toString()}`);
  const { token } = JSON.parse(reply.body.toString()) as { token: string };
  return { authorization: `Bearer ${token}` };
}

/** The answer of the token service that the challenge of `/v2/` names. */
export async function askToken(instance: Instance, options: LoginOptions = {}): Promise<Reply> {
  const { user, password = "", scope, method = "GET" } = options;
  const { realm = "", service = "" } = challengeOf(await instance.ask("/v2/"));
  const url = new URL(realm);
  if (url.origin !== instance.url) throw new Error(`the realm ${realm} is not on ${instance.url}`);
  const query = new URLSearchParams({ service, ...(scope !== undefined && { scope }) });
  if (method === "GET") {
    const headers = user === undefined ? {} : basic(user, password);
    return instance.ask(`${url.pathname}?${query.toString()}`, { headers });
  }
  const form = { grant_type: "password", client_id: "docker", username: user ?? "", password };
  return postForm(instance, url.pathname, { ...Object.fromEntries(query), ...form });
}

export function postForm(instance: Instance, path: string, form: Record<string, string>): Promise<Reply> {
  const options: AskOptions = {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  };
  return instance.ask(path, options);
}
