"""What the twin keeps: objects by kind, each of one owner, in the order in which they came; how they are listed, expanded and shown.

Fields whose names begin with `_` are the twin's own and never shown.
"""

import copy
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lms_graph.integrations.twins.stripe.errors import invalid, no_such
from lms_graph.integrations.twins.stripe.forms import Params

Object = dict[str, Any]
MAX_PAGE = 100
MAX_DEPTH = 4


@dataclass(frozen=True)
class Owner:
    """Whose an object is: the platform's (`account` is None) or a connected account's, in one of the two modes."""

    livemode: bool = False
    account: str | None = None


@dataclass
class Store:
    """All objects, and what can be included in them on request."""

    kinds: dict[str, dict[str, Object]] = field(default_factory=dict)
    by_id: dict[str, Object] = field(default_factory=dict)
    included: dict[tuple[str, str], Callable[[Object], Any]] = field(default_factory=dict)
    """Fields that come only when `expand` names them: of which kind, by which name."""

    def add(self, kind: str, owner: Owner, given: Object) -> Object:
        given["_owner"] = owner
        self.kinds.setdefault(kind, {})[given["id"]] = given
        self.by_id[given["id"]] = given
        return given

    def find(self, kind: str, id: str | None) -> Object | None:
        return self.kinds.get(kind, {}).get(id or "")

    def get(self, kind: str, id: str, owner: Owner, param: str | None = "id") -> Object:
        """Raises `resource_missing` for what is not there, is another account's or of the other mode."""
        found = self.find(kind, id)
        if found is not None and found["_owner"] == owner:
            return found
        other = found is not None and found["_owner"].livemode != owner.livemode
        raise no_such(kind, id, param, other_mode=("test" if owner.livemode else "live") if other else None)

    def all(self, kind: str, owner: Owner | None = None) -> list[Object]:
        return [each for each in self.kinds.get(kind, {}).values() if owner is None or each["_owner"] == owner]

    def forget(self) -> None:
        self.kinds.clear()
        self.by_id.clear()

    def expand(self, given: Any, paths: Iterable[str]) -> Any:
        """A copy as it is shown, with the objects that `paths` name in place of their ids."""
        result = shown(given)
        for path in paths:
            names = path.split(".")
            if len(names) > MAX_DEPTH:
                raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}", "expand")
            self._expand(result, names, path)
        return result

    def _expand(self, at: Any, names: list[str], path: str) -> None:
        if not names or at is None:
            return
        if isinstance(at, list):
            for each in at:
                self._expand(each, names, path)
            return
        name, rest = names[0], names[1:]
        if not isinstance(at, dict):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        include = self.included.get((at.get("object", ""), name))
        if include and not isinstance(at.get(name), dict) and at["id"] in self.by_id:
            at[name] = shown(include(self.by_id[at["id"]]))
        elif name not in at:
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        elif isinstance(at[name], str):
            found = self.by_id.get(at[name])
            if found is None:
                raise invalid(f"This property cannot be expanded ({path}).", "expand")
            at[name] = shown(found)
        elif isinstance(at[name], list):
            at[name] = [shown(self.by_id[each]) if isinstance(each, str) and each in self.by_id else each for each in at[name]]
        self._expand(at[name], rest, path)


def shown(given: Any) -> Any:
    """A copy without the twin's own fields."""
    if isinstance(given, dict):
        return {name: shown(value) for name, value in given.items() if not name.startswith("_")}
    if isinstance(given, list):
        return [shown(each) for each in given]
    return copy.copy(given)


def fresh(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{secrets.token_hex(length)[:length]}"


def listed(url: str, objects: Iterable[Object], *, has_more: bool = False) -> Object:
    return {"object": "list", "data": list(objects), "has_more": has_more, "url": url}


def page(url: str, newest_first: list[Object], params: Params) -> Object:
    """One page of a list; `starting_after` and `ending_before` name objects of it."""
    limit = params.number("limit") if "limit" in params else 10
    if limit is None or not 1 <= limit <= MAX_PAGE:
        raise invalid(f"This value must be between 1 and {MAX_PAGE}.", "limit", "parameter_invalid_integer")
    rows = [each for each in newest_first if _within(each, params)]
    ids = [each["id"] for each in rows]
    if after := params.text("starting_after"):
        if after not in ids:
            raise no_such("object", after, "starting_after")
        rows = rows[ids.index(after) + 1 :]
    elif before := params.text("ending_before"):
        if before not in ids:
            raise no_such("object", before, "ending_before")
        rows = rows[: ids.index(before)]
        return listed(url, rows[-limit:], has_more=len(rows) > limit)
    return listed(url, rows[:limit], has_more=len(rows) > limit)


def _within(each: Object, params: Params) -> bool:
    if "created" not in params:
        return True
    if isinstance(params.given["created"], str):
        return bool(each["created"] == params.number("created"))
    bounds, created = params.inside("created"), each["created"]
    checks = {"gt": created.__gt__, "gte": created.__ge__, "lt": created.__lt__, "lte": created.__le__}
    return all(check(bounds.needed_number(name)) for name, check in checks.items() if name in bounds)
