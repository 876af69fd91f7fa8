variables {
  name          = "clickstream-dev"
  stream_arn    = "arn:aws:kinesis:us-east-1:123456789012:stream/clickstream-dev-events"
  workgroup_arn = "arn:aws:athena:us-east-1:123456789012:workgroup/clickstream-dev"
  lake = {
    raw            = { name = "raw", arn = "arn:aws:s3:::raw" }
    curated        = { name = "curated", arn = "arn:aws:s3:::curated" }
    athena_results = { name = "results", arn = "arn:aws:s3:::results" }
  }
  databases             = { curated = "clickstream_dev", raw = "clickstream_dev_raw" }
  lake_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/lake"
  stream_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/stream"
  messaging_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  topic_arns            = { purchases = "arn:aws:sns:us-east-1:123456789012:clickstream-dev-purchases", large = "arn:aws:sns:us-east-1:123456789012:clickstream-dev-large" }
  dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-dead-letters"
  redrives = {
    dropped_files = {
      dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-dropped-files-dead"
      source_queue_arn      = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-dropped-files"
    }
    schedules = { dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-compaction-schedules-dead" }
  }
  compaction = {
    cluster_arn           = "arn:aws:ecs:us-east-1:123456789012:cluster/clickstream-dev-compaction"
    task_family           = "clickstream-dev-compaction"
    role_arns             = ["arn:aws:iam::123456789012:role/clickstream-dev-compaction", "arn:aws:iam::123456789012:role/clickstream-dev-compaction-execution"]
    raw_objects_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-raw-objects"
  }
  application_arn = "arn:aws:kinesisanalytics:us-east-1:123456789012:application/clickstream-dev-alerts"
  log_group_names = ["/ecs/clickstream-dev-compaction"]
  trusted_principals = {
    analyst  = ["arn:aws:iam::123456789012:role/people"]
    operator = ["arn:aws:iam::123456789012:user/somebody"]
    producer = ["arn:aws:iam::123456789012:role/shop"]
    reader   = ["arn:aws:iam::210987654321:root"]
  }
  reader_external_id = "clickstream-of-ours"
}

run "roles_are_for_whom_they_are_trusted" {
  command = apply

  assert {
    condition     = { for role, made in aws_iam_role.this : role => made.name } == { for role in ["analyst", "operator", "producer", "reader"] : role => "clickstream-dev-${role}" }
    error_message = "Roles have the names that the key policies know."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == aws_iam_policy.boundary.arn])
    error_message = "Each has the boundary."
  }

  assert {
    condition     = alltrue([for role, made in aws_iam_role.this : toset(flatten([jsondecode(made.assume_role_policy).Statement[0].Principal.AWS])) == toset(var.trusted_principals[role])])
    error_message = "Each is for the principals that are given."
  }

  assert {
    condition = alltrue([
      for role, made in aws_iam_role.this :
      try(jsondecode(made.assume_role_policy).Statement[0].Condition.Bool["aws:MultiFactorAuthPresent"], "") == (contains(["analyst", "operator"], role) ? "true" : "")
    ])
    error_message = "People come with a second factor, machines have none."
  }

  assert {
    condition     = try(jsondecode(aws_iam_role.this["reader"].assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"], "") == "clickstream-of-ours"
    error_message = "A reader says the external id."
  }

  assert {
    condition     = { for role, made in aws_iam_role.this : role => made.max_session_duration } == { analyst = 14400, operator = 14400, producer = 3600, reader = 3600 }
    error_message = "A person's session lasts for what is given, a machine's for an hour."
  }

  assert {
    condition     = output.role_arns == { for role, made in aws_iam_role.this : role => made.arn }
    error_message = "The outputs tell the roles."
  }
}

run "an_analyst_reads_and_keeps_results" {
  command = apply

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["analyst"].policy).Statement : statement.Sid => toset(flatten([statement.Resource]))
      } == {
      Query = toset([var.workgroup_arn])
      ReadCatalog = toset([
        "arn:aws:glue:us-east-1:123456789012:catalog",
        "arn:aws:glue:us-east-1:123456789012:database/clickstream_dev", "arn:aws:glue:us-east-1:123456789012:table/clickstream_dev/*",
        "arn:aws:glue:us-east-1:123456789012:database/clickstream_dev_raw", "arn:aws:glue:us-east-1:123456789012:table/clickstream_dev_raw/*",
      ])
      ReadObjects    = toset(concat([for table in module.facts.tables : "arn:aws:s3:::curated/${table}/*"], ["arn:aws:s3:::curated/${module.facts.prefixes.receipts}*", "arn:aws:s3:::raw/${module.facts.prefixes.raw}*"]))
      ListBuckets    = toset(["arn:aws:s3:::raw", "arn:aws:s3:::curated", "arn:aws:s3:::results"])
      KeepResults    = toset(["arn:aws:s3:::results/clickstream-dev/*"])
      DecryptObjects = toset([var.lake_key_arn])
      EncryptResults = toset([var.lake_key_arn])
    }
    error_message = "An analyst queries in the workgroup, reads the lake, and writes results alone."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["analyst"].policy).Statement : [
        for action in flatten([statement.Action]) : "${action} ${statement.Sid}"
        if can(regex("Put|Delete|Create|Update|Start", action))
      ]
    ])) == toset(["athena:StartQueryExecution Query", "s3:PutObject KeepResults"])
    error_message = "All that an analyst writes are results."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["analyst"].policy).Statement :
      toset(flatten([statement.Condition.StringLike["kms:EncryptionContext:aws:s3:arn"]])) == toset(["arn:aws:s3:::results", "arn:aws:s3:::results/*"]) if statement.Sid == "EncryptResults"
    ])
    error_message = "An analyst encrypts for the results alone."
  }
}

