import { createHash, timingSafeEqual } from "node:crypto";
import { revalidateTag } from "next/cache";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Takes the tags of what changed from the server (`cdn.purge_url`), which proves itself by a secret (`cdn.purge_header`). */
export async function POST(request: Request) {
  const secret = process.env.PLENARY_PURGE_SECRET;
  const given = request.headers.get("authorization") ?? "";
  if (!secret || !timingSafeEqual(digest(given), digest(`Bearer ${secret}`))) {
    return new Response(null, { status: 401 });
  }
  const body: unknown = await request.json().catch(() => null);
  const tags = typeof body === "object" && body !== null && "tags" in body ? body.tags : null;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) return new Response(null, { status: 400 });
  // The next visitor already sees the change.
  for (const tag of tags) revalidateTag(tag, { expire: 0 });
  return new Response(null, { status: 204 });
}
