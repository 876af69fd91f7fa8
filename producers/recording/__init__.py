"""A Kinesis stream to archive files: reading its shards, and the files."""
