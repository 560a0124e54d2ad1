"""Premium instructorship as something that is sold."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.commerce import OfferSubject
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from tortoise import fields

SUBJECTS = ("COURSE", "BUNDLE", "PATH", "ALL_ACCESS", "SEATS", "INSTRUCTOR_PREMIUM")


class Migration(migrations.Migration):
    dependencies = [('models', '0023_settled_currency')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PremiumPeriod',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('source_id', fields.UUIDField()),
                ('ends_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'premium_periods', 'app': 'models', 'unique_together': (('tenant_id', 'source_id'),), 'pk_attr': 'id', 'table_description': "Premium instructorship that somebody bought. `source_id` is the plan's or the order line's; of all of an account the latest `ends_at` is what its payee has."},
            bases=['TenantRow'],
        ),
        ops.AlterField(
            model_name='Offer',
            name='subject',
            field=fields.CharEnumField(description='COURSE: COURSE\nBUNDLE: BUNDLE\nPATH: PATH\nALL_ACCESS: ALL_ACCESS\nSEATS: SEATS\nINSTRUCTOR_PREMIUM: INSTRUCTOR_PREMIUM', enum_type=OfferSubject, max_length=24),
        ),
        ops.AlterField(
            model_name='OrderLine',
            name='subject',
            field=fields.CharEnumField(description='COURSE: COURSE\nBUNDLE: BUNDLE\nPATH: PATH\nALL_ACCESS: ALL_ACCESS\nSEATS: SEATS\nINSTRUCTOR_PREMIUM: INSTRUCTOR_PREMIUM', enum_type=OfferSubject, max_length=24),
        ),
        ops.RunSQL(
            tenant_table("premium_periods")
            + reference("premium_periods", "account_id", "accounts")
            + "ALTER TABLE offers DROP CONSTRAINT offers_subject_check, DROP CONSTRAINT offers_subject_id_check; ALTER TABLE order_lines DROP CONSTRAINT order_lines_subject_check;"
            + one_of("offers", "subject", *SUBJECTS)
            + one_of("order_lines", "subject", *SUBJECTS)
            + check("offers", "subject_id", "(subject IN ('ALL_ACCESS', 'INSTRUCTOR_PREMIUM')) = (subject_id IS NULL)")
            + check("offers", "premium", "subject <> 'INSTRUCTOR_PREMIUM' OR kind = 'RECURRING' OR (kind = 'ONE_TIME' AND access_days IS NOT NULL)")
        ),
    ]
