output "arns" {
  description = "ARN of the key of each domain: stream, messaging, lake, logs, warehouse."
  value       = { for domain, key in aws_kms_key.this : domain => key.arn }
}

output "aliases" {
  description = "Alias of the key of each domain, for people. Policies and resources name the ARN."
  value       = { for domain, alias in aws_kms_alias.this : domain => alias.name }
}
