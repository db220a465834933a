"""Settings of a pretalx with a single process on this machine: it needs no Redis, and checks no passwords of people."""

from pretalx.settings import *  # noqa: F403

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
