// The official TypeScript client of the Model Context Protocol, at a server with demo content: reads as a visitor, then
// writes a draft as an editor. Arguments: the address of the endpoint, and an API key.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url = "", key = ""] = process.argv.slice(2);

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

async function connected(headers: Record<string, string>): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

async function call(client: Client, name: string, args: Record<string, unknown>) {
  const result = await client.callTool({ name, arguments: args });
  const [first] = result.content as { type: string; text: string }[];
  check(first?.type === "text", `${name}: ${JSON.stringify(result)}`);
  return { failed: result.isError === true, text: first!.text, json: () => JSON.parse(first!.text) };
}

const visitor = await connected({});
const names = (await visitor.listTools()).tools.map((tool) => tool.name);
check(names.join() === "search,list,get,calendar,changes", names.join());
const event = (await call(visitor, "get", { collection: "events", id: "rivers-without-borders" })).json();
check(event.slug === "rivers-without-borders", event.slug);
const refused = await call(visitor, "list", { collection: "events", limit: 0 });
check(refused.failed && refused.json().errors[0].pointer === "/limit", refused.text);
await visitor.ping();
await visitor.close();

const editor = await connected({ authorization: `Bearer ${key}` });
check((await editor.listTools()).tools.length === 10, "ten tools");
const made = (await call(editor, "draft", { collection: "events", content: { title: "Made by TypeScript" } })).json();
check(made.status === "draft", made.status);
const item = { collection: "events", id: made.id };
const changed = (await call(editor, "update", { ...item, version: made.version, patch: { kicker: "Talk" } })).json();
const checks = (await call(editor, "checks", item)).json();
check(checks.version === changed.version, JSON.stringify(checks));
const history = (await call(editor, "history", item)).json();
check(history.data.length === 2, JSON.stringify(history));
await editor.close();

console.log("TypeScript: done");
