"""What Athena's SQL means elsewhere: which part of a statement Trino takes as it is, and what the rest does to Glue.

Athena's queries are Trino's SQL, and stay as they are written, to the letter. Its tables, partitions and databases are
made by Hive's DDL, which Trino does not know: that is read here, and becomes what Glue is asked for.
"""
