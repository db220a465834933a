import type { Metadata } from "next";
import { draftMode } from "next/headers";
import Link from "next/link";
import { notFound } from "next/navigation";
import { Suspense } from "react";
import { getEvent, listEvents } from "../../../lib/plenary";

type Props = { params: Promise<{ slug: string }> };

export async function generateStaticParams() {
  const events = await listEvents();
  // Next.js wants one page at least.
  return events.length > 0 ? events.map(({ slug }) => ({ slug })) : [{ slug: "none" }];
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const event = await getEvent((await params).slug);
  return { title: event?.title, description: event?.summary };
}

export default function Page(props: Props) {
  return (
    <Suspense>
      <Event {...props} />
    </Suspense>
  );
}

async function Event({ params }: Props) {
  const event = await getEvent((await params).slug);
  if (!event) notFound();
  const { isEnabled } = await draftMode();
  return (
    <article>
      {isEnabled && <p role="status">Preview. <a href="/api/preview?end">End the preview</a></p>}
      <h1>{event.title}</h1>
      <p>{[event.starts_on, event.venue?.name].filter(Boolean).join(", ")}</p>
      {/* The server sanitises rich text. */}
      <div dangerouslySetInnerHTML={{ __html: event.body ?? "" }} />
      <h2>Speakers</h2>
      <ul>
        {event.speakers.map(({ speaker, role }) => <li key={`${speaker.id} ${role}`}>{speaker.name}, {role}</li>)}
      </ul>
      <h2>Programme</h2>
      <ol>
        {event.sessions.map((session) => <li key={session.id}>{session.title}</li>)}
      </ol>
      <Link href="/">All events</Link>
    </article>
  );
}
