"""One operation, whichever way it came: read, weighed, admitted, run."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from strawberry.types.graphql import OperationType as StrawberryOperationType

from lms_graph.adapters import Adapters
from lms_graph.context import Context
from lms_graph.dataloaders import Loaders
from lms_graph.kit.budget import Allowance
from lms_graph.kit.caller import Caller
from lms_graph.kit.throttle import network_of
from lms_graph.limits.bounds import DocumentRefused, too_much
from lms_graph.limits.documents import Document, Documents, Operation
from lms_graph.limits.values import check_variables
from lms_graph.telemetry import operations as telemetry
from lms_graph.web.graphql.answers import encode
from lms_graph.web.graphql.callers import Visit
from lms_graph.web.graphql.fanout import Fanout, Listener, Message, code_of
from lms_graph.web.graphql.held import Held, Question
from lms_graph.web.graphql.held import question as held_question
from lms_graph.web.graphql.refusals import Refused, refused
from lms_graph.web.graphql.requests import Asked

if TYPE_CHECKING:
    from lms_graph.schema import Schema

REFUSAL_COST = 200  # reading a hostile document may take as long as running a page


class Operations:
    """What every transport hands its requests to."""

    def __init__(self, schema: "Schema", adapters: Adapters, documents: Documents, *, only_trusted: bool = False, held: Held | None = None) -> None:
        """`only_trusted`: of documents that are not trusted only those are read that come where a school serves its explorer. Without `held` every answer is made anew."""
        self._schema = schema
        self.adapters = adapters
        self._documents = documents
        self._fanout = Fanout()
        self._only_trusted = only_trusted
        self._held = held

    async def admit(self, asked: Asked, visit: Visit, *, transport: str, headers: Mapping[str, str], allow: Callable[[OperationType], None] = lambda _: None) -> "Admitted":
        """Read and weigh what is asked, and take its cost from the caller's budget, before anything is run. `allow` may refuse a type of operation. Raises Refused."""
        caller = visit.caller
        seen = telemetry.Operation(
            transport=transport, tenant_id=caller.tenant_id, account_id=caller.account_id, name=asked.operation_name, headers=headers, variables=asked.variables
        )
        try:
            return await self._admit(asked, visit, seen, allow)
        except Refused as error:
            seen.refused(each["extensions"]["code"] for each in error.errors)
            raise

    async def _admit(self, asked: Asked, visit: Visit, seen: telemetry.Operation, allow: Callable[[OperationType], None]) -> "Admitted":
        payer = _payer(visit.caller, visit.publishable_key_id)
        if (known := self.adapters.budget.refusal(payer, REFUSAL_COST)) is not None:  # then its document is not even read
            raise self._spent(known, 0)
        asked = await self._recalled(asked, visit)
        try:
            document, operation = self._read(asked, visit, seen)
            allow(operation.type)
            requested = seen.cost = operation.cost(asked.variables or {})
            if requested > (limit := self._documents.bounds.cost):
                raise too_much(f"The operation costs {requested:,}; at most {limit:,} is taken. Ask for shorter lists or fewer levels.", limit=limit, requested=requested)
        except DocumentRefused as error:
            errors: list[Any] = [each.formatted for each in error.errors]
            raise Refused(400, errors, extensions=await self._pay(payer, seen.cost or 0, REFUSAL_COST), understood=True) from None
        except Refused as error:
            error.extensions = await self._pay(payer, seen.cost or 0, REFUSAL_COST)
            raise

        async def pay(times: int = 1) -> dict[str, Any]:
            return await self._pay(payer, requested, times * max(requested, 1))

        context = self._context(visit, document, seen.trace_id)
        extensions = await pay()
        await self._remember(asked, visit)
        question = held_question(visit, document, operation, asked.variables or {})
        return Admitted(self._schema, context, operation, document.sha256, payer, asked.variables, extensions, pay, seen, self._fanout, visit.introspection, question, self._held)

    async def _pay(self, payer: str, requested: int, price: int) -> dict[str, Any]:
        """Take the price from the payer's budget. Gives the answer's `extensions`; raises Refused with RATE_LIMITED when there is not as much."""
        allowance = await self.adapters.budget.take(payer, price)
        if not allowance.granted:
            raise self._spent(allowance, requested)
        return self._told(allowance, requested)

    def _told(self, allowance: Allowance, requested: int) -> dict[str, Any]:
        reset_at = allowance.reset_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"cost": {"requested": requested, "limit": self._documents.bounds.cost, "remaining": allowance.remaining, "resetAt": reset_at}}

    def _spent(self, allowance: Allowance, requested: int) -> Refused:
        wait = allowance.retry_after_seconds
        message = f"You have asked for much in a short time. Ask again in {wait} s."
        return refused(429, "RATE_LIMITED", message, headers={"Retry-After": str(wait)}, extensions=self._told(allowance, requested), retryAfter=wait)

    async def _recalled(self, asked: Asked, visit: Visit) -> Asked:
        """With the text that was sent to another process, where only that one knows it. Whether it is that of the id is checked as if the client had sent it."""
        if asked.query is not None or self._only_trusted or not (shared := self.adapters.documents) or self._documents.named(asked.document_id or "") is not None:
            return asked
        text = await shared.get(visit.caller.tenant_id, asked.document_id or "")
        return asked if text is None else replace(asked, query=text.decode())

    async def _remember(self, asked: Asked, visit: Visit) -> None:
        """Let the others know what was sent with its hash, and can be run."""
        if asked.query is not None and asked.document_id is not None and not self._only_trusted and (shared := self.adapters.documents):
            await shared.put(visit.caller.tenant_id, asked.document_id, asked.query.encode())

    def _read(self, asked: Asked, visit: Visit, seen: telemetry.Operation) -> tuple[Document, Operation]:
        document = self._document(asked, visit)
        if document.introspects and not visit.introspection:
            raise refused(403, "FORBIDDEN", "This school does not show its schema here. Use the `schema.graphql` that is published.", understood=True)
        operation = document.operation(asked.operation_name)
        seen.is_a(operation.type.value, operation.name, sha256=document.sha256)
        check_variables(asked.variables or {})
        if operation.type is OperationType.SUBSCRIPTION:
            if (kept := len(written(asked.variables or {}))) > (most := self._documents.bounds.kept):
                raise too_much(f"The variables of a subscription have {kept:,} bytes; at most {most:,} are taken.", limit=most, requested=kept)
            if not visit.introspection:  # a stream would suggest names
                self._documents.check_values(operation, asked.variables or {})
        return document, operation

    def _document(self, asked: Asked, visit: Visit) -> Document:
        """The document that is asked by text or id. Raises DocumentRefused and Refused."""
        is_text_taken = not self._only_trusted or (visit.introspection and visit.api.explorer)
        if asked.query is None:
            document = self._documents.named(asked.document_id or "")
            if document is None or not (is_text_taken or self._documents.is_trusted(document)):
                # Clients of Apollo know by this message that they are to send the text too.
                raise refused(400, "DOCUMENT_UNKNOWN", "PersistedQueryNotFound" if asked.of_apollo else "No document is known by this id here: send `query`.", understood=True)
            return document
        if asked.document_id is not None and asked.document_id != hashlib.sha256(asked.query.encode()).hexdigest():
            raise refused(400, "BAD_USER_INPUT", "The document's id is not the SHA-256 of `query` in hex: send one of them, or both as they belong together.", understood=True)
        if not is_text_taken:
            if (trusted := self._documents.trusted(asked.query)) is None:
                raise refused(403, "FORBIDDEN", "Only documents are run here that were made known to the server. Its operator adds yours to the manifest.", understood=True)
            return trusted
        return self._documents.prepare(asked.query, suggestions=visit.introspection)

    def _context(self, visit: Visit, document: Document, trace_id: str) -> Context:
        return Context(caller=visit.caller, adapters=self.adapters, make_loaders=Loaders, base_url=visit.base_url, trace_id=trace_id, document=document.node, asked=document.fields)


