import { createPlenary, item, PlenaryError } from "@plenary/client";
import { cookies, draftMode } from "next/headers";
import { redirect } from "next/navigation";
import { baseUrl, PREVIEW } from "../../../lib/plenary";

/** Opens the page of an event with a preview link of Plenary (`?event=SLUG&token=TOKEN`), or ends the preview (`?end`). */
export async function GET(request: Request) {
  const query = new URL(request.url).searchParams;
  const [draft, jar] = [await draftMode(), await cookies()];
  if (query.has("end")) {
    draft.disable();
    jar.delete(PREVIEW);
    redirect("/");
  }
  const token = query.get("token") ?? "";
  const slug = await slugOf(query.get("event") ?? "", token);
  if (slug === undefined) return new Response("This preview link is not valid.", { status: 401 });
  draft.enable();
  jar.set(PREVIEW, token, { httpOnly: true, sameSite: "lax", path: "/", secure: process.env.NODE_ENV === "production" });
  redirect(`/events/${slug}`);
}

/** The slug of an event that a token shows: the server decides, and gives the address to which the page is redirected. */
async function slugOf(event: string, token: string): Promise<string | undefined> {
  if (!event || !token) return undefined;
  try {
    const plenary = createPlenary({ baseUrl, preview: token });
    return (await item(plenary, "events", event, { fields: ["slug"] })).slug;
  } catch (error) {
    if (error instanceof PlenaryError && error.status < 500) return undefined;
    throw error;
  }
}
