"""What is deployed: the zips for Managed Service for Apache Flink and for Lambda, built from this source and the lock file."""
