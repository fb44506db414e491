/** Users and their bcrypt hashes, and what is wrong with other lines; no message quotes a hash. */
export interface Htpasswd {
  users: ReadonlyMap<string, string>;
  faults: string[];
}

/** Names that stand for many in `access.rules`. */
const reservedUsers = ["*", "anonymous"];
const bcryptPattern = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** Above this one verification takes seconds. */
const maxCost = 14;

/** The lines of an htpasswd file (`user:hash`); empty ones and those that begin with `#` mean nothing. */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, string>();
  const faults: string[] = [];
  text.split(/\r?\n/).forEach((written, index) => {
    const line = written.trim();
    if (line === "" || line.startsWith("#")) return;
    const colon = line.indexOf(":");
    const user = line.slice(0, Math.max(0, colon));
    const fault = colon < 1 ? "is not user:hash" : faultOf(user, line.slice(colon + 1), users);
    if (fault === undefined) users.set(user, line.slice(colon + 1));
    else faults.push(`line ${index + 1} ${fault}`);
  });
  return { users, faults };
}

function faultOf(user: string, hash: string, users: ReadonlyMap<string, string>): string | undefined {
  if (reservedUsers.includes(user)) return `has the user ${user}, a name that rules use for many`;
  if (users.has(user)) return `has the user ${user} again`;
  const cost = bcryptPattern.exec(hash)?.[1];
  if (cost === undefined) return `has no bcrypt hash ($2y$…): make it with htpasswd -B`;
  const isCost = Number(cost) >= 4 && Number(cost) <= maxCost;
  return isCost ? undefined : `has a bcrypt cost of ${Number(cost)}: from 4 to ${maxCost} is possible`;
}
