"""Other parties that vouch for people: the tenant's own OpenID provider, Google and GitHub."""

from datetime import datetime
from enum import Enum
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.identity.rules import tokens
from lms_graph.kit.ids import public_id
from lms_graph.models.identity import SocialKind
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Viewer
from lms_graph.types.identity.sessions import SECOND_FACTOR_TOKEN, Session
from lms_graph.types.nodes import Node, child, decode_id

SigningAlgorithm = described(
    tokens.Algorithm,
    "SigningAlgorithm",
    "What a provider signs its tokens with (RFC 7518, RFC 8037). Further values may come.",
    RS256="RSA, PKCS #1 v1.5, with SHA-256.",
    RS384="RSA, PKCS #1 v1.5, with SHA-384.",
    RS512="RSA, PKCS #1 v1.5, with SHA-512.",
    PS256="RSA, PSS, with SHA-256.",
    ES256="ECDSA on P-256 with SHA-256.",
    ES384="ECDSA on P-384 with SHA-384.",
    EDDSA="Ed25519. `EdDSA` in tokens.",
)

SocialProviderKind = described(
    SocialKind, "SocialProviderKind", "A party with which many have an account. Further values may come.", GOOGLE="Google, by OpenID Connect.", GITHUB="GitHub, by OAuth."
)


@strawberry.enum(description="A way to sign in beside address and password. Further values may come.")
class SignInProvider(Enum):
    TENANT = strawberry.enum_value("TENANT", description="A token of the tenant's own OpenID provider, as `Authorization: Bearer`, or for `providerSignIn`.")
    GOOGLE = strawberry.enum_value("GOOGLE", description="Google: `providerSignInStart`, then `providerSignIn`.")
    GITHUB = strawberry.enum_value("GITHUB", description="GitHub: `providerSignInStart`, then `providerSignIn`.")


