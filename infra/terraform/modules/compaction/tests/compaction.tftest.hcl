variables {
  name                     = "clickstream-dev"
  image                    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/clickstream-dev-compaction@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  raw_bucket               = { name = "raw", arn = "arn:aws:s3:::raw" }
  curated_bucket           = { name = "curated", arn = "arn:aws:s3:::curated" }
  databases                = { curated = "clickstream", raw = "clickstream_raw" }
  lake_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/lake"
  messaging_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  logs_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/logs"
  subnet_ids               = ["subnet-1", "subnet-2"]
  security_group_id        = "sg-1"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  settings = {
    CLICKSTREAM_STREAM                = "clickstream-dev"
    CLICKSTREAM_ALERTS_TOPIC_ARN      = "arn:aws:sns:us-east-1:123456789012:PurchaseAlerts"
    CLICKSTREAM_DEAD_LETTER_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/dead"
  }
}

run "everything_at_rest_is_encrypted" {
  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].kms_key == var.lake_key_arn && aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "The repository is encrypted with the lake's key."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.raw_objects, aws_sqs_queue.schedules_dead] : queue.kms_master_key_id == var.messaging_key_arn])
    error_message = "The queues are encrypted with the messaging key."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.this, aws_cloudwatch_log_group.insights[0], aws_cloudwatch_log_group.failed_runs] : group.kms_key_id == var.logs_key_arn && group.retention_in_days == 90])
    error_message = "Log groups are encrypted with the logs key, and end."
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.this : schedule.kms_key_arn == var.messaging_key_arn])
    error_message = "What a schedule sends is encrypted."
  }
}

run "images_are_scanned_and_keep_their_tags" {
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Tags are immutable, and images are scanned when they are pushed."
  }

  assert {
    condition     = !aws_ecr_repository.this.force_delete
    error_message = "A repository with images in it is not destroyed."
  }

  assert {
    condition     = aws_ecr_repository.this.name == "clickstream-dev-compaction"
    error_message = "The repository is named by the environment."
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.selection.countNumber] == [7, 30]
    error_message = "Untagged images go after a week, and the newest 30 stay."
  }
}

run "the_task_is_closed_and_has_its_settings" {
  assert {
    condition = alltrue([
      jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].image == var.image,
      jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].readonlyRootFilesystem,
      jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"],
    ])
    error_message = "The container is the image of the digest, read-only and without capabilities."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].entryPoint == [for word in module.facts.handlers.compaction_entry_point : word]
    error_message = "The entry point is the program's."
  }

  assert {
    condition = {
      for entry in jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].environment : entry.name => entry.value
      } == merge(var.settings, {
        TMPDIR                            = "/tmp"
        AWS_REGION                        = "us-east-1"
        AWS_DEFAULT_REGION                = "us-east-1"
        CLICKSTREAM_RAW_BUCKET            = "raw"
        CLICKSTREAM_CURATED_BUCKET        = "curated"
        CLICKSTREAM_DATABASE              = "clickstream"
        CLICKSTREAM_RAW_DATABASE          = "clickstream_raw"
        CLICKSTREAM_RAW_OBJECTS_QUEUE_URL = aws_sqs_queue.raw_objects.url
    })
    error_message = "The environment names the deployment, and the folder that can be written to."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].mountPoints[0].containerPath == "/tmp" && one(aws_ecs_task_definition.this[0].volume).name == "scratch"
    error_message = "TMPDIR is a volume."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].logConfiguration.options["awslogs-group"] == aws_cloudwatch_log_group.this.name
    error_message = "The log of a run goes to the module's group."
  }

  assert {
    condition = alltrue([
      aws_ecs_task_definition.this[0].cpu == "1024",
      aws_ecs_task_definition.this[0].memory == "2048",
      aws_ecs_task_definition.this[0].network_mode == "awsvpc",
      aws_ecs_task_definition.this[0].ephemeral_storage[0].size_in_gib == 30,
      aws_ecs_task_definition.this[0].runtime_platform[0].cpu_architecture == module.facts.runtimes.architectures.compaction,
      aws_ecs_task_definition.this[0].task_role_arn == aws_iam_role.this.arn,
      aws_ecs_task_definition.this[0].execution_role_arn == aws_iam_role.execution[0].arn,
    ])
    error_message = "Size, platform and roles of the task are those given."
  }

  assert {
    condition     = one(aws_ecs_cluster.this[0].setting).name == "containerInsights" && one(aws_ecs_cluster.this[0].setting).value == "enabled"
    error_message = "Container Insights are on."
  }
}

