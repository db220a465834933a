import Link from "next/link";
import { listEvents } from "../lib/plenary";

export default async function Events() {
  const events = await listEvents();
  return (
    <>
      <h1>Events</h1>
      <ul>
        {events.map((event) => (
          <li key={event.id}>
            <Link href={`/events/${event.slug}`}>{event.title}</Link>
            <p>{[event.starts_on, event.venue?.name].filter(Boolean).join(", ")}</p>
            <p>{event.summary}</p>
          </li>
        ))}
      </ul>
    </>
  );
}
