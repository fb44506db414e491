/** What a client asked a token for (distribution, "Token Scope Documentation"); the name is as the client writes it, prefix included. */
export interface TokenScope {
  name: string;
  actions: readonly string[];
}

/** The repositories in the values of `scope`; what names no repository is left out. A class, as of plugins, means nothing here. */
export function parseScopes(values: readonly string[]): TokenScope[] {
  return values
    .flatMap((value) => value.split(" "))
    .flatMap((text) => {
      const [, name = "", actions = ""] = /^repository(?:\([a-z0-9]+\))?:([^\s:]+):([a-z,*]+)$/.exec(text) ?? [];
      return name === "" ? [] : [{ name, actions: actions.split(",") }];
    });
}

/** Whether a token may be used for `action`; undefined stands for credentials that came without a token. */
export function covers(scopes: readonly TokenScope[] | undefined, name: string, action: string): boolean {
  if (scopes === undefined) return true;
  return scopes.some((scope) => scope.name === name && (scope.actions.includes(action) || scope.actions.includes("*")));
}
