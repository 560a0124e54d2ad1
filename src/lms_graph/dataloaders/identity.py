"""Loaders of identity."""

from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.identity.queries import accounts, applications, audit, instructors, keys, members, providers, sessions
from lms_graph.types.identity.accounts import Profile, Viewer
from lms_graph.types.identity.applications import InstructorApplication
from lms_graph.types.identity.audit import AuditEntry
from lms_graph.types.identity.instructors import Instructor
from lms_graph.types.identity.keys import ApiKey
from lms_graph.types.identity.members import Member
from lms_graph.types.identity.providers import IdentityProvider, SignInProvider, SocialProvider
from lms_graph.types.identity.sessions import SignedInSession


class IdentityLoaders(AreaLoaders):
    @batch
    async def viewer(self, account_ids: list[UUID]) -> list[Viewer | None]:
        """Oneself; nobody for another's id."""
        return matched(await accounts.own_account(caller=self.caller, account_ids=account_ids), "id", account_ids, Viewer.from_row)

    @batch
    async def sessions(self, account_ids: list[UUID]) -> list[list[SignedInSession]]:
        rows = await sessions.sessions_of_accounts(caller=self.caller, account_ids=account_ids)
        return grouped(rows, "account_id", account_ids, self._session)

    @batch
    async def session(self, session_ids: list[UUID]) -> list[SignedInSession | None]:
        return matched(await sessions.sessions_by_ids(caller=self.caller, session_ids=session_ids), "id", session_ids, self._session)

    @batch
    async def instructor(self, account_ids: list[UUID]) -> list[Instructor | None]:
        return matched(await instructors.instructors_by_ids(caller=self.caller, account_ids=account_ids), "id", account_ids, Instructor.from_row)

    @batch
    async def profile(self, account_ids: list[UUID]) -> list[Profile | None]:
        return matched(await accounts.profiles_by_ids(caller=self.caller, account_ids=account_ids), "id", account_ids, Profile.from_row)

    @batch
    async def api_key(self, key_ids: list[UUID]) -> list[ApiKey | None]:
        return matched(await keys.keys_by_ids(caller=self.caller, key_ids=key_ids), "id", key_ids, ApiKey.from_row)

    @batch
    async def audit_entry(self, entry_ids: list[UUID]) -> list[AuditEntry | None]:
        return matched(await audit.audit_entries_by_ids(caller=self.caller, entry_ids=entry_ids), "id", entry_ids, AuditEntry.from_row)

    @batch
    async def identity_provider(self, provider_ids: list[UUID]) -> list[IdentityProvider | None]:
        return matched(await providers.identity_providers_by_ids(caller=self.caller, provider_ids=provider_ids), "id", provider_ids, IdentityProvider.from_row)

    @batch
    async def social_provider(self, provider_ids: list[UUID]) -> list[SocialProvider | None]:
        return matched(await providers.social_providers_by_ids(caller=self.caller, provider_ids=provider_ids), "id", provider_ids, SocialProvider.from_row)

    @batch
    async def sign_in_providers(self, tenant_ids: list[UUID]) -> list[list[SignInProvider]]:
        rows = await providers.sign_in_ways(caller=self.caller, tenant_ids=tenant_ids)
        return grouped(rows, "tenant_id", tenant_ids, lambda row: SignInProvider(row["kind"]))

    @batch
    async def member(self, account_ids: list[UUID]) -> list[Member | None]:
        return matched(await members.members_by_ids(caller=self.caller, account_ids=account_ids), "id", account_ids, Member.from_row)

    @batch
    async def application(self, ids: list[UUID]) -> list[InstructorApplication | None]:
        return matched(await applications.applications_by_ids(caller=self.caller, ids=ids), "id", ids, InstructorApplication.from_row)

    @batch
    async def latest_application(self, account_ids: list[UUID]) -> list[InstructorApplication | None]:
        return matched(await applications.latest_of_accounts(caller=self.caller, account_ids=account_ids), "account_id", account_ids, InstructorApplication.from_row)

    def _session(self, row: Any) -> SignedInSession:
        return SignedInSession.from_row(row, current_id=self.caller.session_id)
