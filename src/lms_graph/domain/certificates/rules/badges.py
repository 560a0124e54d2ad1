"""The certificate as an Open Badges 3.0 credential, secured as a JWT (EdDSA) with the key that signs the record.

https://www.imsglobal.org/spec/ob/v3p0, "JSON Web Token Proof Format": the credential is the payload, beside `iss`, `jti`, `sub`, `nbf` and `exp`; `kid` is
the address of the public key as a JWK. There is no e-mail address in it, not even a hashed one, and no id of an account.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms_graph.domain.certificates.rules.records import digest

CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]


def signed(snapshot: Mapping[str, Any], *, key: Ed25519PrivateKey, key_url: str, issuer_url: str) -> str:
    """The compact JWS."""
    return jwt.encode(_claims(snapshot, issuer_url), key, algorithm="EdDSA", headers={"kid": key_url})


def key_url(base_url: str, key_id: UUID) -> str:
    return f"{base_url}/keys/{key_id}"


def issuer_url(base_url: str, tenant_id: UUID) -> str:
    return f"{base_url}/issuers/{tenant_id}"


def jwk(*, public_key: bytes, url: str) -> dict[str, str]:
    """The public half of a key, as what `kid` leads to (RFC 8037)."""
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": url, "x": base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()}


def _claims(snapshot: Mapping[str, Any], issuer_url: str) -> dict[str, Any]:
    url, title = snapshot["verifyUrl"], snapshot["course"]["title"]
    learner = f"{url}#learner"  # of this certificate only: two badges of one person do not tell that they are
    claims = {
        "@context": CONTEXT,
        "id": url,
        "type": ["VerifiableCredential", "AchievementCredential"],
        "name": title,
        "issuer": {"id": issuer_url, "type": ["Profile"], "name": snapshot["tenant"]["name"]},
        "validFrom": snapshot["issuedAt"],
        "awardedDate": snapshot["issuedAt"],
        "credentialSubject": {
            "id": learner,
            "type": ["AchievementSubject"],
            "identifier": [{"type": "IdentityObject", "hashed": False, "identityHash": snapshot["student"]["name"], "identityType": "name"}],
            "activityEndDate": snapshot["run"]["completedAt"],
            "licenseNumber": snapshot["number"],
            "achievement": {
                "id": f"urn:uuid:{snapshot['course']['versionId']}",
                "type": ["Achievement"],
                "achievementType": "Course",
                "name": title,
                "description": f"Completion of the course “{title}”{_taught(snapshot)}.",
                "criteria": {"narrative": "The learner completed everything that the course requires."},
            },
        },
        "evidence": [{"id": url, "type": ["Evidence"], "name": "The signed record of this certificate", "narrative": f"SHA-256 {digest(snapshot)}"}],
        "iss": issuer_url,
        "jti": url,
        "sub": learner,
        "nbf": _seconds(snapshot["issuedAt"]),
    }
    if snapshot["expiresAt"]:
        claims |= {"validUntil": snapshot["expiresAt"], "exp": _seconds(snapshot["expiresAt"])}
    return claims


def _taught(snapshot: Mapping[str, Any]) -> str:
    names = ", ".join(instructor["name"] for instructor in snapshot["instructors"])
    return f", taught by {names}" if names else ""


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
