output "topic_arn" {
  description = "ARN of PurchaseAlerts."
  value       = aws_sns_topic.this[local.main_topic].arn
}

output "topic_name" {
  description = "Name of PurchaseAlerts, with the deployment's before it."
  value       = aws_sns_topic.this[local.main_topic].name
}

output "topic_arns" {
  description = "ARN of each topic, by its name without the deployment's: PurchaseAlerts and rule_topics."
  value       = { for name, topic in aws_sns_topic.this : name => topic.arn }
}

output "alert_rules" {
  description = "The rules as the job and the function for dropped files take them: name -> EVENT_TYPE [where CONDITIONS] to TOPIC_ARN."
  value = tomap({
    for name, rule in var.alert_rules : name => join(" ", concat(
      [rule.event_type], rule.where == null ? [] : ["where", rule.where], ["to", aws_sns_topic.this[rule.topic].arn],
    ))
  })
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue for what cannot become an alert."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of that queue."
  value       = aws_sqs_queue.dead_letters.url
}

output "dead_letter_queue_name" {
  description = "Name of that queue."
  value       = aws_sqs_queue.dead_letters.name
}

output "subscription_dead_letter_queue_arns" {
  description = "ARN of the queue for what a subscriber did not take, by subscription."
  value       = { for name, queue in aws_sqs_queue.undelivered : name => queue.arn }
}

output "subscription_dead_letter_queue_names" {
  description = "Names of those queues, by subscription."
  value       = { for name, queue in aws_sqs_queue.undelivered : name => queue.name }
}
