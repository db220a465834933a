// A provider of newsletters as a server: `webhook_receiver.mjs PORT FOLDER SECRET`. It checks the signatures of events by the
// library of Standard Webhooks and appends what it took to FOLDER/events, and what it refused to FOLDER/refused, one line of JSON
// each. FOLDER/mode says how it behaves: `refuse` (503), `hang`, `twice` (takes the event and says 500), or nothing.
// `POST /sign` returns the headers with which the provider sends the body of the request, with the id in `webhook-id`.
import fs from "node:fs";
import http from "node:http";
import { Webhook } from "standardwebhooks";

const [port, folder, secret] = process.argv.slice(2);
const webhook = new Webhook(secret);
const mode = () => (fs.existsSync(`${folder}/mode`) ? fs.readFileSync(`${folder}/mode`, "utf8").trim() : "");
const note = (file, value) => fs.appendFileSync(`${folder}/${file}`, `${JSON.stringify(value)}\n`);

http
  .createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const end = (status, text = "") => response.writeHead(status, { "content-type": "application/json" }).end(text);
    const id = request.headers["webhook-id"];
    if (request.url === "/sign") {
      const at = new Date(Date.now() - 1000 * Number(request.headers["x-age"] ?? 0));
      const signature = webhook.sign(id, at, body);
      const timestamp = String(Math.floor(at.getTime() / 1000));
      return end(200, JSON.stringify({ "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature }));
    }
    try {
      webhook.verify(body, request.headers);
    } catch (error) {
      note("refused", { error: String(error), body });
      return end(401);
    }
    if (mode() === "refuse") {
      note("refused", { id });
      return end(503);
    }
    if (mode() === "hang") return undefined;
    note("events", { id, ...JSON.parse(body) });
    return end(mode() === "twice" ? 500 : 204);
  })
  .listen(Number(port), "127.0.0.1");
