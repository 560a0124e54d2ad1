"""A tenant's currency stays once something was sold."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [('models', '0023_seat_mails')]

    initial = False

    operations = [
        ops.RunSQL(
            # By the owner, whom no row policy hides orders: the platform changes tenants too.
            """
            CREATE FUNCTION refuse_other_currency() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            BEGIN
                IF EXISTS (SELECT FROM orders WHERE tenant_id = NEW.tenant_id AND status <> 'CANCELED') THEN
                    RAISE EXCEPTION 'tenant % has sold in its currency', NEW.id USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            REVOKE ALL ON FUNCTION refuse_other_currency() FROM PUBLIC;
            CREATE TRIGGER tenants_currency_stays BEFORE UPDATE OF currency ON tenants FOR EACH ROW
                WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION refuse_other_currency();
            """
        ),
    ]
