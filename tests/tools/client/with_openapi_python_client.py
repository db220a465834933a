"""An editor's and a reader's first steps with a client that openapi-python-client wrote."""

import sys

from plenary_client import AuthenticatedClient, Client
from plenary_client.api.authentication import login
from plenary_client.api.events import create_event, get_event, list_events, publish_event
from plenary_client.models import (
    Event, EventAllLocalesInput, EventInput, EventPage, EventSort, ItemStatus, LocaleOrAll, LocalisedLineInput,
    LoginInput, Problem, Tokens,
)

base_url, email, password = sys.argv[1:]
tokens = login.sync(client=Client(base_url), body=LoginInput(email=email, password=password))
assert isinstance(tokens, Tokens), tokens
editor = AuthenticatedClient(base_url, token=tokens.access_token)

title = LocalisedLineInput(en="By a Python generator", nl="Met een Python-generator")
body = EventAllLocalesInput(title=title, starts_at="2027-04-03T09:30", time_zone="Europe/Brussels")
made = create_event.sync_detailed(client=editor, body=body)
# Of the answers it knows the first media type only, so the texts are not looked at here.
assert isinstance(made.parsed, Event), made
assert made.parsed.starts_at is not None
assert made.parsed.starts_at.isoformat() == "2027-04-03T09:30:00+02:00"

published = publish_event.sync(made.parsed.slug, client=editor, if_match=made.headers["etag"])
assert isinstance(published, Event) and published.status == ItemStatus.PUBLISHED, published

for locale, text in [(LocaleOrAll.EN, title.en), (LocaleOrAll.NL, title.nl)]:
    seen = get_event.sync(published.slug, client=editor, locale=locale)
    assert isinstance(seen, Event) and seen.title == text, seen

# It repeats the parameter for each value of a list (`explode: false` is unknown to it), so one value is what can be sent.
order = [EventSort.STARTS_AT_DESCENDING]
page = list_events.sync(client=editor, limit=1, sort=order)
assert isinstance(page, EventPage) and page.page.next_ is not None, page
following = list_events.sync(client=editor, limit=1, sort=order, cursor=page.page.next_)
assert isinstance(following, EventPage) and following.data[0].id != page.data[0].id, following

wrong = create_event.sync(client=editor, body=EventInput(title="", starts_at="tomorrow"))
assert isinstance(wrong, Problem) and isinstance(wrong.errors, list), wrong
assert [fault.pointer for fault in wrong.errors] == ["/title", "/starts_at"]
print("openapi-python-client: done; texts: all languages; offsets: kept")
