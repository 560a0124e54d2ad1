"""`{ __typename }`: what every request pays. The product with every guard on, beside stock Strawberry as it comes, which asks nobody who they are."""

from collections.abc import Callable
from typing import Any

import orjson

from bench.figures import quantile, ratios, spread
from bench.house import House
from bench.load import Load, Target
from bench.pages import inside
from bench.school import HOST

BODY = orjson.dumps({"query": "{ __typename }"})


async def measure(house: House, *, rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    say("Starting the servers …")
    stock, ours = house.comparator("stock"), house.serve()
    targets = {
        "stock": Target(stock, [BODY], {"Host": HOST}, path="/bare"),
        "visitor": Target(ours, [BODY], {"Host": HOST}),
        "signed_in": Target(ours, [BODY], house.headers),
    }
    per_second: dict[str, list[float]] = {name: [] for name in targets}
    milliseconds: dict[str, list[float]] = {name: [] for name in targets}
    async with Load() as load:
        for name, target in targets.items():
            await load.add(name, target)
            await load.run(name, seconds=max(1, seconds))  # warm-up
        for number in range(rounds):
            for name in targets:
                came = await load.run(name, seconds=seconds)
                per_second[name].append(came.per_second)
                milliseconds[name] += came.milliseconds
            say(f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in per_second.items()))
    return {
        "connections": 16,
        "rounds": rounds,
        "seconds": seconds,
        "targets": {
            name: {
                "per_second": spread(values),
                "p50": quantile(milliseconds[name], 0.5),
                "p99": quantile(milliseconds[name], 0.99),
                "to_stock": ratios(values, per_second["stock"]),
            }
            for name, values in per_second.items()
        },
        "inside": inside(house, BODY),
    }
