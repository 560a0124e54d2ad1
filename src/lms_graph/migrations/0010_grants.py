"""Grants by hand and by other systems: their source's reference, who granted them, a note; and the lists of grants and runs."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.ddl import check, one_of, reference
from lms_graph.models.learning import EntitlementKind
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0009_members_and_teams')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Entitlement',
            name='granted_by_account_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Entitlement',
            name='granted_by_key_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Entitlement',
            name='note',
            field=fields.CharField(null=True, max_length=1000),
        ),
        ops.AddField(
            model_name='Entitlement',
            name='source_reference',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AlterField(
            model_name='Entitlement',
            name='kind',
            field=fields.CharEnumField(description='ORDER: ORDER\nSUBSCRIPTION: SUBSCRIPTION\nINSTALLMENT_PLAN: INSTALLMENT_PLAN\nBUNDLE: BUNDLE\nSEAT: SEAT\nGIFT: GIFT\nMANUAL: MANUAL\nOPEN: OPEN\nPREVIEW: PREVIEW\nEXTERNAL: EXTERNAL', enum_type=EntitlementKind, max_length=24),
        ),
        ops.RunSQL(
            "ALTER TABLE entitlements DROP CONSTRAINT entitlements_kind_check;"
            + one_of("entitlements", "kind", "ORDER", "SUBSCRIPTION", "INSTALLMENT_PLAN", "BUNDLE", "SEAT", "GIFT", "MANUAL", "OPEN", "PREVIEW", "EXTERNAL")
            + check("entitlements", "revocation", "revoked_reason IS NULL OR revoked_at IS NOT NULL")
            + check("entitlements", "one_source", "source_id IS NULL OR source_reference IS NULL")
            + check("entitlements", "moments", "isfinite(starts_at) AND isfinite(ends_at) AND isfinite(grace_until) AND isfinite(revoked_at)")
            + reference("entitlements", "granted_by_account_id", "accounts")
            + """
            CREATE UNIQUE INDEX entitlements_reference ON entitlements (tenant_id, kind, source_reference, account_id, subject_kind, subject_id) NULLS NOT DISTINCT
                WHERE source_reference IS NOT NULL;
            CREATE INDEX entitlements_page ON entitlements (tenant_id, created_at, id);
            CREATE INDEX entitlements_of_account ON entitlements (tenant_id, account_id, created_at, id);
            CREATE INDEX entitlements_of_course ON entitlements (tenant_id, subject_id, created_at, id);
            CREATE INDEX entitlements_of_kind ON entitlements (tenant_id, kind, created_at, id);
            DROP INDEX entitlements_account_id;
            CREATE INDEX enrollments_of_course ON enrollments (tenant_id, course_id, enrolled_at, id);
            DROP INDEX enrollments_course_id;
            """
        ),
    ]
