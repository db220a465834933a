"""Reads a calendar and feeds with other people's readers and prints what they understood, as JSON."""

import json
import pathlib
import sys

import feedparser
import icalendar
import xmlschema


def calendar(path):
    parsed = icalendar.Calendar.from_ical(open(path, "rb").read())
    events = []
    for event in parsed.walk("VEVENT"):
        moment = lambda name: event[name].dt.isoformat() if name in event else None
        events.append({
            "uid": str(event["UID"]), "sequence": int(event["SEQUENCE"]), "summary": str(event["SUMMARY"]), "starts": moment("DTSTART"),
            "ends": moment("DTEND"), "zone": event["DTSTART"].params.get("TZID"), "status": str(event.get("STATUS", "")),
            "location": str(event.get("LOCATION", "")), "description": str(event.get("DESCRIPTION", "")), "url": str(event.get("URL", "")),
            "categories": [str(c) for c in event["CATEGORIES"].cats] if "CATEGORIES" in event else [],
            "organizer": [str(event["ORGANIZER"]), event["ORGANIZER"].params.get("CN")] if "ORGANIZER" in event else None,
            "geo": list(event["GEO"].to_ical().split(";")) if "GEO" in event else None,
            "conference": str(event.get("CONFERENCE", "")), "parent": str(event.get("RELATED-TO", "")),
            "faults": [str(e) for e in event.errors],
        })
    zones = sorted(str(zone["TZID"]) for zone in parsed.walk("VTIMEZONE"))
    return {"name": str(parsed.get("NAME", "")), "zones": zones, "events": events, "refresh": "REFRESH-INTERVAL" in parsed}


def feed(path):
    parsed = feedparser.parse(path)
    entries = [{"title": e.title, "id": e.id, "link": e.link, "summary": e.get("summary"), "tags": [t.get("label") or t.get("term") for t in e.get("tags", [])]} for e in parsed.entries]
    return {"version": parsed.version, "fault": str(parsed.get("bozo_exception", "")), "title": parsed.feed.title, "language": parsed.feed.get("language"), "entries": entries}


def programme(path):
    schema = xmlschema.XMLSchema11(pathlib.Path(__file__).parent.parent / "fixtures/schedule.xsd")
    return [f"{fault.path}: {fault.reason}" for fault in schema.iter_errors(path)]


what, path = sys.argv[1:]
print(json.dumps({"calendar": calendar, "feed": feed, "programme": programme}[what](path)))
