"""Compares what Plenary took from the exports of a pretalx, field by field, with what pretalx's API says.

`compare.py FOLDER`: it has the API's answers (`api-*.json`, expanded) and Plenary's exports (`taken-NAME.jsonl`).
"""

import collections
import datetime
import json
import pathlib
import sys

#: What each export of pretalx says of sessions, speakers and rooms. The rest is not in it, so nothing can be taken.
ALL = "title starts ends room track type language do_not_record abstract description speakers links documents image"
SAYS = {
    "schedule.xml": (ALL, "name", "name"),
    "schedule.json": (ALL, "name biography avatar", "name capacity description"),
    "widget.json": ("title starts ends room track language do_not_record abstract speakers", "name avatar", "name description"),
    "api-submissions-expanded.json": (ALL, "name biography avatar", "name"),
    "api-slots-expanded.json": (ALL, "name biography avatar", "name"),
    # It has the plain text of abstracts only.
    "schedule.ics": ("title starts ends room", "", ""),
}
#: Talks in the hour that the clock shows twice: schedule.ics has local times, so it does not tell which of the two is meant
#: (findings/pretalx-exports.sh).
AMBIGUOUS = ("Before the clock goes back", "After the clock went back")
#: Exports in which breaks are.
WITH_BREAKS = ("widget.json", "api-slots-expanded.json", "api-slots.json")


def instant(text):
    return text and datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc).isoformat()


def words(value):
    """A text in the first language of the event; texts of others are compared as they are."""
    return (value.get("en") or next(iter(value.values()), None)) if isinstance(value, dict) else value


def names(value):
    """The texts in all languages, of which each is right for what has no languages here."""
    return set(value.values()) if isinstance(value, dict) else {value}


def blank(value):
    return value if value not in ("", [], {}, None) else None


def source(value):
    """The text of a field with markup."""
    text = words(value)
    return blank(text.get("source") if isinstance(text, dict) else text)


class Pretalx:
    """What the API says."""

    def __init__(self, folder):
        read = lambda name: json.loads((folder / f"api-{name}.json").read_text())["results"]
        self.rooms = read("rooms")
        self.speakers = {speaker["name"]: speaker for speaker in read("speakers")}
        self.sessions = [self.session(it, slot) for it in read("submissions-expanded") for slot in it["slots"]]
        self.breaks = [self.rest(slot) for slot in read("slots-expanded") if not slot["submission"]]

    @staticmethod
    def session(it, slot):
        resources = [(resource["description"], resource["resource"]) for resource in it["resources"]]
        files = lambda inside: sorted((title, url) for title, url in resources if ("/media/" in url) == inside)
        return {
            "title": it["title"], "starts": instant(slot["start"]), "ends": instant(slot["end"]),
            "room": names(slot["room"]["name"]), "track": it["track"] and words(it["track"]["name"]),
            "type": words(it["submission_type"]["name"]), "language": it["content_locale"], "do_not_record": it["do_not_record"],
            "abstract": blank(it["abstract"]), "description": blank(it["description"]),
            "speakers": blank([speaker["name"] for speaker in it["speakers"]]), "links": blank(files(False)),
            "documents": blank(files(True)), "image": blank(it["image"]),
        }

    @staticmethod
    def rest(slot):
        return {"title": words(slot["description"]), "starts": instant(slot["start"]), "ends": instant(slot["end"]), "room": names(slot["room"]["name"])}

    def speaker(self, name):
        it = self.speakers[name]
        return {"name": it["name"], "biography": blank(it["biography"]), "avatar": it["avatar_url"]}

    @staticmethod
    def room(it):
        return {"name": names(it["name"]), "capacity": it["capacity"], "description": blank(words(it["description"] or {}))}