@strawberry.type(description="The tenant's own OpenID provider (Clerk, Auth0, Keycloak …), whose tokens are taken. Its administrators only.")
class IdentityProvider(Node):
    issuer: str = strawberry.field(description="What must stand in a token's `iss`, letter by letter; up to 255 characters.")
    audience: list[str] = strawberry.field(
        description="One of these must stand in a token's `aud`; at most 20. None: tokens have no `aud`, and `authorizedParties` takes its place."
    )
    jwks_url: str = strawberry.field(description="Where the provider publishes its keys; read again every ten minutes, and for an unknown key at most once a minute.")
    algorithms: list[SigningAlgorithm] = strawberry.field(description="With which its tokens may be signed; at least one.")
    authorized_parties: list[str] = strawberry.field(
        description="One of these must stand in `azp`, where a token has that or several audiences, or the tenant takes no audience; at most 20."
    )
    email_claim: str = strawberry.field(description="The claim that holds the address.")
    email_verified_claim: str = strawberry.field(description="The claim that is true when the provider has verified the address.")
    name_claim: str = strawberry.field(description="The claim that holds the name.")
    enabled: bool = strawberry.field(description="Whether its tokens are taken.")
    created_at: datetime = strawberry.field(description="When the tenant first set one.")
    updated_at: datetime = strawberry.field(description="When it was last set.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("idp", row["id"])),
            issuer=row["issuer"],
            audience=row["audience"],
            jwks_url=row["jwks_url"],
            algorithms=[tokens.Algorithm(value) for value in row["algorithms"]],
            authorized_parties=row["authorized_parties"],
            email_claim=row["email_claim"],
            email_verified_claim=row["email_verified_claim"],
            name_claim=row["name_claim"],
            enabled=row["is_enabled"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.type(description="The tenant's own app at Google or GitHub. Its administrators only.")
class SocialProvider(Node):
    kind: SocialProviderKind = strawberry.field(description="Where the app is.")
    client_id: str = strawberry.field(description="The app's public id, up to 255 characters.")
    secret_last_four: str = strawberry.field(description="The end of the app's secret. The rest is never shown again.")
    created_at: datetime = strawberry.field(description="When it was first set.")
    updated_at: datetime = strawberry.field(description="When it was last set.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("sop", row["id"])),
            kind=SocialKind(row["kind"]),
            client_id=row["client_id"],
            secret_last_four=row["secret_last_four"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.input(description="The whole setting: what is left out becomes as it is described, whatever was set before.")
class IdentityProviderSetInput:
    issuer: str = strawberry.field(description="As it stands in the tokens' `iss`, letter by letter, such as `https://auth.school.example/realms/main`: up to 255 characters.")
    audience: list[str] = strawberry.field(
        default_factory=list,
        description="Of these one must stand in `aud`: at most 20, each of 1 to 255 characters. May be empty only with `authorizedParties`, for tokens without `aud` (Clerk).",
    )
    jwks_url: str | None = strawberry.field(default=None, description="Where the keys are, by https. Left out, `<issuer>/.well-known/openid-configuration` is asked.")
    algorithms: list[SigningAlgorithm] = strawberry.field(
        default_factory=lambda: list(tokens.USUAL), description="With which tokens may be signed: at most 250, each counted once."
    )
    authorized_parties: list[str] = strawberry.field(
        default_factory=list, description="The apps to which tokens may be given (`azp`): at most 20, each of 1 to 255 characters. Empty: to every one."
    )
    email_claim: str = strawberry.field(default="email", description="The claim that holds the address: 1 to 100 characters.")
    email_verified_claim: str = strawberry.field(default="email_verified", description="The claim that is true when the provider has verified the address: 1 to 100 characters.")
    name_claim: str = strawberry.field(default="name", description="The claim that holds the name: 1 to 100 characters.")
    enabled: bool = strawberry.field(default=True, description="Whether its tokens are taken.")


@strawberry.type(description="What `identityProviderSet` answers.")
class IdentityProviderSetPayload(Payload):
    provider_id: strawberry.Private[UUID | None] = None
    identity_provider: IdentityProvider | None = child("identity.identity_provider", key="provider_id", description="The provider as it is set now.")


@strawberry.input(description="Which provider is removed.")
class IdentityProviderRemoveInput:
    id: strawberry.ID = strawberry.field(description="The provider's id.")

    def as_arguments(self) -> dict[str, Any]:
        return {"provider_id": decode_id(self.id, "idp", path="id")}


@strawberry.type(description="What `identityProviderRemove` answers.")
class IdentityProviderRemovePayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when its tokens are taken no more.")


@strawberry.input(description="The tenant's app at a party.")
class SocialProviderSetInput:
    provider: SocialProviderKind = strawberry.field(description="Where the app is.")
    client_id: str = strawberry.field(description="The app's public id: 1 to 255 characters.")
    client_secret: str = strawberry.field(description="The app's secret: 8 to 512 characters. It is kept sealed and never shown again.")


@strawberry.type(description="What `socialProviderSet` answers.")
class SocialProviderSetPayload(Payload):
    provider_id: strawberry.Private[UUID | None] = None
    social_provider: SocialProvider | None = child("identity.social_provider", key="provider_id", description="The app as it is set now.")


@strawberry.input(description="Which app is removed.")
class SocialProviderRemoveInput:
    id: strawberry.ID = strawberry.field(description="The app's id.")

    def as_arguments(self) -> dict[str, Any]:
        return {"provider_id": decode_id(self.id, "sop", path="id")}


@strawberry.type(description="What `socialProviderRemove` answers.")
class SocialProviderRemovePayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when nobody comes in by it any more.")


@strawberry.input(description="By which way, and where it leads back to.")
class ProviderSignInStartInput:
    provider: SocialProviderKind = strawberry.field(description="Who is to vouch.")
    redirect_uri: str = strawberry.field(
        description="The page that takes `code` and `state`, up to 1,000 characters: of an origin that the school lists by name with `tenantUpdate`, or of its verified domains. "
        "The app at the provider must list it too."
    )
    link: bool = strawberry.field(default=False, description="To link what comes of it to the viewer's own account, with `externalIdentityLink`, instead of signing in.")


@strawberry.type(description="What `providerSignInStart` answers.")
class ProviderSignInStartPayload(Payload):
    authorization_url: str | None = strawberry.field(default=None, description="Where to send the browser, within 10 minutes.")
    state: str | None = strawberry.field(
        default=None, description="What comes back with it. Keep it in the browser, and go on only when the same one comes: else somebody else's sign-in could be slipped in."
    )


_PROOF = "Either `token`, or `code`, `state` and `redirectUri` together."


@strawberry.input(description=f"What a provider gave. {_PROOF}")
class ProviderSignInInput:
    token: str | None = strawberry.field(default=None, description="An ID or access token (JWT) of the tenant's own OpenID provider, up to 8,192 bytes.")
    code: str | None = strawberry.field(default=None, description="The `code` with which the browser came back from Google or GitHub. Used once.")
    state: str | None = strawberry.field(default=None, description="The `state` with which it came back. Used once, within 10 minutes.")
    redirect_uri: str | None = strawberry.field(default=None, description="The page it came back to: the same as at `providerSignInStart`, letter by letter.")

    def as_arguments(self) -> dict[str, Any]:
        return {"token": self.token, "code": self.code, "state": self.state, "redirect_uri": self.redirect_uri}


@strawberry.type(description="What `providerSignIn` answers.")
class ProviderSignInPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session; null where a second factor is asked for.")
    second_factor_token: str | None = strawberry.field(default=None, description=f"After Google or GitHub. {SECOND_FACTOR_TOKEN}")


@strawberry.input(description=f"What a provider gave to the one who is signed in. {_PROOF}")
class ExternalIdentityLinkInput(ProviderSignInInput):
    pass


@strawberry.type(description="What `externalIdentityLink` answers.")
class ExternalIdentityLinkPayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="The one whose account it opens from now on.")
