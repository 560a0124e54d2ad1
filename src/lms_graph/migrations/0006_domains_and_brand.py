"""Hosts and mail domains that prove themselves in DNS; refund terms, fee, sender, storefront; tenants that are suspended; one platform."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, for_system, one_of, tenant_table
from lms_graph.models.tenancy import DomainProblem, DomainStatus
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0005_external_identity')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MailDomain',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('host', fields.CharField(max_length=253)),
                ('status', fields.CharEnumField(default=DomainStatus.PENDING, description='PENDING: PENDING\nVERIFIED: VERIFIED\nLAPSED: LAPSED', enum_type=DomainStatus, max_length=16)),
                ('verification_token', fields.CharField(null=True, max_length=64)),
                ('verified_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('checked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('missing_since', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('missed_checks', fields.IntField(db_default=0)),
                ('problem', fields.CharEnumField(null=True, description='PROOF_MISSING: PROOF_MISSING\nDNS_UNREACHABLE: DNS_UNREACHABLE\nTAKEN: TAKEN', enum_type=DomainProblem, max_length=16)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'mail_domains', 'app': 'models', 'unique_together': (('tenant_id',),), 'pk_attr': 'id', 'table_description': "The domain of the address from which a tenant's mails come. One per tenant; two tenants of one owner may share one, each with a proof of its own."},
            bases=['ProvenRow'],
        ),
        ops.AlterModelOptions(
            name='Domain',
            options={'table': 'domains', 'app': 'models', 'unique_together': (('tenant_id', 'host'),), 'pk_attr': 'id', 'table_description': 'A host name that selects a tenant, once its DNS proof stands. Many may claim one, only one has it verified. Without a token the platform vouches for it, and nothing is looked up.'},
        ),
        ops.AlterField(
            model_name='Domain',
            name='host',
            field=fields.CharField(max_length=253),
        ),
        ops.AlterField(
            model_name='Domain',
            name='status',
            field=fields.CharEnumField(default=DomainStatus.PENDING, description='PENDING: PENDING\nVERIFIED: VERIFIED\nLAPSED: LAPSED', enum_type=DomainStatus, max_length=16),
        ),
        ops.AddField(
            model_name='Domain',
            name='checked_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Domain',
            name='missed_checks',
            field=fields.IntField(db_default=0),
        ),
        ops.AddField(
            model_name='Domain',
            name='missing_since',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Domain',
            name='problem',
            field=fields.CharEnumField(null=True, description='PROOF_MISSING: PROOF_MISSING\nDNS_UNREACHABLE: DNS_UNREACHABLE\nTAKEN: TAKEN', enum_type=DomainProblem, max_length=16),
        ),
        ops.AddConstraint(
            model_name='Domain',
            constraint=UniqueConstraint(fields=('tenant_id', 'host'), name=None),
        ),
        ops.AddField(
            model_name='Tenant',
            name='from_name',
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name='Tenant',
            name='mail_from',
            field=fields.CharField(null=True, max_length=254),
        ),
        ops.AddField(
            model_name='Tenant',
            name='mail_from_verified_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Tenant',
            name='platform_fee_bps',
            field=fields.SmallIntField(db_default=0),
        ),
        ops.AddField(
            model_name='Tenant',
            name='refund_days',
            field=fields.SmallIntField(db_default=0),
        ),
        ops.AddField(
            model_name='Tenant',
            name='refund_max_progress_percent',
            field=fields.SmallIntField(db_default=100),
        ),
        ops.AddField(
            model_name='Tenant',
            name='storefront_url',
            field=fields.CharField(null=True, max_length=300),
        ),
        ops.AddField(
            model_name='Tenant',
            name='suspended_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            tenant_table("mail_domains")
            + one_of("mail_domains", "status", "PENDING", "VERIFIED", "LAPSED")
            + one_of("mail_domains", "problem", "PROOF_MISSING", "DNS_UNREACHABLE", "TAKEN")
            + check("mail_domains", "host", "host = lower(host)")
            + for_system("mail_domains", "SELECT", name="check_again", condition="status = 'VERIFIED'")
            + "ALTER TABLE domains DROP CONSTRAINT domains_status_check;"
            + one_of("domains", "status", "PENDING", "VERIFIED", "LAPSED")
            + one_of("domains", "problem", "PROOF_MISSING", "DNS_UNREACHABLE", "TAKEN")
            # Whoever adds a host only claims it: it is one tenant's once it is proven, and of two proofs the first counts.
            + """
            UPDATE domains d SET is_primary = false WHERE is_primary AND (
                status <> 'VERIFIED' OR EXISTS (SELECT FROM domains o WHERE o.tenant_id = d.tenant_id AND o.is_primary AND o.status = 'VERIFIED' AND o.id < d.id)
            );
            CREATE UNIQUE INDEX domains_verified_host ON domains (host) WHERE status = 'VERIFIED';
            CREATE UNIQUE INDEX domains_primary ON domains (tenant_id) WHERE is_primary;
            CREATE UNIQUE INDEX tenants_platform ON tenants (kind) WHERE kind = 'PLATFORM';
            """
            + check("domains", "primary", "status = 'VERIFIED' OR NOT is_primary")
            + check("tenants", "platform_fee_bps", "platform_fee_bps BETWEEN 0 AND 10000")
            + check("tenants", "refund_days", "refund_days BETWEEN 0 AND 365")
            + check("tenants", "refund_max_progress_percent", "refund_max_progress_percent BETWEEN 0 AND 100")
            + check("tenants", "mail_from", "mail_from IS NOT NULL OR mail_from_verified_at IS NULL")
            + check("tenants", "suspended", "suspended_at IS NULL OR kind <> 'PLATFORM'")
        ),
    ]
