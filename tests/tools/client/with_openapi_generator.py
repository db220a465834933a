"""An editor's and a reader's first steps with the client of openapi-generator's python."""

import sys

from openapi_client import (
    ApiClient, ApiException, AuthenticationApi, Configuration, EventInput, EventPatch, EventSort, EventsApi, LocaleOrAll,
    LoginInput, Problem,
)

host, email, password = sys.argv[1:]
login = AuthenticationApi(ApiClient(Configuration(host=host))).login(LoginInput(email=email, password=password))
events = EventsApi(ApiClient(Configuration(host=host, access_token=login.access_token)))

body = EventInput.from_dict({"title": "By openapi-generator", "starts_at": "2027-04-06T09:30", "time_zone": "Europe/Brussels"})
assert body is not None
made = events.create_event_with_http_info(body)
assert made.data.starts_at.isoformat() == "2027-04-06T09:30:00+02:00", made.data.starts_at
slug = made.data.slug

# It knows the first media type only, so the second language is a second request.
patch = EventPatch.from_dict({"title": "Met openapi-generator"})
translated = events.update_event_with_http_info(slug, made.headers["etag"], patch, locale=LocaleOrAll.Nl)
published = events.publish_event(slug, translated.headers["etag"])
assert published.status == "published"
assert events.get_event(slug, locale=LocaleOrAll.En).title == "By openapi-generator"
assert events.get_event(slug, locale=LocaleOrAll.Nl).title == "Met openapi-generator"

sort = [EventSort.StartsAtDescending, EventSort.Title]
page = events.list_events(limit=1, sort=sort)
following = events.list_events(limit=1, sort=sort, cursor=page.page.next)
assert following.data[0].id != page.data[0].id

try:
    # What breaks the schema is refused by the client itself.
    events.create_event(EventInput.from_dict({"title": "No such day", "starts_at": "2027-02-30"}))
    raise AssertionError("refused")
except ApiException as error:
    assert isinstance(error.data, Problem), error
    assert [fault.pointer for fault in error.data.errors] == ["/starts_at"], error.data.errors
print("openapi-generator python: done; texts: one language a request; offsets: kept")
