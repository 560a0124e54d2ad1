"""How long sessions and tokens live."""

from datetime import timedelta

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
REFRESH_TOKEN_LIFE = timedelta(days=30)
RETRY_WINDOW = timedelta(seconds=10)
MAX_SESSIONS = 50  # live ones of an account; the longest unseen gives way
KEPT_AFTER_END = timedelta(days=90)  # rows of ended sessions, by which a known device is told from a new one
