"""Pools of seats, who has them, gifts and vouchers."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.commerce import PoolKind, SeatStatus
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0013_paths')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SeatAssignment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('pool_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='ASSIGNED: ASSIGNED\nREDEEMED: REDEEMED\nRECLAIMED: RECLAIMED\nEXPIRED: EXPIRED\nREVOKED: REVOKED', enum_type=SeatStatus, max_length=16)),
                ('email', fields.CharField(null=True, max_length=254)),
                ('email_key', fields.CharField(null=True, max_length=254)),
                ('code', fields.CharField(null=True, max_length=32)),
                ('code_sha256', fields.CharField(null=True, max_length=64)),
                ('account_id', fields.UUIDField(null=True)),
                ('enrollment_id', fields.UUIDField(null=True)),
                ('assigned_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('redeemed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'seat_assignments', 'app': 'models', 'pk_attr': 'id', 'table_description': "A seat that somebody has, or had. The grant that it gave has its id as source. `email` is the address it was assigned to, or null where somebody took it with the pool's code."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SeatPool',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='SEATS: SEATS\nGIFT: GIFT\nVOUCHER: VOUCHER', enum_type=PoolKind, max_length=16)),
                ('owner_account_id', fields.UUIDField(null=True)),
                ('order_id', fields.UUIDField(null=True)),
                ('order_line_id', fields.UUIDField(null=True)),
                ('course_id', fields.UUIDField()),
                ('seats', fields.IntField()),
                ('taken', fields.IntField(default=0)),
                ('code', fields.CharField(max_length=32)),
                ('code_sha256', fields.CharField(max_length=64)),
                ('message', fields.CharField(null=True, max_length=1000)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_reason', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'seat_pools', 'app': 'models', 'unique_together': (('tenant_id', 'code_sha256'),), 'pk_attr': 'id', 'table_description': 'Seats of a course: bought (`order_line_id`), or given away by the school as a voucher. `taken` counts those that are assigned or redeemed, and never passes `seats`.'},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("seat_pools")
            + tenant_table("seat_assignments")
            + one_of("seat_pools", "kind", "SEATS", "GIFT", "VOUCHER")
            + one_of("seat_assignments", "status", "ASSIGNED", "REDEEMED", "RECLAIMED", "EXPIRED", "REVOKED")
            + check("seat_pools", "seats", "seats BETWEEN 1 AND 10000 AND taken BETWEEN 0 AND seats")
            + check("seat_pools", "sold", "(kind = 'VOUCHER') = (owner_account_id IS NULL) AND (kind = 'VOUCHER') = (order_line_id IS NULL) AND (order_id IS NULL) = (order_line_id IS NULL)")
            + check("seat_pools", "closed", "(closed_at IS NULL) = (closed_reason IS NULL)")
            + check("seat_assignments", "address", "(email IS NULL) = (email_key IS NULL)")
            + check("seat_assignments", "redeemed", "(account_id IS NULL) = (redeemed_at IS NULL) AND (status <> 'REDEEMED' OR account_id IS NOT NULL) AND (status <> 'ASSIGNED' OR account_id IS NULL)")
            + check("seat_assignments", "ended", "(status IN ('RECLAIMED', 'EXPIRED', 'REVOKED')) = (ended_at IS NOT NULL)")
            + reference("seat_pools", "owner_account_id", "accounts", index=False)
            + reference("seat_pools", "order_id", "orders")
            + reference("seat_pools", "order_line_id", "order_lines", index=False)
            + reference("seat_pools", "course_id", "courses")
            + reference("seat_assignments", "pool_id", "seat_pools", index=False)
            + reference("seat_assignments", "account_id", "accounts")
            + reference("seat_assignments", "enrollment_id", "enrollments")
            + """
            CREATE UNIQUE INDEX seat_pools_of_line ON seat_pools (tenant_id, order_line_id) WHERE order_line_id IS NOT NULL;
            CREATE INDEX seat_pools_page ON seat_pools (tenant_id, created_at, id);
            CREATE INDEX seat_pools_of_owner ON seat_pools (tenant_id, owner_account_id, created_at, id);
            CREATE INDEX seat_assignments_of_pool ON seat_assignments (tenant_id, pool_id, assigned_at, id);
            CREATE UNIQUE INDEX seat_assignments_code ON seat_assignments (tenant_id, code_sha256);
            CREATE UNIQUE INDEX seat_assignments_of_account ON seat_assignments (tenant_id, pool_id, account_id) WHERE status = 'REDEEMED';
            CREATE UNIQUE INDEX seat_assignments_of_address ON seat_assignments (tenant_id, pool_id, email_key) WHERE status IN ('ASSIGNED', 'REDEEMED');
            CREATE INDEX seat_assignments_waiting ON seat_assignments (tenant_id, email_key) WHERE status = 'ASSIGNED';
            """
        ),
    ]
