variables {
  name              = "clickstream-test"
  messaging_key_arn = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  publisher_role_arns = [
    "arn:aws:iam::123456789012:role/clickstream-test-alert-job",
    "arn:aws:iam::123456789012:role/clickstream-test-dropped-files",
  ]
  rule_topics = ["LargeOrders"]
  alert_rules = {
    big-order = { event_type = "purchase", where = "amount_minor >= 100000 and currency in EUR,CHF", topic = "LargeOrders" }
    signup    = { event_type = "signup", topic = "PurchaseAlerts" }
  }
  subscriptions = {
    german = {
      protocol = "sqs"
      endpoint = "arn:aws:sqs:us-east-1:123456789012:german-orders"
      filter   = { country = ["DE", "AT"] }
      numeric  = { amount_minor = { "<" = 500000, ">=" = 100000 } }
    }
    shop = {
      protocol = "email"
      endpoint = "shop@example.com"
      topic    = "LargeOrders"
    }
  }
}

run "topics_and_queues_are_encrypted_and_named" {
  command = plan

  assert {
    condition     = { for name, topic in aws_sns_topic.this : name => topic.name } == { LargeOrders = "clickstream-test-LargeOrders", PurchaseAlerts = "clickstream-test-PurchaseAlerts" }
    error_message = "There is PurchaseAlerts, and a topic for each name given."
  }

  assert {
    condition     = alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == var.messaging_key_arn && topic.signature_version == 2])
    error_message = "Topics are encrypted with the messaging key, and sign with SHA-256."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.name == "clickstream-test-dead-letters" && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600 && aws_sqs_queue.dead_letters.kms_master_key_id == var.messaging_key_arn
    error_message = "Dead letters are kept for 14 days, encrypted with the messaging key."
  }

  assert {
    condition     = { for name, queue in aws_sqs_queue.undelivered : name => queue.name } == { german = "clickstream-test-german-undelivered", shop = "clickstream-test-shop-undelivered" }
    error_message = "Each subscription has a queue for what is not delivered."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.undelivered : queue.message_retention_seconds == 1209600 && queue.kms_master_key_id == var.messaging_key_arn])
    error_message = "What is not delivered is kept for 14 days, encrypted with the messaging key."
  }

  assert {
    condition     = alltrue([for policy in concat([aws_sqs_queue_redrive_allow_policy.dead_letters], values(aws_sqs_queue_redrive_allow_policy.undelivered)) : jsondecode(policy.redrive_allow_policy).redrivePermission == "denyAll"])
    error_message = "No other queue gives its messages to these."
  }
}

run "subscriptions_filter_by_the_attributes_of_an_alert" {
  command = apply

  assert {
    condition     = aws_sns_topic_subscription.this["german"].topic_arn == aws_sns_topic.this["PurchaseAlerts"].arn && aws_sns_topic_subscription.this["shop"].topic_arn == aws_sns_topic.this["LargeOrders"].arn
    error_message = "A subscription is to its topic, PurchaseAlerts without a word."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["german"].protocol == "sqs" && aws_sns_topic_subscription.this["german"].endpoint == "arn:aws:sqs:us-east-1:123456789012:german-orders" && aws_sns_topic_subscription.this["german"].raw_message_delivery
    error_message = "A queue gets the alert itself."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["german"].filter_policy == jsonencode({ amount_minor = [{ numeric = [">=", 100000, "<", 500000] }], country = ["DE", "AT"] }) && aws_sns_topic_subscription.this["german"].filter_policy_scope == "MessageAttributes"
    error_message = "The filter is SNS's, on message attributes, the lower bound first."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["shop"].filter_policy == null && !aws_sns_topic_subscription.this["shop"].raw_message_delivery
    error_message = "Without a filter everything is delivered; e-mail has no raw form."
  }

  assert {
    condition     = alltrue([for name, subscription in aws_sns_topic_subscription.this : jsondecode(subscription.redrive_policy).deadLetterTargetArn == aws_sqs_queue.undelivered[name].arn])
    error_message = "What a subscriber does not take goes to the subscription's own queue."
  }
}

run "only_publishers_publish_and_all_speak_tls" {
  command = apply

  assert {
    condition = alltrue([
      for name, policy in aws_sns_topic_policy.this : policy.arn == aws_sns_topic.this[name].arn && jsonencode(jsondecode(policy.policy).Statement) == jsonencode([
        {
          Sid       = "OnlyPublishersPublish"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = aws_sns_topic.this[name].arn
          Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.publisher_role_arns } }
        },
        {
          Sid       = "OnlyByTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sns:AddPermission", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:RemovePermission", "sns:SetTopicAttributes", "sns:Subscribe"]
          Resource  = aws_sns_topic.this[name].arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ])
    ])
    error_message = "A topic's policy denies publishing to all but the publishers, and everything without TLS; it allows nothing."
  }

  assert {
    condition     = toset(keys(aws_sns_topic_policy.this)) == toset(["LargeOrders", "PurchaseAlerts"])
    error_message = "Every topic has the policy."
  }

  assert {
    condition = aws_sqs_queue_policy.dead_letters.queue_url == aws_sqs_queue.dead_letters.id && jsonencode(jsondecode(aws_sqs_queue_policy.dead_letters.policy).Statement) == jsonencode([
      {
        Sid       = "OnlyPublishersSend"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.publisher_role_arns } }
      },
      {
        Sid       = "OnlyByTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ])
    error_message = "Only publishers send dead letters, and all speak TLS."
  }

  assert {
    condition = alltrue([
      for name, policy in aws_sqs_queue_policy.undelivered : policy.queue_url == aws_sqs_queue.undelivered[name].id && jsonencode(jsondecode(policy.policy).Statement) == jsonencode([
        {
          Sid       = "TopicSends"
          Effect    = "Allow"
          Principal = { Service = "sns.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = aws_sqs_queue.undelivered[name].arn
          Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic_subscription.this[name].topic_arn } }
        },
        {
          Sid       = "OnlyByTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
          Resource  = aws_sqs_queue.undelivered[name].arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ])
    ]) && toset(keys(aws_sqs_queue_policy.undelivered)) == toset(keys(var.subscriptions))
    error_message = "The topic of the subscription alone sends to its queue, and all speak TLS."
  }
}

