"""The family of expected failures."""


class DomainError(Exception):
    """An expected failure; the message says what to do next."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class Unavailable(DomainError):
    """Something outside did not answer; trying again later may help."""
