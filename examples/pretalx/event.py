"""Fills an empty pretalx with an event that has whatever its exports can say, and releases its programme.

It runs within pretalx (`DJANGO_SETTINGS_MODULE=pretalx_here`), because its API cannot create everything: two talks
over the hour that a clock shows twice, one of 25 hours, one that takes place twice, one after midnight, a break, and what
must stay out of a public programme: a talk that is accepted but not confirmed, one that was withdrawn, one rejected.
"""

import base64
import datetime as dt
from zoneinfo import ZoneInfo

import django

django.setup()

from django.core.files.base import ContentFile
from django_scopes import scope, scopes_disabled
from i18nfield.strings import LazyI18nString
from pretalx.event.domain.event import create_event
from pretalx.event.domain.organiser import create_organiser_with_team
from pretalx.person.domain.picture import set_avatar
from pretalx.person.domain.user import create_user
from pretalx.person.models import SpeakerProfile, User
from pretalx.schedule.domain.release import freeze_schedule
from pretalx.schedule.domain.slot import create_slot, move_slot
from pretalx.schedule.models import Room
from pretalx.submission.domain.resource import create_resource
from pretalx.submission.domain.submission import create_submission
from pretalx.submission.models import Submission, SubmissionType, Tag, Track

BERLIN = ZoneInfo("Europe/Berlin")
PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")


def words(english, german):
    return LazyI18nString({"en": english, "de": german})


def at(day, hour, minute=0, fold=0):
    """An instant. Python adds to local times as if no clock ever changed, so it is given in UTC."""
    return dt.datetime(2031, 10, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(dt.timezone.utc)


class Programme:
    def __init__(self):
        self.admin = User.objects.create_superuser(email="admin@example.org", password="a long password of the example")
        organiser, team = create_organiser_with_team(name="River Society", slug="river", users=[self.admin])
        with scopes_disabled():
            # On Sunday the 26th the clock shows the hour after two twice.
            self.event = create_event(
                organiser=organiser, locales=["en", "de"], name=words("River Days 2031", "Flusstage 2031"), slug="river2031",
                is_public=True, date_from=dt.date(2031, 10, 24), date_to=dt.date(2031, 10, 27), timezone="Europe/Berlin",
                email="team@example.org", locale="en", primary_color="#336699",
            )
        team.limit_events.add(self.event)

    def fill(self):
        event = self.event
        self.talk = event.submission_types.first()
        self.workshop = SubmissionType.objects.create(event=event, name=words("Workshop", "Werkstatt"), default_duration=90)
        self.water = Track.objects.create(event=event, name=words("Water", "Wasser"), color="#00aacc", position=1)
        self.law = Track.objects.create(event=event, name="Law & Order", color="#aa0000", position=0)
        self.hall = Room.objects.create(event=event, name=words("Great Hall", "Großer Saal"), description="Upstairs, <b>left</b> & left again", capacity=250, position=1)
        self.cellar = Room.objects.create(event=event, name="Cellar", position=0)
        ada = self.speaker("Ada Example", "Writes *programs*.\n\nSecond paragraph with a [link](https://example.org/ada).", PICTURE)
        bo = self.speaker("Bo Ødegård-O'Neil", "")
        cy = self.speaker("Cy", "One & only <cy@example.org>")

        first = self.session("Floods & <dams>: \"what now\"? 🌊", [bo, ada], at(24, 9), self.hall, abstract="Short *and* good.\n\n- one\n- two", description="Long text with `code`, 1 < 2 and **bold**.\n\nhttps://example.org/floods", track=self.water)
        create_resource(first, user=self.admin, description="Slides & notes", link="https://example.org/slides?a=1&b=2")
        create_resource(first, user=self.admin, description="Paper", resource=ContentFile(b"text", name="paper.txt"))
        create_resource(first, user=self.admin, description="Hidden", link="https://example.org/hidden", is_public=False)
        first.tags.add(Tag.objects.create(event=event, tag="rain", is_public=True))
        first.image.save("floods.png", ContentFile(PICTURE))
        self.session("Tag und Nacht", [cy], at(24, 10), self.cellar, type=self.workshop, duration=1500, content_locale="de", abstract="Und eine Stunde.")
        self.session("Not on tape", [ada], at(24, 11), self.hall, do_not_record=True, track=self.law, duration=45)
        self.session("Nobody speaks", [], at(24, 12), self.hall, description="Only a text.")
        self.session("Before the clock goes back", [bo], at(26, 2, 30), self.hall, duration=30)
        self.session("After the clock went back", [bo], at(26, 2, 30, fold=1), self.hall, duration=30)
        self.session("After midnight", [cy], at(26, 0, 30), self.cellar, duration=60)
        self.session("Twice", [ada], at(25, 10), self.hall, slot_count=2, again=at(27, 10))
        self.session("Exactly a day", [], at(26, 9), self.cellar, duration=1440)
        self.session("Accepted only", [cy], at(24, 14), self.hall, confirm=False)
        self.session("Withdrawn", [cy], None, None, accept=False).withdraw()
        self.session("Rejected", [cy], None, None, accept=False).reject()
        create_slot(schedule=event.wip_schedule, room=self.hall, start=at(24, 13), end=at(24, 14), description=words("Lunch", "Mittagessen"))
        freeze_schedule(event.wip_schedule, "v1.0", notify_speakers=False)

    def speaker(self, name, biography, picture=None):
        email = f"{name.split()[0].lower()}@example.org"
        profile = SpeakerProfile.objects.create(user=create_user(email=email, name=name), event=self.event, name=name, biography=biography)
        if picture:
            set_avatar(profile, ContentFile(picture, name="picture.png"))
        return profile

    def session(self, title, speakers, start, room, type=None, accept=True, confirm=True, again=None, **fields):
        submission = Submission(event=self.event, title=title, submission_type=type or self.talk, **({"content_locale": "en"} | fields))
        submission = create_submission(submission=submission, user=self.admin, orga=True, speakers=[speaker.user for speaker in speakers])
        if accept:
            submission.accept()
        if accept and confirm:
            submission.confirm()
        for slot, moment in zip(submission.slots.order_by("pk"), [start, again]):
            if moment:
                move_slot(slot, moment, room=room)
        return submission


programme = Programme()
with scope(event=programme.event):
    programme.fill()
