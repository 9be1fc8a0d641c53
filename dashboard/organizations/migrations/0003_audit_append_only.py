"""The audit log takes new rows only. Its rows go with their organization, and forget a person who is deleted."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION organizations_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT 1 FROM organizations_organization WHERE id = OLD.organization_id)
            AND coalesce(current_setting('purser.organization_goes', true), '') <> OLD.organization_id::text THEN
            RAISE EXCEPTION 'audit events are never removed';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.actor_id IS NULL AND to_jsonb(NEW) - 'actor_id' = to_jsonb(OLD) - 'actor_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit events are never changed';
END $$;
CREATE TRIGGER organizations_audit_append_only BEFORE UPDATE OR DELETE ON organizations_auditevent
FOR EACH ROW EXECUTE FUNCTION organizations_audit_append_only();
"""
BACKWARD = """
DROP TRIGGER organizations_audit_append_only ON organizations_auditevent;
DROP FUNCTION organizations_audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0002_people")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
