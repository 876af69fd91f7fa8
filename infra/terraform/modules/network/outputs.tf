output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Ids of the subnets, one a zone."
  value       = aws_subnet.private[*].id
}

output "task_security_group_id" {
  description = "Id of the security group of what runs in the network: it reaches the endpoints and nothing else."
  value       = aws_security_group.task.id

  # Whoever is put into the group finds its ways open.
  depends_on = [
    aws_vpc_security_group_egress_rule.gateway,
    aws_vpc_security_group_egress_rule.interface,
    aws_vpc_security_group_ingress_rule.endpoint,
    aws_vpc_endpoint.interface,
  ]
}

output "endpoint_security_group_id" {
  description = "Id of the security group of the interface endpoints, which another group can be let into."
  value       = aws_security_group.endpoint.id
}

output "s3_endpoint_id" {
  description = "Id of the gateway endpoint of S3, for conditions of policies."
  value       = aws_vpc_endpoint.gateway["s3"].id
}

output "dynamodb_endpoint_id" {
  description = "Id of the gateway endpoint of DynamoDB, for conditions of policies."
  value       = aws_vpc_endpoint.gateway["dynamodb"].id
}

output "endpoint_ids" {
  description = "Id of the endpoint of each service, gateways included."
  value = merge(
    { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id },
    { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.id },
  )
}

output "flow_log_group_name" {
  description = "Name of the log group of the flow log."
  value       = aws_cloudwatch_log_group.flow.name
}