run "a_producer_puts" {
  command = apply

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["producer"].policy).Statement : statement.Sid => join(" ", concat(sort(flatten([statement.Action])), flatten([statement.Resource])))
      } == {
      Put          = "kinesis:ListShards kinesis:PutRecords ${var.stream_arn}"
      UseStreamKey = "kms:GenerateDataKey ${var.stream_key_arn}"
    }
    error_message = "A producer lists shards and puts records."
  }
}

run "a_reader_reads_tables" {
  command = apply

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["reader"].policy).Statement : statement.Resource if startswith(statement.Sid, "Read")
      ])) == toset(concat(
      ["arn:aws:glue:us-east-1:123456789012:catalog", "arn:aws:glue:us-east-1:123456789012:database/clickstream_dev", "arn:aws:glue:us-east-1:123456789012:table/clickstream_dev/*"],
      [for table in module.facts.tables : "arn:aws:s3:::curated/${table}/*"],
    ))
    error_message = "A reader reads the Iceberg tables alone."
  }

  assert {
    condition     = !can(regex("Put|Delete|Create|Update|Start|GenerateDataKey", aws_iam_role_policy.this["reader"].policy))
    error_message = "A reader writes nothing."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this["reader"].policy).Statement :
      !contains(flatten([statement.Condition.StringLike["s3:prefix"]]), "*") && contains(flatten([statement.Condition.StringLike["s3:prefix"]]), "fact_clicks/*") if statement.Sid == "ListTables"
    ])
    error_message = "A reader lists the tables' folders alone."
  }
}

run "an_operator_has_the_commands" {
  command = apply

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement : statement.Sid => toset(flatten([statement.Resource]))
      if !contains(["KeepTables", "ListBuckets", "UseBucketsKey", "UseMessagingKey"], statement.Sid)
      } == {
      Put                    = toset([var.stream_arn])
      UseStreamKey           = toset([var.stream_key_arn])
      RedriveLetters         = toset([var.dead_letter_queue_arn])
      PublishAlerts          = toset(values(var.topic_arns))
      KeepLettersAndReceipts = toset(["arn:aws:s3:::curated/${module.facts.prefixes.dead_letters}*", "arn:aws:s3:::curated/${module.facts.prefixes.receipts}*"])
      ForgetMarks            = toset(["arn:aws:s3:::curated/${module.facts.operator.redriven_prefix}*"])
      MoveMessages           = toset([for redrive in values(var.redrives) : redrive.dead_letter_queue_arn])
      MoveMessagesBack       = toset(["arn:aws:sqs:us-east-1:123456789012:clickstream-dev-dropped-files"])
      Subscribe              = toset(values(var.topic_arns))
      Unsubscribe            = toset(["*"])
      KeepQueueOfWatching    = toset(["arn:aws:sqs:us-east-1:123456789012:${module.facts.operator.watch_queue_prefix}*"])
      ReadRawObjects         = toset(["arn:aws:s3:::raw/${module.facts.prefixes.raw}*"])
      PutRepairedLines       = toset(["arn:aws:s3:::raw/${module.facts.operator.repaired_prefix}*"])
      WriteTables            = toset([for table in module.facts.tables : "arn:aws:s3:::curated/${table}/*"])
      WriteValidations       = toset(["arn:aws:s3:::curated/${module.facts.prefixes.validations}*"])
      TakeNotifications      = toset([var.compaction.raw_objects_queue_arn])
      StartTask              = toset(["arn:aws:ecs:us-east-1:123456789012:task-definition/clickstream-dev-compaction:*"])
      StopTask               = toset(["arn:aws:ecs:us-east-1:123456789012:task/clickstream-dev-compaction/*"])
      ListTasks              = toset(["*"])
      PassRoles              = toset(var.compaction.role_arns)
      StopAndStartAlerts     = toset([var.application_arn])
      ReadLogs               = toset(["arn:aws:logs:us-east-1:123456789012:log-group:/ecs/clickstream-dev-compaction:*"])
      LookAtFigures          = toset(["*"])
      LookAtAlarms           = toset(["arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"])
    }
    error_message = "Each right of an operator is on what its command works with."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement : toset(flatten([statement.Action])) == toset(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"])
      if statement.Sid == "RedriveLetters"
    ])
    error_message = "An operator lists and redrives dead letters."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement :
      statement.Condition.ArnEquals["ecs:cluster"] == var.compaction.cluster_arn if contains(["StartTask", "ListTasks"], statement.Sid)
    ])
    error_message = "An operator starts and lists tasks in this cluster."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement :
      statement.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com" if statement.Sid == "PassRoles"
    ])
    error_message = "An operator passes the compaction's roles to tasks alone."
  }

  assert {
    condition = !anytrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement : [
        for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::raw") && contains(flatten([statement.Action]), "s3:DeleteObject")
      ]
    ]))
    error_message = "An operator takes no raw object away."
  }
}

