"""Rounds of load on several servers in turn, so that a busy moment of the machine meets all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.figures import quantile, ratios, spread
from bench.load import Load, Target


@dataclass
class Came:
    """What all rounds of one server came to."""

    per_second: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def row(self, **others: "Came") -> dict[str, Any]:
        """The figures of the report, with the ratios to others, taken round by round."""
        row = {"per_second": spread(self.per_second), "p50": quantile(self.milliseconds, 0.5), "p99": quantile(self.milliseconds, 0.99)}
        return row | {f"to_{name}": ratios(self.per_second, other.per_second) for name, other in others.items()}


async def in_turn(load: Load, title: str, targets: Mapping[str, Target], *, rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Came]:
    """By server, after a round of each that does not count."""
    came = {name: Came() for name in targets}
    for name, target in targets.items():
        await load.add(name, target)
        await load.run(name, seconds=max(1, seconds))
    for number in range(rounds):
        for name in targets:
            one = await load.run(name, seconds=seconds)
            came[name].per_second.append(one.per_second)
            came[name].milliseconds += one.milliseconds
        say(f"{title}, round {number + 1} of {rounds}: " + ", ".join(f"{name} {each.per_second[-1]:,.0f}/s" for name, each in came.items()))
    return came
