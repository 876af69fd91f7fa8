resource "aws_ecs_cluster" "this" {
  count = local.is_fargate ? 1 : 0
  name  = local.family

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  # ECS would make this group by itself, with no key of ours.
  depends_on = [aws_cloudwatch_log_group.insights]
}

resource "aws_cloudwatch_log_group" "insights" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is said by the environment, and less than a year is enough for logs of runs
  count             = local.is_fargate ? 1 : 0
  name              = "/aws/ecs/containerinsights/${local.family}/performance"
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_task_definition" "this" {
  count                    = local.has_task ? 1 : 0
  family                   = local.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory_mib)
  execution_role_arn       = aws_iam_role.execution[0].arn
  task_role_arn            = aws_iam_role.this.arn
  # A schedule that still names the revision before must find it.
  skip_destroy = true

  ephemeral_storage {
    size_in_gib = var.disk_gib
  }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = coalesce(var.architecture, module.facts.runtimes.architectures.compaction)
  }

  # A volume with nothing but a name is a folder on the task's own disk, which Fargate encrypts and takes away with the task.
  volume {
    name = "scratch"
  }

  container_definitions = jsonencode([{
    name                   = local.container
    image                  = var.image
    essential              = true
    entryPoint             = module.facts.handlers.compaction_entry_point
    command                = module.facts.schedules.compact.command
    readonlyRootFilesystem = true
    # A run that is stopped may be in the middle of a commit; it gets the longest that Fargate gives.
    stopTimeout = 120
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }
    mountPoints = [{ sourceVolume = "scratch", containerPath = local.scratch, readOnly = false }]
    environment = [
      for variable, value in merge(local.environment, {
        TMPDIR = local.scratch
        # boto3 reads the second, other SDKs the first.
        AWS_REGION         = local.region
        AWS_DEFAULT_REGION = local.region
      }) : { name = variable, value = value }
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "run"
        # A log that cannot be written must not stop a run.
        mode              = "non-blocking"
        "max-buffer-size" = "16m"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = length(local.missing_settings) == 0
      error_message = "settings lacks ${join(", ", local.missing_settings)}: the program does not start without."
    }
  }
}
