"""`Catalog` and what all see of `CoursePage`, asked by visitors: the product with answers that it holds, beside itself without, and PostGraphile."""

from collections.abc import Callable
from typing import Any

from bench import answers, operations
from bench.house import House
from bench.load import Load
from bench.pages import postgraphile
from bench.rounds import in_turn

Say = Callable[[str], None]


async def measure(house: House, *, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Rounds of load on each in turn, once all that is asked has been held."""
    say("Starting the servers …")
    ports = {"postgraphile": postgraphile(house, say), "ours": house.serve("anew", LMS_HOLD_ANSWERS="false"), "held": house.serve("held", LMS_HOLD_ANSWERS="true")}
    slugs = house.school.slugs[::10]
    asked = {f"CoursePage without `access` and `viewerEnrollment`, the pages of {len(slugs)} courses in turn": operations.public_page(house, slugs)}
    asked["Catalog"] = operations.catalog(house, visitor=True)
    await answers.require_equal({name: ports[name] for name in ("ours", "held")}, list(asked.values()))
    await answers.require_alike(ports["postgraphile"], ports["ours"], list(asked.values()))

    found: dict[str, Any] = {"connections": 16, "rounds": rounds, "seconds": seconds, "courses": len(house.school.slugs), "operations": {}}
    async with Load() as load:
        for title, operation in asked.items():
            targets = {name: operation.target(port, native=name == "postgraphile") for name, port in ports.items()}
            came = await in_turn(load, title, targets, rounds=rounds, seconds=seconds, say=say)
            found["operations"][title] = {name: each.row(postgraphile=came["postgraphile"], ours=came["ours"]) for name, each in came.items()}
    return found