run "rules_name_the_topics_that_were_made" {
  command = apply

  assert {
    condition = output.alert_rules == tomap({
      big-order = "purchase where amount_minor >= 100000 and currency in EUR,CHF to ${aws_sns_topic.this["LargeOrders"].arn}"
      signup    = "signup to ${aws_sns_topic.this["PurchaseAlerts"].arn}"
    })
    error_message = "Rules are in the form that the job reads."
  }

  assert {
    condition     = output.topic_arn == aws_sns_topic.this["PurchaseAlerts"].arn && output.topic_arns["LargeOrders"] == aws_sns_topic.this["LargeOrders"].arn && output.topic_name == "clickstream-test-PurchaseAlerts"
    error_message = "The topics are given by name."
  }

  assert {
    condition     = output.dead_letter_queue_arn == aws_sqs_queue.dead_letters.arn && output.dead_letter_queue_url == aws_sqs_queue.dead_letters.url && output.subscription_dead_letter_queue_arns["german"] == aws_sqs_queue.undelivered["german"].arn
    error_message = "The queues are given."
  }
}

run "nothing_but_the_main_topic_is_asked_for" {
  command = plan

  variables {
    rule_topics   = []
    alert_rules   = {}
    subscriptions = {}
  }

  assert {
    condition     = keys(aws_sns_topic.this) == ["PurchaseAlerts"] && length(aws_sqs_queue.undelivered) == 0
    error_message = "Without rules and subscribers there is the main topic alone."
  }
}

run "values_that_cannot_be" {
  command = plan

  variables {
    name                = "x"
    messaging_key_arn   = "arn:aws:kms:us-east-1:123456789012:alias/messaging"
    publisher_role_arns = ["arn:aws:iam::123456789012:role/*"]
    rule_topics         = ["PurchaseAlerts"]
    alert_rules         = {}
    subscriptions       = {}
  }

  expect_failures = [var.name, var.messaging_key_arn, var.publisher_role_arns, var.rule_topics]
}

run "somebody_has_to_publish" {
  command = plan

  variables {
    publisher_role_arns = []
  }

  expect_failures = [var.publisher_role_arns]
}

run "names_of_rules_and_subscriptions_are_simple" {
  command = plan

  variables {
    alert_rules   = { "a b" = { event_type = "purchase", topic = "LargeOrders" } }
    subscriptions = { "a/b" = { protocol = "email", endpoint = "a@example.com" } }
  }

  expect_failures = [var.alert_rules, var.subscriptions]
}

run "plain_http_is_refused" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "http", endpoint = "http://example.com/hook" } }
  }

  expect_failures = [var.subscriptions]
}

run "an_endpoint_is_one_of_its_protocol" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "sqs", endpoint = "https://sqs.us-east-1.amazonaws.com/123456789012/queue" } }
  }

  expect_failures = [var.subscriptions]
}

run "a_filter_on_what_no_alert_carries_is_refused" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "email", endpoint = "a@example.com", filter = { device_type = ["phone"] } } }
  }

  expect_failures = [var.subscriptions]
}

run "an_attribute_is_filtered_once" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "email", endpoint = "a@example.com", filter = { amount_minor = ["1"] }, numeric = { amount_minor = { "=" = 1 } } } }
  }

  expect_failures = [var.subscriptions]
}

run "a_range_has_one_bound_at_each_end" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "email", endpoint = "a@example.com", numeric = { amount_minor = { ">" = 1, ">=" = 2 } } } }
  }

  expect_failures = [var.subscriptions]
}

run "a_subscriber_may_have_only_topics_that_are_made" {
  command = plan

  variables {
    subscriptions = { hook = { protocol = "email", endpoint = "a@example.com", topic = "SmallOrders" } }
  }

  expect_failures = [var.subscriptions]
}

run "a_rule_has_a_topic_that_is_made" {
  command = plan

  variables {
    alert_rules = { small = { event_type = "purchase", topic = "SmallOrders" } }
  }

  expect_failures = [var.alert_rules]
}

run "a_value_with_spaces_stands_in_quotes" {
  command = plan

  variables {
    alert_rules = { campaign = { event_type = "purchase", where = "campaign = black friday", topic = "LargeOrders" } }
  }

  expect_failures = [var.alert_rules]
}

run "a_quoted_value_may_have_spaces_and_semicolons" {
  command = plan

  variables {
    alert_rules = { campaign = { event_type = "purchase", where = "campaign = 'black; friday' and country != \"DE\"", topic = "LargeOrders" } }
  }

  assert {
    condition     = length(var.alert_rules) == 1
    error_message = "The rule is taken."
  }
}
