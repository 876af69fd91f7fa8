output "cluster_name" {
  description = "The ECS cluster; null where Glue compacts."
  value       = one(aws_ecs_cluster.this[*].name)
}

output "cluster_arn" {
  description = "The ARN of the cluster; null where Glue compacts."
  value       = one(aws_ecs_cluster.this[*].arn)
}

output "task_family" {
  description = "The family of the task definition, and the name of the Glue job."
  value       = local.family
}

output "container_name" {
  description = "The container in the task, which an override of the command names."
  value       = local.container
}

output "task_definition_arn" {
  description = "The revision that the schedules start; null without an image, or where Glue compacts."
  value       = one(aws_ecs_task_definition.this[*].arn)
}

output "glue_job_name" {
  description = "The Glue job; null where Fargate compacts."
  value       = one(aws_glue_job.this[*].name)
}

output "repository_url" {
  description = "Where the image is pushed to."
  value       = aws_ecr_repository.this.repository_url
}

output "repository_name" {
  description = "The repository's name, without the registry."
  value       = aws_ecr_repository.this.name
}

output "role_name" {
  description = "The name of the role that compacts."
  value       = aws_iam_role.this.name
}

output "role_arn" {
  description = "The role that compacts."
  value       = aws_iam_role.this.arn
}

output "execution_role_arn" {
  description = "The role by which ECS starts the task; null where Glue compacts."
  value       = one(aws_iam_role.execution[*].arn)
}

output "scheduler_role_arn" {
  description = "The role of the schedules."
  value       = aws_iam_role.scheduler.arn
}

output "raw_objects_queue_arn" {
  description = "The queue of what S3 says of new raw objects."
  value       = aws_sqs_queue.raw_objects.arn
}

output "raw_objects_queue_url" {
  description = "Its URL."
  value       = aws_sqs_queue.raw_objects.url
}

output "raw_objects_queue_name" {
  description = "Its name."
  value       = aws_sqs_queue.raw_objects.name
}

output "schedule_dead_letter_queue_arn" {
  description = "The queue of runs that could not be started."
  value       = aws_sqs_queue.schedules_dead.arn
}

output "schedule_dead_letter_queue_name" {
  description = "Its name."
  value       = aws_sqs_queue.schedules_dead.name
}

output "schedule_names" {
  description = "What is scheduled: compact, enrich, reconcile, validate, maintain -> the schedule's name. Empty without an image."
  value       = { for key, schedule in aws_scheduler_schedule.this : key => schedule.name }
}

output "schedule_group_name" {
  description = "The group of the schedules."
  value       = aws_scheduler_schedule_group.this.name
}

output "log_group_name" {
  description = "The log of the runs, out of which CloudWatch makes their metrics."
  value       = aws_cloudwatch_log_group.this.name
}

output "failed_runs_rule_name" {
  description = "The rule that matches each run that failed: an alarm is on AWS/Events, MatchedEvents, dimension RuleName."
  value       = aws_cloudwatch_event_rule.failed_runs.name
}

output "failed_runs_log_group_name" {
  description = "Where the events of runs that failed are kept."
  value       = aws_cloudwatch_log_group.failed_runs.name
}

output "memory_mib" {
  description = "The memory of a task, for the alarm on PeakMemory."
  value       = var.memory_mib
}

output "environment" {
  description = "The settings of a run, as their CLICKSTREAM_ variables."
  value       = local.environment
}
