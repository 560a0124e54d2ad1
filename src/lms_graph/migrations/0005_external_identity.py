"""A tenant's own OpenID provider and its apps at Google and GitHub; who is known by them, and sign-ins on their way there."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.base import TextArrayField
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.identity import SocialKind
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0004_mails')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ExternalIdentity',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('issuer', fields.CharField(max_length=255)),
                ('subject', fields.CharField(max_length=255)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'external_identities', 'app': 'models', 'unique_together': (('tenant_id', 'issuer', 'subject'),), 'pk_attr': 'id', 'table_description': 'Somebody as a provider knows them: the subject of an issuer. Whose account it is never follows from an address again.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='IdentityProvider',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('issuer', fields.CharField(max_length=255)),
                ('audience', TextArrayField(generated=False, null=False, unique=False)),
                ('jwks_url', fields.CharField(max_length=1000)),
                ('algorithms', TextArrayField(generated=False, null=False, unique=False)),
                ('authorized_parties', TextArrayField(generated=False, null=False, unique=False)),
                ('email_claim', fields.CharField(default='email', max_length=100)),
                ('email_verified_claim', fields.CharField(default='email_verified', max_length=100)),
                ('name_claim', fields.CharField(default='name', max_length=100)),
                ('is_enabled', fields.BooleanField(default=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'identity_providers', 'app': 'models', 'pk_attr': 'id', 'table_description': "The tenant's own OpenID provider, whose tokens are taken. `updated_at` is its version: who came in under another one is let in anew."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LoginAttempt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='GOOGLE: GOOGLE\nGITHUB: GITHUB', enum_type=SocialKind, max_length=16)),
                ('state_hash', fields.BinaryField()),
                ('sealed', fields.BinaryField()),
                ('redirect_uri', fields.CharField(max_length=1000)),
                ('account_id', fields.UUIDField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'login_attempts', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A sign-in that has gone to Google or GitHub and is waited for. Used once. With an account it links, else it signs in.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SocialProvider',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='GOOGLE: GOOGLE\nGITHUB: GITHUB', enum_type=SocialKind, max_length=16)),
                ('client_id', fields.CharField(max_length=255)),
                ('sealed_client_secret', fields.BinaryField()),
                ('secret_last_four', fields.CharField(max_length=4)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'social_providers', 'app': 'models', 'unique_together': (('tenant_id', 'kind'),), 'pk_attr': 'id', 'table_description': "The tenant's own app at Google or GitHub. The secret is sealed."},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("identity_providers")
            + tenant_table("social_providers")
            + tenant_table("external_identities")
            + tenant_table("login_attempts")
            + reference("external_identities", "account_id", "accounts")
            + reference("login_attempts", "account_id", "accounts")
            + one_of("social_providers", "kind", "GOOGLE", "GITHUB")
            + one_of("login_attempts", "kind", "GOOGLE", "GITHUB")
            + check("identity_providers", "algorithms", "cardinality(algorithms) > 0 AND algorithms <@ ARRAY['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']")
            + check("identity_providers", "parties", "cardinality(audience) + cardinality(authorized_parties) > 0")
            + check("login_attempts", "life", "expires_at > created_at")
            + """
            CREATE UNIQUE INDEX identity_providers_one ON identity_providers (tenant_id);
            CREATE UNIQUE INDEX login_attempts_state ON login_attempts (tenant_id, state_hash);
            CREATE INDEX login_attempts_expired ON login_attempts (tenant_id, expires_at);
            CREATE POLICY look_up ON identity_providers TO lms_system USING (is_enabled);
            GRANT SELECT ON identity_providers TO lms_system;
            CREATE POLICY look_up ON external_identities TO lms_system USING (true);
            GRANT SELECT (tenant_id, account_id, issuer, subject) ON external_identities TO lms_system;
            """
        ),
    ]
