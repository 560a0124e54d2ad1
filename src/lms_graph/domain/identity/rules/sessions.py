"""How long sessions and tokens live."""

from datetime import timedelta

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
REFRESH_TOKEN_LIFE = timedelta(days=30)
RETRY_WINDOW = timedelta(seconds=10)
MAX_SESSIONS = 50  # live ones of an account; the longest unseen gives way
