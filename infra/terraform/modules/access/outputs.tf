output "permissions_boundary_arn" {
  description = "What a role of the pipeline may ever do: the boundary of all of them."
  value       = aws_iam_policy.boundary.arn
}

output "role_arns" {
  description = "analyst, operator, producer, reader -> role. One that nobody may take is not there."
  value       = { for role, made in aws_iam_role.this : role => made.arn }
}
