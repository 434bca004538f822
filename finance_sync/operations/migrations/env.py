"""Alembic's entry: runs the migrations on the connection that is handed to it.

Belongs here: handing the connection over. Does not: where the database is (settings), when to migrate (database).
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
