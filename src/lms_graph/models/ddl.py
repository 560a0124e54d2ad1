"""What migrations say beyond Tortoise: keys led by the tenant, references that cannot cross tenants, and row policies.

Each gives SQL for a migration's `RunSQL`; put many into one operation, for Tortoise projects the whole state at each. Once a migration is released, what it calls here must go on giving the same SQL.
"""

TENANT = "(nullif(current_setting('app.tenant', true), '')::uuid)"


def tenant_table(table: str, *, app: str = "SELECT, INSERT, UPDATE, DELETE", new_key: bool = True) -> str:
    """Key `(tenant_id, id)`, the row policy, and the application's rights."""
    key = f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (tenant_id, id);" if new_key else ""
    owner = f"ALTER TABLE {table} ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);" if table != "tenants" else "ALTER TABLE tenants ADD UNIQUE (id);"
    return f"""
        {key}
        {owner}
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON {table} TO lms_app USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT});
        GRANT {app} ON {table} TO lms_app;
    """


def reference(table: str, column: str, target: str, *, on_delete: str = "NO ACTION", index: bool = True) -> str:
    """A foreign key inside the tenant. `index=False` where a unique key already starts with the column."""
    made = f"CREATE INDEX {table}_{column} ON {table} (tenant_id, {column});" if index else ""
    return f"""
        ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey FOREIGN KEY (tenant_id, {column}) REFERENCES {target} (tenant_id, id) ON DELETE {on_delete};
        {made}
    """


def check(table: str, name: str, condition: str) -> str:
    return f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_check CHECK ({condition});"


def one_of(table: str, column: str, *values: str) -> str:
    """The values of an enum column, as they stood at this migration."""
    return check(table, column, f"{column} IN ({', '.join(repr(value) for value in values)})")


def for_system(table: str, rights: str, *, name: str, condition: str = "true") -> str:
    """A named policy that opens a table to the system role, for the rights given."""
    return f"""
        CREATE POLICY {name} ON {table} TO lms_system USING ({condition}) WITH CHECK ({condition});
        GRANT {rights} ON {table} TO lms_system;
    """
