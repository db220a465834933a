"""An editor's and a reader's first steps with httpx and models that datamodel-code-generator wrote."""

import sys

import httpx

from plenary_models import (
    DateOrTime, Event, EventAllLocales, EventAllLocalesInput, EventPage, ItemStatus, LocalisedLineInput, LoginInput,
    Problem, SingleLineText, Tokens,
)

base_url, email, password = sys.argv[1:]
server = httpx.Client(base_url=f"{base_url}/api/v1")
answer = server.post("/auth/login", json=LoginInput(email=email, password=password).model_dump(exclude_unset=True))
tokens = Tokens.model_validate_json(answer.content)
server.headers["Authorization"] = f"Bearer {tokens.access_token}"

ALL_LOCALES = {"Content-Type": "application/vnd.plenary.all-locales+json"}
title = LocalisedLineInput(en=SingleLineText("By models alone"), nl=SingleLineText("Met modellen alleen"))
body = EventAllLocalesInput(title=title, starts_at=DateOrTime("2027-04-04T09:30"), time_zone="Europe/Brussels")
answer = server.post("/events", content=body.model_dump_json(exclude_unset=True), headers=ALL_LOCALES)
made = EventAllLocales.model_validate_json(answer.content)
assert made.title.root == {"en": "By models alone", "nl": "Met modellen alleen"}
assert made.starts_at is not None and made.starts_at.isoformat() == "2027-04-04T09:30:00+02:00"

answer = server.post(f"/events/{made.id}/publish", headers={"If-Match": answer.headers["etag"]})
published = Event.model_validate_json(answer.content)
assert published.status is ItemStatus.published

seen = Event.model_validate_json(server.get(f"/events/{published.slug}", params={"locale": "nl"}).content)
assert seen.title == "Met modellen alleen"

query = {"sort": "-starts_at,title", "limit": "1"}
page = EventPage.model_validate_json(server.get("/events", params=query).content)
assert page.page.next is not None
following = EventPage.model_validate_json(server.get("/events", params={**query, "cursor": page.page.next}).content)
assert following.data[0].id != page.data[0].id

answer = server.post("/events", json={"title": "", "starts_at": "tomorrow"})
problem = Problem.model_validate_json(answer.content)
assert problem.status == 422 and problem.errors is not None
assert [fault.pointer for fault in problem.errors] == ["/title", "/starts_at"]
print("datamodel-code-generator: done; texts: all languages; offsets: kept")