run "the_boundary_holds_the_roles_and_no_administration" {
  command = apply

  assert {
    condition = length(setsubtract(
      toset(flatten([for policy in aws_iam_role_policy.this : [for statement in jsondecode(policy.policy).Statement : statement.Action]])),
      toset(flatten([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Action if statement.Effect == "Allow"])),
    )) == 0
    error_message = "What a role may do the boundary allows."
  }

  assert {
    condition = !anytrue(flatten([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
        for action in flatten([statement.Action]) : strcontains(action, "*")
      ] if statement.Effect == "Allow"
    ]))
    error_message = "The boundary allows actions by name."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
        for action in flatten([statement.Action]) : action if can(regex("^(iam|organizations|account|sts):", action))
      ] if statement.Effect == "Allow"
    ])) == toset(["iam:PassRole"])
    error_message = "Of identities it allows to pass roles of the pipeline, and nothing else."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement :
      statement.Resource == "arn:aws:iam::123456789012:role/clickstream-dev-*" if statement.Sid == "PassRoles"
    ])
    error_message = "Roles of the pipeline alone are passed."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
        statement.NotAction == "iam:PassRole", statement.Condition.StringNotEquals["aws:RequestedRegion"] == "us-east-1", statement.Resource == "*", statement.Effect == "Deny"
      ] if statement.Sid == "NoOtherRegion"
    ]))
    error_message = "Another region is refused."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
        statement.Action == "*", statement.Condition.StringNotEquals["aws:ResourceAccount"] == "123456789012", statement.Condition.Null["aws:ResourceAccount"] == "false", statement.Effect == "Deny"
      ] if statement.Sid == "NoOtherAccount"
    ]))
    error_message = "Another account is refused."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
        for action in ["iam:Create*", "iam:Put*", "iam:Attach*", "organizations:*", "kms:Put*", "kms:Schedule*", "kms:Disable*"] : contains(statement.Action, action)
      ] if statement.Sid == "NoAdministration" && statement.Effect == "Deny"
    ]))
    error_message = "Administration of identities and keys is refused."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Sid if statement.Effect == "Deny"]) == toset(["NoOtherRegion", "NoOtherAccount", "NoAdministration", "NoGrants"])
    error_message = "The boundary refuses regions, accounts, administration and grants."
  }

  assert {
    condition     = aws_iam_policy.boundary.name == "clickstream-dev-boundary" && output.permissions_boundary_arn == aws_iam_policy.boundary.arn
    error_message = "The boundary is named by the environment."
  }
}

run "nobody_may_take_a_role_that_is_not_made" {
  command = plan

  variables {
    trusted_principals = { producer = ["arn:aws:iam::123456789012:role/shop"] }
  }

  assert {
    condition     = keys(aws_iam_role.this) == ["producer"]
    error_message = "The one role that somebody may take is made."
  }
}

run "people_may_come_through_another_role" {
  command = apply

  variables {
    require_mfa = false
  }

  assert {
    condition     = alltrue([for role in ["analyst", "operator"] : !strcontains(aws_iam_role.this[role].assume_role_policy, "MultiFactorAuth")])
    error_message = "No second factor is asked for."
  }
}

run "an_operator_starts_the_glue_job_where_there_is_one" {
  command = apply

  variables {
    compaction = {
      task_family           = "clickstream-dev-compaction"
      role_arns             = ["arn:aws:iam::123456789012:role/clickstream-dev-compaction"]
      glue_job_name         = "clickstream-dev-compaction"
      raw_objects_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-dev-raw-objects"
    }
    application_arn = null
    redrives        = {}
    log_group_names = []
  }

  assert {
    condition = alltrue([
      contains([for statement in jsondecode(aws_iam_role_policy.this["operator"].policy).Statement : statement.Sid], "StartJob"),
      !strcontains(aws_iam_role_policy.this["operator"].policy, "ecs:"),
      !strcontains(aws_iam_role_policy.this["operator"].policy, "iam:PassRole"),
    ])
    error_message = "An operator starts the job and passes no role."
  }
}

run "a_reader_needs_the_external_id" {
  command = plan

  variables {
    reader_external_id = null
  }

  expect_failures = [var.reader_external_id]
}

run "values_have_their_forms" {
  command = plan

  variables {
    name                  = "x"
    stream_arn            = "clickstream"
    workgroup_arn         = "workgroup"
    topic_arns            = {}
    dead_letter_queue_arn = "https://sqs"
    trusted_principals    = { analyst = ["*"] }
    session_hours         = 13
    results_prefix        = "/results"
  }

  expect_failures = [var.name, var.stream_arn, var.workgroup_arn, var.topic_arns, var.dead_letter_queue_arn, var.trusted_principals, var.session_hours, var.results_prefix]
}
