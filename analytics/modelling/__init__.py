"""What `clickstream models` does: the published tables beside the models' database, and dbt over them."""
