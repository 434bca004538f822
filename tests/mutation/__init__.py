"""Deliberate mistakes in the SQL of the controls, and the proof that a dbt unit test catches each."""
