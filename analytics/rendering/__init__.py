"""The SQL that is shipped for Athena and Redshift, rendered from the table definitions; pure but for `__main__`."""
