"""How long links in mails are good."""

from datetime import timedelta

EMAIL_VERIFICATION_LIFE = timedelta(hours=48)
PASSWORD_RESET_LIFE = timedelta(hours=1)
EMAIL_CHANGE_LIFE = timedelta(hours=1)
KEPT_AFTER_END = timedelta(days=30)  # rows of used and expired ones