run "the_task_may_do_what_its_commands_call" {
  command = apply

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => toset(flatten([statement.Action]))
      } == {
      ListBuckets       = toset(["s3:ListBucket"])
      ReadRawObjects    = toset(["s3:GetObject"])
      WriteTables       = toset(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"])
      WriteValidations  = toset(["s3:PutObject"])
      UseBucketsKey     = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      KeepTables        = toset(["glue:CreateDatabase", "glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"])
      TakeNotifications = toset(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
      ReadNotifications = toset(["kms:Decrypt"])
    }
    error_message = "The task's role has exactly the actions of the commands."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "ReadRawObjects"
    ])) == toset(["arn:aws:s3:::raw/${module.facts.prefixes.raw}*"])
    error_message = "Of the raw bucket it reads what lies below the prefix."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "WriteTables"
    ])) == toset([for table in module.facts.tables : "arn:aws:s3:::curated/${table}/*"])
    error_message = "Of the curated bucket it writes the folders of the tables."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      try(statement.Condition.StringEquals["kms:ViaService"], "") == (statement.Sid == "UseBucketsKey" ? "s3.us-east-1.amazonaws.com" : "sqs.us-east-1.amazonaws.com")
      if contains(["UseBucketsKey", "ReadNotifications"], statement.Sid)
    ])
    error_message = "A key is used through the service alone."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.this.policy, "\"Resource\":\"*\"") && !strcontains(aws_iam_role_policy.this.policy, ":*\"")
    error_message = "No statement is about everything."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.execution[0].policy).Statement : statement.Sid => toset(flatten([statement.Resource]))
      } == {
      LogIn     = toset(["*"])
      PullImage = toset([aws_ecr_repository.this.arn])
      WriteLog  = toset(["${aws_cloudwatch_log_group.this.arn}:*"])
    }
    error_message = "ECS pulls from this repository and writes to this log alone."
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.this, aws_iam_role.execution[0], aws_iam_role.scheduler] : role.permissions_boundary == var.permissions_boundary_arn
    ])
    error_message = "Every role has the boundary."
  }

  assert {
    condition     = [for role in [aws_iam_role.this, aws_iam_role.execution[0], aws_iam_role.scheduler] : role.name] == ["clickstream-dev-compaction", "clickstream-dev-compaction-execution", "clickstream-dev-scheduler"]
    error_message = "Roles are named as the key policies name them."
  }

  assert {
    condition = alltrue([
      for policy in [aws_iam_role.this.assume_role_policy, aws_iam_role.execution[0].assume_role_policy, aws_iam_role.scheduler.assume_role_policy] :
      jsondecode(policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    ])
    error_message = "A service assumes a role for this account alone."
  }
}

