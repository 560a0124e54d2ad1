"""Fills an empty database with a school that sells a course for 20 EUR, buyers, and somebody who gives money back; tells them as JSON."""

import asyncio
import json

from lms_graph.domain.tenancy.operations import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.settings import Settings
from lms_graph.wiring import running
from tests.factories import offers
from tests.factories.accounts import signed_in
from tests.factories.checkouts import HOME
from tests.factories.courses import course, text
from tests.factories.tenants import tenant


async def main() -> None:
    async with running(Settings.from_env()):
        tenant_id, slug = await tenant()
        caller = Caller.system(tenant_id)
        await tenants.update_tenant(caller=caller, changes={"allowed_origins": [HOME]})
        published = await course(caller, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT)
        offer_id = await offers.offer(caller, published.course_id)
        tokens = [(await signed_in(caller, name=f"Buyer {number}")).access_token for number in range(5)]
        admin = await signed_in(caller, roles=("STUDENT", "TENANT_ADMIN"))
    print(json.dumps({"tenant": slug, "course": published.public_id, "offer": public_id("off", offer_id), "tokens": tokens, "admin": admin.access_token}))


if __name__ == "__main__":
    asyncio.run(main())
