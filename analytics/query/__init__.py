"""`clickstream query`: Athena SQL in, rows out, by the engine that is asked for."""
