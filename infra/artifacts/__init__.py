"""What is deployed: the zips for Managed Service for Apache Flink and for Lambda, from source and lock file."""
