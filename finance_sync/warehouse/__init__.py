"""The warehouse: load what landed, run dbt, read and write Arrow, publish for readers."""
