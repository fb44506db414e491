import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/**
 * Asks a child process one thing over IPC and resolves to its answer. One question at a time.
 * @param what - What the child is, in the words of an error. Rejects where the child answers with one, or ends.
 */
export async function askChild<Answer>(child: ChildProcess, what: string, question: object | string): Promise<Answer> {
  const ended = new AbortController();
  const onExit = (code: number | null): void => ended.abort(new Error(`${what} ended with ${String(code)}`));
  child.once("exit", onExit);
  try {
    const answered = once(child, "message", { signal: ended.signal });
    child.send(question);
    const [reply] = (await answered) as [{ answer: Answer } | { error: string }];
    if ("error" in reply) throw new Error(reply.error);
    return reply.answer;
  } catch (error) {
    ended.signal.throwIfAborted();
    throw error;
  } finally {
    child.off("exit", onExit);
  }
}
