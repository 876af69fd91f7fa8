"""The purchase-alert job: Kinesis records in, SNS alerts, receipts and dead letters out. Imports only `schemas`."""
