"""Alembic migrations of the operations database, shipped with the package and run when it is opened."""