run "the_schedules_are_those_of_the_program" {
  command = apply

  assert {
    condition = {
      for key, schedule in aws_scheduler_schedule.this : key => schedule.schedule_expression
    } == { for key, fact in module.facts.schedules : key => fact.expression }
    error_message = "Each schedule of the program is one here, at the same times."
  }

  assert {
    condition = {
      for key, schedule in aws_scheduler_schedule.this : key => schedule.target[0].input
    } == { for key, fact in module.facts.schedules : key => jsonencode({ containerOverrides = [{ command = fact.command, name = "compaction" }] }) }
    error_message = "Each overrides the command of the container."
  }

  assert {
    condition = alltrue([
      for schedule in aws_scheduler_schedule.this : alltrue([
        schedule.schedule_expression_timezone == "UTC",
        schedule.state == "ENABLED",
        schedule.target[0].arn == aws_ecs_cluster.this[0].arn,
        schedule.target[0].role_arn == aws_iam_role.scheduler.arn,
        schedule.target[0].dead_letter_config[0].arn == aws_sqs_queue.schedules_dead.arn,
        schedule.target[0].retry_policy[0].maximum_retry_attempts == 10,
        schedule.target[0].retry_policy[0].maximum_event_age_in_seconds < 3600,
        schedule.target[0].ecs_parameters[0].task_definition_arn == aws_ecs_task_definition.this[0].arn,
        schedule.target[0].ecs_parameters[0].launch_type == "FARGATE",
        schedule.target[0].ecs_parameters[0].network_configuration[0].assign_public_ip == false,
        toset(schedule.target[0].ecs_parameters[0].network_configuration[0].subnets) == toset(var.subnet_ids),
        toset(schedule.target[0].ecs_parameters[0].network_configuration[0].security_groups) == toset([var.security_group_id]),
      ])
    ])
    error_message = "A schedule starts the task in the private subnets, and keeps what it cannot start."
  }

  assert {
    condition     = output.schedule_names == { for key in keys(module.facts.schedules) : key => "clickstream-dev-compaction-${key}" }
    error_message = "Schedules are named by the environment."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : statement.Sid => toset(flatten([statement.Action]))
      } == {
      StartTask             = toset(["ecs:RunTask"])
      PassRoles             = toset(["iam:PassRole"])
      KeepWhatCouldNotStart = toset(["sqs:SendMessage"])
      UseMessagingKey       = toset(["kms:Decrypt", "kms:GenerateDataKey"])
    }
    error_message = "The schedules may start the task and pass its roles."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : alltrue([
        flatten([statement.Resource]) == ["arn:aws:ecs:us-east-1:123456789012:task-definition/clickstream-dev-compaction:*"],
        statement.Condition.ArnEquals["ecs:cluster"] == aws_ecs_cluster.this[0].arn,
      ]) if statement.Sid == "StartTask"
    ])
    error_message = "It is this family in this cluster."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : alltrue([
        toset(statement.Resource) == toset([aws_iam_role.this.arn, aws_iam_role.execution[0].arn]),
        statement.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com",
      ]) if statement.Sid == "PassRoles"
    ])
    error_message = "It passes these two roles, to tasks."
  }

  assert {
    condition     = jsondecode(aws_iam_role.scheduler.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == aws_scheduler_schedule_group.this.arn
    error_message = "Schedules of this group alone have the role."
  }
}

run "the_queue_hears_of_raw_objects" {
  command = apply

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.raw_objects.event_pattern) == {
      source        = ["aws.s3"]
      "detail-type" = ["Object Created"]
      detail        = { bucket = { name = ["raw"] }, object = { key = [{ prefix = module.facts.prefixes.raw }] } }
    }
    error_message = "The rule matches objects below the raw prefix."
  }

  assert {
    condition     = aws_cloudwatch_event_target.raw_objects.arn == aws_sqs_queue.raw_objects.arn && aws_cloudwatch_event_target.raw_objects.rule == aws_cloudwatch_event_rule.raw_objects.name
    error_message = "The rule tells the queue."
  }

  assert {
    condition     = aws_sqs_queue.raw_objects.name == "clickstream-dev-raw-objects" && aws_sqs_queue.raw_objects.message_retention_seconds == 1209600
    error_message = "The queue keeps what it hears for as long as there is."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_sqs_queue_policy.raw_objects.policy).Statement :
      statement.Sid => "${statement.Effect} ${try(statement.Condition.ArnEquals["aws:SourceArn"], statement.Condition.Bool["aws:SecureTransport"])}"
    } == { TlsOnly = "Deny false", Notifications = "Allow ${aws_cloudwatch_event_rule.raw_objects.arn}" }
    error_message = "The rule alone may send, and nobody without TLS."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_sqs_queue_policy.schedules_dead.policy).Statement : statement.Sid]) == toset(["TlsOnly", "Scheduler"])
    error_message = "The schedules' role alone puts into the dead-letter queue, and nobody without TLS."
  }
}

