"""Where the pipeline runs: Terraform for AWS, and the same services on one machine."""
