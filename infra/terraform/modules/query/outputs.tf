output "workgroup_name" {
  description = "The Athena workgroup."
  value       = aws_athena_workgroup.this.name
}

output "workgroup_arn" {
  description = "Its ARN."
  value       = aws_athena_workgroup.this.arn
}

output "results_prefix" {
  description = "Where in the bucket of results the workgroup writes."
  value       = "${var.name}/"
}

output "named_query_ids" {
  description = "Name -> id of each query that is kept in the workgroup."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}

output "warehouse_namespace" {
  description = "The namespace of the warehouse; null without one."
  value       = one(aws_redshiftserverless_namespace.this[*].namespace_name)
}

output "warehouse_workgroup" {
  description = "The workgroup of the warehouse; null without one."
  value       = one(aws_redshiftserverless_workgroup.this[*].workgroup_name)
}

output "warehouse_workgroup_arn" {
  description = "Its ARN; null without a warehouse."
  value       = one(aws_redshiftserverless_workgroup.this[*].arn)
}

output "warehouse_security_group_id" {
  description = "The security group that connections to the warehouse have to pass; null without one."
  value       = one(aws_security_group.warehouse[*].id)
}

output "spectrum_role_arn" {
  description = "The role by which the warehouse reads the lake; null without one."
  value       = one(aws_iam_role.spectrum[*].arn)
}

output "warehouse_secret_arn" {
  description = "The secret with the administrator's password; null without a warehouse."
  value       = one(aws_redshiftserverless_namespace.this[*].admin_password_secret_arn)
}
