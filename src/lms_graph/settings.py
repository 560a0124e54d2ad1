"""The deployment's settings, read once from the environment. Only the roots and `wiring` read them."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, IPvAnyNetwork, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _parted_by_commas(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    pairs = [tuple(part.partition("=")[::2]) for part in _parted_by_commas(value)] if isinstance(value, str) else value
    if not all(name and of for name, of in pairs):
        raise ValueError("is `name=value`, parted by commas")
    return pairs


def _addresses(value: Any) -> Any:
    return [_address(part) for part in _parted_by_commas(value)] if isinstance(value, str) else value


def _address(server: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`."""
    try:
        return str(ip_address(server)), 53
    except ValueError:
        host, _, port = server.rpartition(":")
        try:
            return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
        except ValueError:
            raise ValueError(f"{server} is no IP address, perhaps with `:port`") from None


class Settings(BaseSettings):
    """Everything a process must be told. `from_env` fails with the list of what is missing."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: SecretStr = Field(description="PostgreSQL as the application role: row policies bind it.")
    database_owner_url: SecretStr | None = Field(None, description="PostgreSQL as the owner of the tables; only `lms-graph migrate` needs it.")
    database_system_url: SecretStr = Field(description="PostgreSQL as the system role: outbox and look-ups of tenants, domains and tokens only.")
    database_pool_size: int = Field(10, validation_alias="DATABASE_POOL_SIZE", ge=2)
    redis_url: SecretStr = Field(description="Redis or Valkey: jobs and live wake-ups. May lose everything.")
    s3_endpoint: str | None = Field(None, description="Base URL of the object store; none means AWS.")
    s3_public_endpoint: str | None = Field(None, description="Base URL under which browsers reach the object store, where it differs.")
    s3_region: str = "us-east-1"
    s3_bucket: str
    s3_access_key_id: SecretStr
    s3_secret_access_key: SecretStr
    secret_keys: SecretStr = Field(validation_alias="LMS_SECRET_KEYS", description="32-byte keys in base64, parted by commas; the first encrypts, all decrypt.")
    base_url: str = Field("http://localhost:8000", validation_alias="LMS_BASE_URL", description="Where people reach this server.")
    google_url: str = Field("https://accounts.google.com", validation_alias="LMS_GOOGLE_URL", description="Google's issuer, or its twin's.")
    github_url: str = Field("https://github.com", validation_alias="LMS_GITHUB_URL", description="GitHub's pages, or its twin's; part of who somebody is: never change it later.")
    github_api_url: str = Field("https://api.github.com", validation_alias="LMS_GITHUB_API_URL", description="GitHub's API, or its twin's.")
    stripe_secret_key: SecretStr | None = Field(
        None, validation_alias="LMS_STRIPE_SECRET_KEY", description="The key of this deployment's account at Stripe; none means that nothing is charged."
    )
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_parted_by_commas)] = Field(
        (), validation_alias="LMS_STRIPE_WEBHOOK_SECRETS", description="Signing secrets of its webhook endpoints, parted by commas; each is good, so that they can be rolled."
    )
    stripe_url: str = Field("https://api.stripe.com", validation_alias="LMS_STRIPE_URL", description="Stripe's API, or its twin's.")
    default_tenant: str | None = Field(None, validation_alias="LMS_DEFAULT_TENANT", description="Slug of the tenant where neither host, token nor header names one.")
    executor: Literal["compiled", "plain"] = Field(
        "compiled", validation_alias="LMS_EXECUTOR", description="What runs operations: `compiled`, ours, or `plain`, graphql-core's, several times slower; answers are the same."
    )
    trusted_documents: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_parted_by_commas)] = Field(
        (), validation_alias="LMS_TRUSTED_DOCUMENTS", description="Manifests of trusted documents, or folders of them (`*.json`), parted by commas: docs/api/documents.md."
    )
    only_trusted_documents: bool = Field(
        False,
        validation_alias="LMS_ONLY_TRUSTED_DOCUMENTS",
        description="Refuse every other document, but where a school opens both introspection and its explorer.",
    )
    share_documents: bool = Field(
        False, validation_alias="LMS_SHARE_DOCUMENTS", description="Let all processes know, by Redis, the documents that were sent to one of them with their hashes."
    )
    hold_answers: bool = Field(
        True, validation_alias="LMS_HOLD_ANSWERS", description="Whether answers that are the same for every visitor are made once and held, in each process and by Redis for all."
    )
    development: bool = Field(
        False, validation_alias="LMS_DEVELOPMENT", description="Open introspection and the explorer whatever tenants set, and take pages of this machine. `lms-graph dev` sets it."
    )
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_parted_by_commas)] = Field(
        (), validation_alias="LMS_TRUSTED_PROXIES", description="Addresses and networks (CIDR), parted by commas, whose `X-Forwarded-For`, `-Proto` and `-Host` are believed."
    )
    dns_servers: Annotated[tuple[tuple[str, int], ...], NoDecode, BeforeValidator(_addresses)] = Field(
        (),
        validation_alias="LMS_DNS_SERVERS",
        description="Resolvers that are asked for the proofs of domains: addresses, each perhaps with `:port`, parted by commas, tried in turn. None means the machine's own.",
    )
    mail_spf: str | None = Field(
        None, validation_alias="LMS_MAIL_SPF", pattern=r"^[a-z0-9:._/ -]{1,200}$", description="The SPF mechanism of the mail service, such as `include:spf.mail.example`."
    )
    mail_dkim: Annotated[tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_pairs)] = Field(
        (), validation_alias="LMS_MAIL_DKIM", description="DKIM selectors of the mail service and the names they stand for: `selector=name`, parted by commas."
    )
    drain_seconds: float = Field(
        0,
        validation_alias="LMS_DRAIN_SECONDS",
        ge=0,
        description="How long `serve` goes on taking connections after SIGTERM while `/readyz` says 503, so that a balancer hears of it.",
    )
    mail_url: SecretStr | None = Field(
        None,
        validation_alias="LMS_MAIL_URL",
        description="Who carries mails: `smtp://user:password@host:587`, `smtps://…:465`, `smtp://host:25?tls=none` or `resend://key@api.resend.com`; none means that they wait.",
    )
    mail_from: str | None = Field(None, validation_alias="LMS_MAIL_FROM", description="The sender's address of schools that have none of their own.")
    mail_folder: Path | None = Field(
        None, validation_alias="LMS_MAIL_FOLDER", description="Where the mailbox of development leaves mails, for `/dev/mail`. `lms-graph dev` sets it."
    )
    chromium_path: str | None = Field(None, validation_alias="CHROMIUM_PATH")
    resend_after_seconds: float = Field(
        6,
        validation_alias="LMS_RESEND_AFTER_SECONDS",
        gt=0,
        description="A sent job that is not done is sent again after this time, then after twice that, and so on. While it runs, this long after its worker was last alive.",
    )
    sweep_every_seconds: float = Field(2, validation_alias="LMS_SWEEP_EVERY_SECONDS", gt=0)
    progress_event_months: int = Field(
        13, validation_alias="LMS_PROGRESS_EVENT_MONTHS", ge=1, description="Raw progress events are dropped after this many whole months; ranges and completions stay."
    )
    cost_limit: int = Field(5_000, validation_alias="LMS_COST_LIMIT", ge=1, description="The most that one operation may cost.")
    cost_bucket: int = Field(1_000_000, validation_alias="LMS_COST_BUCKET", ge=1, description="What one caller's bucket holds: cost to be spent at once.")
    cost_per_second: int = Field(100_000, validation_alias="LMS_COST_PER_SECOND", ge=1, description="What flows into a caller's bucket each second.")
    throttle_factor: float = Field(
        1,
        validation_alias="LMS_THROTTLE_FACTOR",
        gt=0,
        description="How many times as many attempts at passwords, codes, links and sign-ups are let through as docs/sign-in.md says. For load tests; 1 elsewhere.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = Field(
        "info", validation_alias="LMS_LOG_LEVEL", description="The least that our own lines must matter; libraries are heard from `warning` on."
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(str.lower)] = Field(
        "auto", validation_alias="LMS_LOG_FORMAT", description="Lines of JSON, or columns for people; `auto` looks whether standard error is a terminal."
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Turns tracing on. The exporter reads it, and the other OTEL_ variables, by itself.",
    )
    metrics_port: int | None = Field(
        None, validation_alias="LMS_METRICS_PORT", ge=1, le=65535, description="Where this process shows its metrics; none means that it counts nothing."
    )
    metrics_host: str = Field("127.0.0.1", validation_alias="LMS_METRICS_HOST", description="The address of that port. Never a public one.")
    sentry_dsn: SecretStr | None = Field(None, description="Where unexpected errors are reported; none means nowhere.")

    @field_validator("cost_bucket")
    @classmethod
    def _holds_an_operation(cls, bucket: int, info: ValidationInfo) -> int:
        if bucket < info.data.get("cost_limit", 0):
            raise ValueError("must be at least LMS_COST_LIMIT: what the bucket cannot hold is never granted")
        return bucket

    @field_validator("mail_from")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"[!-?A-~]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", address):
            raise ValueError("must be one e-mail address, such as mail@school.example, without a name")
        return address

    @field_validator("stripe_secret_key")
    @classmethod
    def _is_a_secret_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not key.get_secret_value().startswith(("sk_", "rk_")):
            raise ValueError("must be a secret or restricted key, which begins with sk_ or rk_")
        return key

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _are_signing_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value().startswith("whsec_") for secret in secrets):
            raise ValueError("must be signing secrets of webhook endpoints, which begin with whsec_")
        return secrets

    @model_validator(mode="after")
    def _payments_are_heard_of(self) -> "Settings":
        if self.stripe_secret_key and not self.stripe_webhook_secrets:
            raise ValueError("LMS_STRIPE_SECRET_KEY needs LMS_STRIPE_WEBHOOK_SECRETS: without them nobody hears that something was paid")
        return self

    @model_validator(mode="after")
    def _mails_have_a_sender(self) -> "Settings":
        if self.mail_url and not self.mail_from:
            raise ValueError("LMS_MAIL_URL needs LMS_MAIL_FROM: the address from which mails come")
        return self

    @classmethod
    def from_env(cls) -> "Settings":
        try:
            return cls()  # type: ignore[call-arg]  # pydantic-settings fills the fields from the environment
        except ValidationError as error:
            lines = [f"  {str(issue['loc'][0]).upper()}: {issue['msg']}" if issue["loc"] else f"  {issue['msg']}" for issue in error.errors()]
            raise SystemExit("The environment lacks or misspells settings (`lms-graph doctor` checks every part):\n" + "\n".join(lines)) from None
