import { temperaments as t, type Temperament } from "../../upstream/index.ts";

type Context = Parameters<NonNullable<Temperament["reply"]>>[1];

/** Everything that came with a request and may be secret. */
function sentWith({ asked }: Context): string {
  return `${asked.headers.authorization ?? "nothing"} ${asked.query.toString()}`;
}

/** A status whose every text repeats what the request carried, as a debugging middleware or an attacker would. */
export function echoing(status: number, headers: Record<string, string> = {}): Temperament {
  return {
    name: `echo ${status}`,
    reply: (reply, context) => {
      const echo = sentWith(context);
      const body = JSON.stringify({
        errors: [{ code: echo, message: echo, detail: echo }],
        error: echo,
        details: echo,
      });
      const extra = {
        "docker-content-digest": echo,
        etag: `"${echo}"`,
        warning: `299 - "${echo}"`,
        "x-echo": echo,
        "set-cookie": echo,
        "docker-ratelimit-source": echo,
        ratelimit: echo,
        link: `<${echo}>; rel="next"`,
        ...headers,
      };
      return t.status(status, body, "application/json", extra).reply?.(reply, context) ?? reply;
    },
  };
}

/** What is right, with headers that repeat what the request carried. */
export function echoingHeaders(): Temperament {
  return {
    name: "echo in headers",
    reply: (reply, context) => {
      const echo = sentWith(context);
      const headers = { "docker-content-digest": echo, etag: echo, warning: `299 - "${echo}"`, "x-echo": echo };
      return t.headers({ ...headers, "content-type": `application/${echo}` }).reply?.(reply, context) ?? reply;
    },
  };
}

/** A refusal whose challenge repeats it, in the realm too. */
export function echoingChallenge(): Temperament {
  return {
    name: "echo in the challenge",
    reply: (reply, context) => {
      const echo = sentWith(context).replaceAll('"', "");
      const challenge = { "www-authenticate": `Bearer realm="https://${encodeURIComponent(echo)}.test/${echo}"` };
      return t.status(401, "{}", "application/json", challenge).reply?.(reply, context) ?? reply;
    },
  };
}

/** A redirect whose target repeats it. */
export function echoingRedirect(port: number): Temperament {
  return {
    name: "echo in a redirect",
    reply: (reply, context) => {
      const location = `http://localhost:${port}/${encodeURIComponent(sentWith(context))}`;
      return t.redirectTo(location).reply?.(reply, context) ?? reply;
    },
  };
}
