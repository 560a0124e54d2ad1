"""Root fields about API keys."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import keys
from lms_graph.domain.identity.queries import keys as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity.keys import ApiKey, ApiKeyConnection, ApiKeyCreateInput, ApiKeyCreatePayload, ApiKeyRevokeInput, ApiKeyRevokePayload


@strawberry.type
class KeysQuery:
    @query(description="The school's API keys, newest first, with those that have ended. Its administrators.", requires=[Permission.API_KEYS_MANAGE])
    async def api_keys(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> ApiKeyConnection:
        caller = info.context.caller
        page = await queries.page_of_keys(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before))
        return ApiKeyConnection.of(page, ApiKey.from_row, lambda: queries.count_keys(caller=caller))


@strawberry.type
class KeysMutation:
    @mutation(
        description="Make an API key. It may do no more than you: FORBIDDEN for scopes that you do not hold yourself, and for who asks with an API key or an explorer's token. At most 100 living ones of a kind. "
        "Administrators. Codes: INVALID, LIMIT_REACHED.",
        requires=[Permission.API_KEYS_MANAGE],
    )
    async def api_key_create(self, info: Info, input: Annotated[ApiKeyCreateInput, strawberry.argument(description="The key.")]) -> ApiKeyCreatePayload:
        made = await keys.create_key(caller=info.context.caller, **input.as_arguments())
        return ApiKeyCreatePayload(key_id=made.id, secret=made.secret)

    @mutation(
        description="End an API key at once, with the streams and sockets that it opened. Again it changes nothing. Administrators, and keys with that scope. Codes: NOT_FOUND.",
        requires=[Permission.API_KEYS_MANAGE],
    )
    async def api_key_revoke(self, info: Info, input: Annotated[ApiKeyRevokeInput, strawberry.argument(description="Which key.")]) -> ApiKeyRevokePayload:
        arguments = input.as_arguments()
        await keys.revoke_key(caller=info.context.caller, **arguments)
        return ApiKeyRevokePayload(key_id=arguments["key_id"])