run "failed_runs_are_told" {
  command = apply

  assert {
    condition = alltrue([
      jsondecode(aws_cloudwatch_event_rule.failed_runs.event_pattern).detail.clusterArn == [aws_ecs_cluster.this[0].arn],
      jsondecode(aws_cloudwatch_event_rule.failed_runs.event_pattern).detail.lastStatus == ["STOPPED"],
      strcontains(aws_cloudwatch_event_rule.failed_runs.event_pattern, "{\"exitCode\":[{\"anything-but\":[0]}]}"),
      strcontains(aws_cloudwatch_event_rule.failed_runs.event_pattern, "{\"stopCode\":[\"TaskFailedToStart\"]}"),
    ])
    error_message = "The rule matches tasks of the cluster that ended with another exit code than 0, or did not start."
  }

  assert {
    condition     = aws_cloudwatch_event_target.failed_runs.arn == aws_cloudwatch_log_group.failed_runs.arn && startswith(aws_cloudwatch_log_group.failed_runs.name, "/aws/events/")
    error_message = "The events are kept in a log group."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_cloudwatch_log_resource_policy.failed_runs.policy_document).Statement :
      statement.Condition.ArnEquals["aws:SourceArn"] if statement.Sid == "Write"
    ] == [aws_cloudwatch_event_rule.failed_runs.arn]
    error_message = "The rule alone writes to the log group."
  }
}

run "without_an_image_there_is_a_place_to_push_one_to" {
  variables {
    image    = null
    settings = {}
  }

  assert {
    condition     = length(aws_ecs_task_definition.this) == 0 && length(aws_scheduler_schedule.this) == 0 && aws_ecr_repository.this.name == "clickstream-dev-compaction"
    error_message = "Without an image there are a repository and no schedules."
  }
}

run "schedules_can_rest" {
  variables {
    schedules_enabled = false
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.this : schedule.state == "DISABLED"])
    error_message = "Schedules that are not enabled start nothing."
  }
}

run "glue_runs_the_same_program" {
  command = apply

  variables {
    engine = "glue"
    image  = null
    glue_job = {
      artifacts_bucket = { name = "artifacts", arn = "arn:aws:s3:::artifacts" }
      script_key       = "glue/compaction.py"
      wheels_key       = "glue/wheels.gluewheels.zip"
    }
  }

  assert {
    condition = alltrue([
      aws_glue_job.this[0].glue_version == "5.0",
      aws_glue_job.this[0].role_arn == aws_iam_role.this.arn,
      aws_glue_job.this[0].security_configuration == aws_glue_security_configuration.this[0].name,
      aws_glue_job.this[0].command[0].script_location == "s3://artifacts/glue/compaction.py",
      aws_glue_job.this[0].default_arguments["--additional-python-modules"] == "s3://artifacts/glue/wheels.gluewheels.zip",
      aws_glue_job.this[0].default_arguments["--python-modules-installer-option"] == "--no-index --no-deps",
      aws_glue_job.this[0].default_arguments["--region"] == "us-east-1",
      aws_glue_job.this[0].default_arguments["--CLICKSTREAM_RAW_BUCKET"] == "raw",
      aws_glue_job.this[0].default_arguments["--CLICKSTREAM_STREAM"] == "clickstream-dev",
    ])
    error_message = "The job is the package of the artifacts bucket with the same settings."
  }

  assert {
    condition = alltrue([
      aws_glue_security_configuration.this[0].encryption_configuration[0].s3_encryption[0].kms_key_arn == var.lake_key_arn,
      aws_glue_security_configuration.this[0].encryption_configuration[0].job_bookmarks_encryption[0].kms_key_arn == var.lake_key_arn,
      aws_glue_security_configuration.this[0].encryption_configuration[0].cloudwatch_encryption[0].kms_key_arn == var.logs_key_arn,
    ])
    error_message = "What the job leaves is encrypted."
  }

  assert {
    condition = {
      for key, schedule in aws_scheduler_schedule.this : key => jsondecode(schedule.target[0].input).Arguments["--command"]
    } == { for key, fact in module.facts.schedules : key => jsonencode(fact.command) }
    error_message = "The schedules give the job the same commands."
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.this : schedule.target[0].arn == "arn:aws:scheduler:::aws-sdk:glue:startJobRun" && jsondecode(schedule.target[0].input).JobName == "clickstream-dev-compaction"])
    error_message = "The schedules start the job."
  }

  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : statement.Action])) == toset(["glue:StartJobRun", "kms:Decrypt", "kms:GenerateDataKey", "sqs:SendMessage"])
    error_message = "The schedules may start the job and pass no role."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal.Service == "glue.amazonaws.com"
    error_message = "The role is Glue's."
  }

  assert {
    condition     = length(aws_ecs_cluster.this) + length(aws_ecs_task_definition.this) + length(aws_iam_role.execution) == 0
    error_message = "There is nothing of ECS."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.failed_runs.event_pattern).detail.jobName == ["clickstream-dev-compaction"]
    error_message = "Failed runs of the job are told."
  }
}

