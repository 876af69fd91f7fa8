"""What a warehouse is given beside its SQL: manifests of a table's data files, for COPY."""