@dataclass(eq=False)
class Admitted:
    """An operation that may run."""

    _schema: "Schema"
    _context: Context
    operation: Operation
    _sha256: str
    _payer: str
    _variables: Mapping[str, Any] | None
    _extensions: dict[str, Any]
    _pay: Callable[..., Awaitable[dict[str, Any]]]
    seen: telemetry.Operation
    _fanout: Fanout
    _suggests: bool

    question: Question | None = None
    """What anybody might ask and be given the same answer; None where it is for who asked alone."""
    _held: Held | None = None

    @property
    def is_subscription(self) -> bool:
        return self.operation.type is OperationType.SUBSCRIPTION

    async def result(self) -> dict[str, Any]:
        """The answer of a query or a mutation."""
        with self.seen:
            made: list[ExecutionResult] = []

            async def make() -> bytes | None:
                made.append(await self._execute())
                return None if made[0].errors else encode(made[0].data)

            if self._held and self.question and (data := await self._held.answer(self.question, make)) is not None:
                return {"data": orjson.Fragment(data), "extensions": self._extensions}
            payload = _payload(made[0] if made else await self._execute()) | {"extensions": self._extensions}
            for error in payload.get("errors", ()):
                self.seen.met(code_of(error))
            return payload

    async def _execute(self) -> ExecutionResult:
        return await self._schema.answer(self._context, variables=dict(self._variables or {}), operation_name=self.operation.name, suggestions=self._suggests)

    async def result_at_any_rate(self) -> dict[str, Any]:
        """As `result`. Whoever asked may leave, and cancel this: a change that has begun is brought to its end all the same."""
        running = asyncio.create_task(self.result())
        _finishing.add(running)
        running.add_done_callback(_finishing.discard)
        return await asyncio.shield(running)

    async def listen(self, send: Callable[[Message], Coroutine[Any, Any, None]], *, deaf: asyncio.Event) -> dict[str, Any] | None:
        """Send the messages of a subscription, each paid for, until it ends. Gives the payload with which it was refused or broke, None when it is complete. `deaf` is set when nobody reads them."""
        with self.seen:
            return await self._fanout.listen(self, Listener(send, deaf=deaf, met=self.seen.met), self._extensions)

    def alike(self) -> Hashable:
        return self._sha256, self.operation.name, written(self._variables or {}), self._payer, self._context.who_and_where()

    def place(self, payload: Mapping[str, Any]) -> Hashable:
        told = self._context.place.sequence
        return told if told is not None else None if "errors" in payload else encode(payload["data"])

    async def pay(self, times: int) -> dict[str, Any]:
        return await self._pay(times)

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        stream: Any = await self._schema.stream(
            None,
            variable_values=dict(self._variables or {}),
            context_value=self._context,
            operation_name=self.operation.name,
            allowed_operation_types=tuple(StrawberryOperationType),
        )
        async with aclosing(stream):
            async for result in stream:
                yield _payload(result)


def written(variables: Mapping[str, Any]) -> bytes:
    """As JSON, the same for the same variables."""
    try:
        return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # numbers of more than 64 bits, half of a surrogate pair: they are refused when it is run
        return json.dumps(variables, sort_keys=True).encode()


def _payload(result: ExecutionResult) -> dict[str, Any]:
    """Without `data` it was not run."""
    errors: list[GraphQLError] = result.errors or []
    payload: dict[str, Any] = {"errors": [error.formatted for error in errors]} if errors else {}
    if result.data is not None or any(error.path for error in errors):  # an error without a path came before anything was run: a variable's value, say
        payload = {"data": result.data, **payload}
    return payload


_finishing: set[asyncio.Task[dict[str, Any]]] = set()  # the loop itself holds its tasks only weakly


def _payer(caller: Caller, publishable_key_id: UUID | None) -> str:
    """Whose budget it is: the account's, else the secret key's, else that of the network, apart for each publishable key: the visitors of a shop do not share one."""
    if caller.account_id or caller.key_id:
        return f"{caller.tenant_id}:{caller.account_id or caller.key_id}"
    return f"{caller.tenant_id}:{f'{publishable_key_id}:' if publishable_key_id else ''}{network_of(caller.address)}"