run "a_tag_is_no_image" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/clickstream-dev-compaction:latest"
  }

  expect_failures = [var.image]
}

run "settings_that_the_program_asks_for_are_given" {
  command = plan

  variables {
    settings = { CLICKSTREAM_STREAM = "clickstream-dev" }
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "a_setting_is_one_of_the_project" {
  command = plan

  variables {
    settings = { CLICKSTREAM_STREEM = "clickstream-dev" }
  }

  expect_failures = [var.settings]
}

run "memory_goes_with_cpu" {
  command = plan

  variables {
    cpu        = 4096
    memory_mib = 4096
  }

  expect_failures = [var.memory_mib]
}

run "sizes_are_fargates" {
  command = plan

  variables {
    cpu          = 1000
    disk_gib     = 20
    architecture = "arm64"
  }

  # No memory goes with a CPU that there is not, but that is told once, of the CPU.
  expect_failures = [var.cpu, var.disk_gib, var.architecture]
}

run "the_image_may_be_for_arm" {
  variables {
    architecture = "ARM64"
  }

  assert {
    condition     = aws_ecs_task_definition.this[0].runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "The task runs on what the image was built for."
  }
}

run "glue_needs_its_job" {
  command = plan

  variables {
    engine = "glue"
  }

  expect_failures = [var.glue_job]
}

run "glue_knows_a_zip_of_wheels_by_its_name" {
  command = plan

  variables {
    engine = "glue"
    glue_job = {
      artifacts_bucket = { name = "artifacts", arn = "arn:aws:s3:::artifacts" }
      script_key       = "glue/compaction.py"
      wheels_key       = "glue/wheels.zip"
    }
  }

  expect_failures = [var.glue_job]
}

run "values_have_their_forms" {
  command = plan

  variables {
    name                     = "Clickstream"
    lake_key_arn             = "alias/lake"
    permissions_boundary_arn = "boundary"
    log_retention_days       = 42
  }

  expect_failures = [var.name, var.lake_key_arn, var.permissions_boundary_arn, var.log_retention_days]
}

run "buckets_are_reached_from_the_network_alone" {
  command = apply

  variables {
    s3_endpoint_id = "vpce-0123456789abcdef0"
  }

  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid
      if try(statement.Condition.StringEquals["aws:SourceVpce"], "") == "vpce-0123456789abcdef0"
    ]) == toset(["ListBuckets", "ReadRawObjects", "WriteTables", "WriteValidations"])
    error_message = "What the task does with buckets it does through the endpoint."
  }
}
