"""`{ __typename }`: what every request pays. The product with every guard on, beside stock Strawberry as it comes, which asks nobody who they are."""

from collections.abc import Callable
from typing import Any

import orjson

from bench.house import House
from bench.load import Load, Target
from bench.pages import inside
from bench.rounds import in_turn
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
    async with Load() as load:
        came = await in_turn(load, "{ __typename }", targets, rounds=rounds, seconds=seconds, say=say)
    return {
        "connections": 16,
        "rounds": rounds,
        "seconds": seconds,
        "targets": {name: each.row(stock=came["stock"]) for name, each in came.items()},
        "inside": inside(house, targets["signed_in"]),
    }
