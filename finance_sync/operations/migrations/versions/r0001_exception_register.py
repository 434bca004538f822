"""The exception register and its history.

Belongs here: this one step of the schema. Does not: anything that later steps change.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY_POSTGRES = """
CREATE FUNCTION exception_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'exception_history is append-only'; END $$;
CREATE TRIGGER exception_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exception_history
FOR EACH STATEMENT EXECUTE FUNCTION exception_history_is_append_only()
"""
_APPEND_ONLY_SQLITE = """
CREATE TRIGGER exception_history_no_{verb} BEFORE {verb} ON exception_history
BEGIN SELECT RAISE(ABORT, 'exception_history is append-only'); END
"""


def _amount() -> Any:
    """Exact on both engines: SQLite would make a float of a NUMERIC."""
    return sa.String(31) if op.get_bind().dialect.name == "sqlite" else sa.Numeric(28, 4)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "exception_register",
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("control_id", sa.Text(), nullable=False),
        sa.Column("legal_entity_id", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("aspect", sa.Text(), nullable=False),
        sa.Column("fiscal_period_id", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("left_system_name", sa.Text(), nullable=True),
        sa.Column("left_value", sa.Text(), nullable=True),
        sa.Column("left_amount", _amount(), nullable=True),
        sa.Column("right_system_name", sa.Text(), nullable=True),
        sa.Column("right_value", sa.Text(), nullable=True),
        sa.Column("right_amount", _amount(), nullable=True),
        sa.Column("difference_amount", _amount(), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True),
        sa.Column("amount_functional", _amount(), nullable=True),
        sa.Column("functional_currency", sa.Text(), nullable=True),
        sa.Column("amount_group", _amount(), nullable=True),
        sa.Column("supplier_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("cost_center_id", sa.Text(), nullable=True),
        sa.Column("document_date", sa.Date(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("first_amount_functional", _amount(), nullable=True),
        sa.Column("first_amount_group", _amount(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_from", sa.Date(), nullable=False),
        sa.Column("deadline_on", sa.Date(), nullable=False),
        sa.Column("escalation_level", sa.BigInteger(), nullable=False),
        sa.Column("escalated_on", sa.Date(), nullable=True),
        sa.Column("escalated_to", sa.Text(), nullable=True),
        sa.Column("times_opened", sa.BigInteger(), nullable=False),
        sa.Column("reopened_because", sa.Text(), nullable=True),
        sa.Column("disposed_by", sa.Text(), nullable=True),
        sa.Column("disposed_at", sa.Text(), nullable=True),
        sa.Column("disposition_reason", sa.Text(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("limit_group", _amount(), nullable=True),
        sa.Column("disposed_amount", _amount(), nullable=True),
        sa.Column("gone_on", sa.Date(), nullable=True),
        sa.Column("gone_run", sa.Text(), nullable=True),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("first_seen_run", sa.Text(), nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=False),
        sa.Column("last_seen_run", sa.Text(), nullable=False),
        sa.Column("times_seen", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exception_id"),
    )
    op.create_index("ix_exception_register_assignee", "exception_register", ["assignee"])
    op.create_index("ix_exception_register_owner", "exception_register", ["owner"])
    op.create_index("ix_exception_register_status", "exception_register", ["status"])
    op.create_table(
        "exception_history",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_exception_history_exception_id", "exception_history", ["exception_id"])
    op.create_table(
        "register_run",
        sa.Column("generation", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("generation"),
    )
    op.create_table(
        "register_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO register_head (id, seq, hash) VALUES (1, 0, '')")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_APPEND_ONLY_SQLITE.format(verb=verb))
    else:
        op.execute(_APPEND_ONLY_POSTGRES)


def downgrade() -> None:
    """Back to nothing: the register with everything that people said is lost."""
    for table in ("register_head", "register_run", "exception_history", "exception_register"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION exception_history_is_append_only()")
