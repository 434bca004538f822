"""The operations database: state that people make, beside data that can be rebuilt.

Belongs here: opening it, its migrations, moving frames in and out, the hash chain of what happened. Does not: the rules of
what is kept in it (exceptions, periods).
"""

from finance_sync.operations.database import Operations, open_operations

__all__ = ["Operations", "open_operations"]
