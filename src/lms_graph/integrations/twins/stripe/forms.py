"""What a request says: form-encoded with brackets, as `items[0][price]=…`, and read name by name."""

import re
from typing import Any
from urllib.parse import parse_qsl

from lms_graph.integrations.twins.stripe.errors import invalid, missing

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
MAX_METADATA = 50


def nested(text: str) -> dict[str, Any]:
    """A form as nested dicts and lists."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = _KEY.fullmatch(key)
        if match is None:
            raise invalid(f"Invalid parameter name: {key}", key)
        names = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        at = found
        for name in names[:-1]:
            at = at.setdefault(_name(at, name), {})
            if not isinstance(at, dict):
                raise invalid(f"Invalid hash: {key}", key)
        at[_name(at, names[-1])] = value
    return {name: _lists(value) for name, value in found.items()}


def _name(at: dict[str, Any], name: str) -> str:
    return name or str(len(at))


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(each) for name, each in value.items()}


class Params:
    """Parameters by name; `place` is where they stand, for the errors."""

    def __init__(self, given: dict[str, Any], place: str = "") -> None:
        self.given = given
        self.place = place

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def at(self, name: str) -> str:
        return f"{self.place}[{name}]" if self.place else name

    def text(self, name: str) -> str | None:
        """An empty value unsets: None, like one that is not there."""
        value = self.given.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", self.at(name))
        return value or None

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing(self.at(name))
        return value

    def one_of(self, name: str, choices: str, default: str | None = None) -> str | None:
        value = self.text(name)
        if value is not None and value not in choices.split():
            raise invalid(f"Invalid {name}: must be one of {', '.join(choices.split())}", self.at(name))
        return value if value is not None else default

    def number(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", self.at(name), "parameter_invalid_integer")
        return int(value)

    def needed_number(self, name: str) -> int:
        value = self.number(name)
        if value is None:
            raise missing(self.at(name))
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid(f"Invalid boolean: {value}", self.at(name))
        return default if value is None else value == "true"

    def inside(self, name: str) -> "Params":
        value = self.given.get(name) or {}
        if not isinstance(value, dict):
            raise invalid("Invalid object", self.at(name))
        return Params(value, self.at(name))

    def rows(self, name: str) -> list["Params"]:
        value = self.given.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise invalid("Invalid array", self.at(name))
        return [Params(each, f"{self.at(name)}[{position}]") for position, each in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        value = self.given.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise invalid("Invalid array", self.at(name))
        return value

    def metadata(self, before: dict[str, str] | None = None) -> dict[str, str]:
        """What stands after this request: empty values take names away, an empty `metadata` all of them."""
        if self.given.get("metadata") == "":
            return {}
        after = dict(before or {})
        for name, value in self.inside("metadata").given.items():
            if not isinstance(value, str) or len(name) > 40 or len(value) > 500:
                raise invalid(f"Metadata keys can be up to 40 characters long, values up to 500. Your key: {name}", self.at("metadata"))
            if value:
                after[name] = value
            else:
                after.pop(name, None)
        if len(after) > MAX_METADATA:
            raise invalid(f"Metadata can have at most {MAX_METADATA} keys.", self.at("metadata"))
        return after
