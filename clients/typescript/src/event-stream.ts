/** Server-sent events over `fetch`, for programs without `EventSource`, such as those in Node.js 20. */

/** As much of `EventSource` as is wanted. */
export interface EventSourceLike {
  addEventListener(name: string, listener: (event: { data: string }) => void): void;
  close(): void;
}

/** One event of a stream. */
interface StreamEvent {
  name: string;
  data: string;
  id: string | undefined;
}

/** The time until the next attempt, in milliseconds, unless the stream says another. */
const DEFAULT_WAIT = 3_000;

/**
 * Listens to a stream until it is closed. It begins anew after a failure of the network or of the server, from the last
 * event on. A refusal ends it (`close`); one with 410, which says that the stream has no such place, is told as `reset`.
 */
export function eventStream(url: string, send: typeof fetch = fetch): EventSourceLike {
  const listeners = new Map<string, ((event: { data: string }) => void)[]>();
  const stopped = new AbortController();
  let last: string | undefined;
  let wait = DEFAULT_WAIT;

  const tell = ({ name, data, id }: StreamEvent) => {
    if (id !== undefined) last = id;
    for (const listener of listeners.get(name) ?? []) listener({ data });
  };
  /** Whether it is worth another attempt. */
  const attempt = async (): Promise<boolean> => {
    const headers = { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) };
    const response = await send(url, { headers, signal: stopped.signal });
    if (response.status === 410) tell({ name: "reset", data: "", id: undefined });
    if (!response.ok || !response.body) return response.status >= 500 || response.status === 429;
    await read(response.body, tell, (milliseconds) => (wait = milliseconds));
    return true;
  };
  const run = async () => {
    while (!stopped.signal.aborted) {
      const again = await attempt().catch(() => true);
      if (!again) return;
      await pause(wait, stopped.signal);
    }
  };
  void run();
  return {
    addEventListener: (name, listener) => void listeners.set(name, [...(listeners.get(name) ?? []), listener]),
    close: () => stopped.abort(),
  };
}

/** Reads the events of a body (WHATWG HTML, "Interpreting an event stream"). */
async function read(
  body: ReadableStream<Uint8Array>,
  tell: (event: StreamEvent) => void,
  retry: (milliseconds: number) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let event: StreamEvent & { lines: string[] } = { name: "message", data: "", id: undefined, lines: [] };
  const line = (text: string) => {
    if (text === "") {
      if (event.lines.length > 0) tell({ ...event, data: event.lines.join("\n") });
      event = { name: "message", data: "", id: undefined, lines: [] };
      return;
    }
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(text) ?? [];
    if (field === "event") event.name = value;
    if (field === "data") event.lines.push(value);
    if (field === "id") event.id = value;
    if (field === "retry" && /^\d+$/.test(value)) retry(Number(value));
  };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    // A line that ends in CR waits for what follows: it may be the LF of the same end.
    const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    lines.forEach(line);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
