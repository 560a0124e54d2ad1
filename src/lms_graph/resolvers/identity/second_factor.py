"""Root fields of turning the second factor on and off."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import second_factor
from lms_graph.types.errors import mutation
from lms_graph.types.identity.second_factor import (
    RecoveryCodesRenewInput,
    RecoveryCodesRenewPayload,
    TotpConfirmInput,
    TotpConfirmPayload,
    TotpDisableInput,
    TotpDisablePayload,
    TotpEnrollInput,
    TotpEnrollPayload,
)


@strawberry.type
class SecondFactorMutation:
    @mutation(
        description="Get a secret for an authenticator app (RFC 6238: six digits, 30 seconds). The second factor is on once `totpConfirm` has had a code; an earlier secret that was "
        "not confirmed is void. Whoever is signed in. Codes: CREDENTIALS_WRONG, SIGN_IN_AGAIN, CONFLICT (it is on). RATE_LIMITED after wrong passwords.",
        cost=200,
    )
    async def totp_enroll(self, info: Info, input: Annotated[TotpEnrollInput, strawberry.argument(description="The password.")]) -> TotpEnrollPayload:
        adapters = info.context.adapters
        secret, url = await second_factor.enroll(caller=info.context.caller, password=input.password, secret_keys=adapters.secret_keys, throttle=adapters.throttle)
        return TotpEnrollPayload(secret=secret, otpauth_url=url)

    @mutation(
        description="Turn the second factor on by the app's first code, get the recovery codes. Whoever is signed in. Codes: CODE_WRONG, CONFLICT (nothing waits for a code). "
        "RATE_LIMITED after wrong ones."
    )
    async def totp_confirm(self, info: Info, input: Annotated[TotpConfirmInput, strawberry.argument(description="The code.")]) -> TotpConfirmPayload:
        adapters = info.context.adapters
        codes = await second_factor.confirm_device(caller=info.context.caller, code=input.code, secret_keys=adapters.secret_keys, throttle=adapters.throttle)
        return TotpConfirmPayload(recovery_codes=codes)

    @mutation(
        description="Turn the second factor off; the recovery codes are void. Whoever is signed in. Codes: INVALID, CREDENTIALS_WRONG, SIGN_IN_AGAIN, CODE_WRONG, CONFLICT (it is off). "
        "RATE_LIMITED after wrong ones.",
        cost=200,
    )
    async def totp_disable(self, info: Info, input: Annotated[TotpDisableInput, strawberry.argument(description="Both factors.")]) -> TotpDisablePayload:
        caller, adapters = info.context.caller, info.context.adapters
        await second_factor.disable(
            caller=caller, password=input.password, code=input.code, recovery_code=input.recovery_code, secret_keys=adapters.secret_keys, throttle=adapters.throttle
        )
        return TotpDisablePayload(account_id=caller.account_id)

    @mutation(
        description="Get new recovery codes; the old ones are void. Whoever is signed in. Codes: CREDENTIALS_WRONG, SIGN_IN_AGAIN, CODE_WRONG, CONFLICT (the second factor is off). "
        "RATE_LIMITED after wrong ones.",
        cost=200,
    )
    async def recovery_codes_renew(self, info: Info, input: Annotated[RecoveryCodesRenewInput, strawberry.argument(description="Both factors.")]) -> RecoveryCodesRenewPayload:
        adapters = info.context.adapters
        codes = await second_factor.renew_recovery_codes(
            caller=info.context.caller, password=input.password, code=input.code, secret_keys=adapters.secret_keys, throttle=adapters.throttle
        )
        return RecoveryCodesRenewPayload(recovery_codes=codes)