class Taken:
    """What Plenary has after the import."""

    def __init__(self, path):
        items = [json.loads(line) for line in path.read_text().splitlines()]
        self.by_id = {item["id"]: item["content"] for item in items if "id" in item}
        of = lambda kind: [item["content"] for item in items if item.get("kind") == kind]
        all_sessions = of("session")
        self.sessions = [self.session(it) for it in all_sessions if it.get("kind") != "break"]
        self.breaks = [self.session(it) for it in all_sessions if it.get("kind") == "break"]
        self.events = [self.event(it) for it in of("event")]
        self.speakers = [{"name": it["name"], "biography": source(it.get("biography")), "avatar": (it.get("portrait") or {}).get("url")} for it in of("speaker")]
        rooms = [room for venue in of("venue") for room in venue.get("rooms", [])]
        self.rooms = [{"name": room["name"], "capacity": room.get("capacity"), "description": words(room.get("note"))} for room in rooms]

    def session(self, it):
        named = lambda key: blank(sorted((words(entry.get("title")), entry["url"]) for entry in it.get(key, []) if words(entry.get("title")) not in ("Programme", "Feedback")))
        names = [self.by_id[entry["speaker"]]["name"] for entry in it.get("speakers", [])]
        return {
            "title": words(it["title"]), "starts": instant(it.get("starts_at")), "ends": instant(it.get("ends_at")),
            "room": it.get("room"), "track": words(it.get("track")), "type": words(it.get("format")), "language": it.get("language"),
            "do_not_record": it.get("do_not_record"), "abstract": source(it.get("abstract")), "description": source(it.get("description")),
            "speakers": blank(names), "links": named("links"), "documents": named("documents"), "image": (it.get("image") or {}).get("url"),
        }

    def event(self, it):
        venue = self.by_id.get(it.get("venue"), {})
        return {"title": words(it["title"]), "starts": instant(it["starts_at"]), "ends": instant(it.get("ends_at")), "room": words(venue.get("name")), "abstract": source(it.get("body"))}


class Comparison:
    def __init__(self):
        self.same, self.faults = collections.Counter(), []

    def entries(self, name, said, wanted, fields, key):
        """Each entry that is wanted is there once, with the same fields. A field may have one of several values."""
        known = {key(entry): entry for entry in said}
        if len(said) != len(wanted):
            self.faults.append(f"{name}: {len(said)} instead of {len(wanted)}")
        for entry in wanted:
            keys = [name for name in known if name == key(entry) or (isinstance(key(entry), set) and name in key(entry))]
            if not keys:
                self.faults.append(f"{name}: {key(entry)} is missing")
                continue
            found = known[keys[0]]
            for field in fields:
                if found[field] == entry[field] or (isinstance(entry[field], set) and found[field] in entry[field]):
                    self.same[name.split(",")[0]] += 1
                else:
                    self.faults.append(f"{name}: {field} of {key(entry)} is {found[field]!r} instead of {entry[field]!r}")


def as_in(name):
    """Sessions without what an export does not tell apart: the API's resources may be links or files, and within /slots/
    speakers are in another order."""
    def one(session):
        if name.startswith("api-"):
            session = {**session, "links": None, "documents": sorted((session["links"] or []) + (session["documents"] or []))}
        return {**session, "speakers": sorted(session["speakers"] or [])} if "slots" in name else session

    return lambda sessions: [one(session) for session in sessions]


def main(folder):
    api, result = Pretalx(folder), Comparison()
    session_key, name_key = lambda it: (it["title"], it["starts"]), lambda it: it["name"]
    for name, (sessions, speakers, rooms) in SAYS.items():
        taken = Taken(folder / f"taken-{name}.jsonl")
        if name.endswith(".ics"):
            # pretalx appends the names of the speakers to the title of an event.
            wanted = [{**it, "title": f"{it['title']} - {', '.join(it['speakers'] or [])}".strip()} for it in api.sessions if it["title"] not in AMBIGUOUS]
            said = [it for it in taken.events if not it["title"].startswith(AMBIGUOUS)]
            result.entries(f"{name}, sessions", said, wanted, sessions.split(), session_key)
            continue
        result.entries(f"{name}, sessions", *map(as_in(name), (taken.sessions, api.sessions)), sessions.split(), session_key)
        spoken = {person for it in api.sessions for person in it["speakers"] or []}
        result.entries(f"{name}, speakers", taken.speakers, [api.speaker(person) for person in sorted(spoken)], speakers.split(), name_key)
        result.entries(f"{name}, rooms", taken.rooms, [api.room(room) for room in api.rooms], rooms.split(), name_key)
        if name in WITH_BREAKS:
            result.entries(f"{name}, breaks", taken.breaks, api.breaks, ["title", "starts", "ends", "room"], session_key)
    print(f"{len(api.sessions)} sessions, {len(api.breaks)} breaks, {len(api.speakers)} speakers, {len(api.rooms)} rooms; fields that are the same: {dict(result.same)}")
    for fault in result.faults:
        print(f"  {fault}")
    sys.exit(f"{len(result.faults)} differences" if result.faults else 0)


main(pathlib.Path(sys.argv[1]))
