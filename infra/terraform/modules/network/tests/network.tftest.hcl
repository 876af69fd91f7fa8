variables {
  name         = "clickstream-test"
  logs_key_arn = "arn:aws:kms:us-east-1:123456789012:key/10650000-0000-4000-8000-000000000002"
}

run "subnets_are_private" {
  command = apply

  assert {
    condition     = aws_vpc.this.cidr_block == "10.40.0.0/16" && aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames
    error_message = "The network resolves the names of its endpoints."
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.40.0.0/20", "10.40.16.0/20", "10.40.32.0/20"]
    error_message = "Subnets do not overlap."
  }

  assert {
    condition     = aws_subnet.private[*].availability_zone == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "There is a subnet in each zone."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch && subnet.vpc_id == output.vpc_id])
    error_message = "Nothing gets a public address."
  }

  assert {
    condition = length(aws_route_table_association.private) == 3 && alltrue([
      for i, association in aws_route_table_association.private :
      association.subnet_id == output.private_subnet_ids[i] && association.route_table_id == aws_route_table.private.id
    ])
    error_message = "Each subnet uses the table without a way out."
  }

  assert {
    condition     = length(aws_route_table.private.route) == 0 && length(aws_default_route_table.this.route) == 0
    error_message = "There is no route but those of the endpoints."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group lets nothing in or out."
  }
}

run "services_are_reached_by_endpoints" {
  command = apply

  assert {
    condition = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.service_name } == {
      athena     = "com.amazonaws.us-east-1.athena"
      ecr_api    = "com.amazonaws.us-east-1.ecr.api"
      ecr_dkr    = "com.amazonaws.us-east-1.ecr.dkr"
      firehose   = "com.amazonaws.us-east-1.kinesis-firehose"
      glue       = "com.amazonaws.us-east-1.glue"
      kinesis    = "com.amazonaws.us-east-1.kinesis-streams"
      kms        = "com.amazonaws.us-east-1.kms"
      logs       = "com.amazonaws.us-east-1.logs"
      monitoring = "com.amazonaws.us-east-1.monitoring"
      sns        = "com.amazonaws.us-east-1.sns"
      sqs        = "com.amazonaws.us-east-1.sqs"
      sts        = "com.amazonaws.us-east-1.sts"
    }
    error_message = "Each service that the pipeline calls has its endpoint."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.interface :
      endpoint.vpc_endpoint_type == "Interface" && endpoint.private_dns_enabled && endpoint.vpc_id == output.vpc_id &&
      endpoint.security_group_ids == toset([output.endpoint_security_group_id]) &&
      endpoint.subnet_ids == toset(output.private_subnet_ids)
    ])
    error_message = "Endpoints are in every zone, under the services' usual names, behind their security group."
  }

  assert {
    condition = { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.service_name } == {
      dynamodb = "com.amazonaws.us-east-1.dynamodb"
      s3       = "com.amazonaws.us-east-1.s3"
    }
    error_message = "S3 and DynamoDB have gateways."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.gateway :
      endpoint.vpc_endpoint_type == "Gateway" && endpoint.route_table_ids == toset([aws_route_table.private.id]) && endpoint.vpc_id == output.vpc_id
    ])
    error_message = "Gateways are routes of the subnets' table."
  }

  assert {
    condition     = output.s3_endpoint_id == output.endpoint_ids["s3"] && output.dynamodb_endpoint_id == output.endpoint_ids["dynamodb"] && length(output.endpoint_ids) == 14
    error_message = "Every endpoint's id is given."
  }

  assert {
    condition     = output.s3_endpoint_id == aws_vpc_endpoint.gateway["s3"].id && output.dynamodb_endpoint_id == aws_vpc_endpoint.gateway["dynamodb"].id
    error_message = "The gateways' ids are those of the gateways."
  }
}

run "endpoints_serve_this_account_alone" {
  command = apply

  assert {
    condition = alltrue([
      for endpoint in concat(values(aws_vpc_endpoint.interface), values(aws_vpc_endpoint.gateway)) : alltrue([
        for statement in jsondecode(endpoint.policy).Statement : statement.Condition == {
          StringEquals = { "aws:PrincipalAccount" = "123456789012", "aws:ResourceAccount" = "123456789012" }
        } if statement.Sid != "LayersOfImages"
      ])
    ])
    error_message = "Callers and what they call are of this account."
  }

  assert {
    condition = alltrue([
      for endpoint in concat(values(aws_vpc_endpoint.interface), values(aws_vpc_endpoint.gateway)) : alltrue([
        for action in flatten([for statement in jsondecode(endpoint.policy).Statement : statement.Action]) : !strcontains(action, "*")
      ])
    ])
    error_message = "Only named calls go through an endpoint."
  }

  assert {
    condition = {
      for service, endpoint in aws_vpc_endpoint.interface :
      service => one(distinct([for action in flatten([jsondecode(endpoint.policy).Statement[0].Action]) : split(":", action)[0]]))
      } == {
      athena     = "athena"
      ecr_api    = "ecr"
      ecr_dkr    = "ecr"
      firehose   = "firehose"
      glue       = "glue"
      kinesis    = "kinesis"
      kms        = "kms"
      logs       = "logs"
      monitoring = "cloudwatch"
      sns        = "sns"
      sqs        = "sqs"
      sts        = "sts"
    }
    error_message = "Each endpoint's policy is of its service."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : statement.Sid => flatten([statement.Resource])
      } == {
      OwnResources = [
        "arn:aws:s3:::clickstream-test-*-123456789012",
        "arn:aws:s3:::clickstream-test-*-123456789012/*",
      ]
      LayersOfImages = ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]
    }
    error_message = "S3 is reached for the buckets of this deployment and for the layers of images."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : statement.Action if statement.Sid == "LayersOfImages"
    ] == ["s3:GetObject"]
    error_message = "The layers of images are only read."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_vpc_endpoint.gateway["dynamodb"].policy).Statement : statement.Resource
    ] == ["arn:aws:dynamodb:us-east-1:123456789012:table/clickstream-test-*"]
    error_message = "DynamoDB is reached for the tables of this deployment."
  }
}

run "security_groups_open_one_way" {
  command = apply

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.endpoint.security_group_id == output.endpoint_security_group_id &&
      aws_vpc_security_group_ingress_rule.endpoint.referenced_security_group_id == output.task_security_group_id &&
      aws_vpc_security_group_ingress_rule.endpoint.from_port == 443 && aws_vpc_security_group_ingress_rule.endpoint.to_port == 443 &&
      aws_vpc_security_group_ingress_rule.endpoint.ip_protocol == "tcp"
    )
    error_message = "Endpoints are called by tasks, over TLS."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.interface.security_group_id == output.task_security_group_id &&
      aws_vpc_security_group_egress_rule.interface.referenced_security_group_id == output.endpoint_security_group_id &&
      aws_vpc_security_group_egress_rule.interface.from_port == 443 && aws_vpc_security_group_egress_rule.interface.to_port == 443
    )
    error_message = "Tasks call endpoints, over TLS."
  }

  assert {
    condition = toset(keys(aws_vpc_security_group_egress_rule.gateway)) == toset(["s3", "dynamodb"]) && alltrue([
      for service, rule in aws_vpc_security_group_egress_rule.gateway :
      rule.security_group_id == output.task_security_group_id && rule.prefix_list_id == aws_vpc_endpoint.gateway[service].prefix_list_id &&
      rule.from_port == 443 && rule.to_port == 443 && rule.cidr_ipv4 == null
    ])
    error_message = "Tasks call S3 and DynamoDB, and no other address."
  }

  assert {
    condition     = output.task_security_group_id == aws_security_group.task.id && aws_security_group.task.id != aws_security_group.endpoint.id
    error_message = "Tasks and endpoints have groups of their own."
  }

  assert {
    condition     = aws_security_group.task.name == "clickstream-test-task" && aws_security_group.endpoint.name == "clickstream-test-endpoint"
    error_message = "The groups are named."
  }
}

run "connections_are_logged" {
  command = apply

  assert {
    condition = (
      aws_cloudwatch_log_group.flow.kms_key_id == var.logs_key_arn && aws_cloudwatch_log_group.flow.retention_in_days == 30 &&
      output.flow_log_group_name == "/aws/vpc/clickstream-test-flow"
    )
    error_message = "The flow log is encrypted by the logs' key and kept for its days."
  }

  assert {
    condition = (
      aws_flow_log.this.vpc_id == output.vpc_id && aws_flow_log.this.traffic_type == "ALL" &&
      aws_flow_log.this.log_destination == aws_cloudwatch_log_group.flow.arn && aws_flow_log.this.iam_role_arn == aws_iam_role.flow.arn
    )
    error_message = "All connections of the network are logged into the group, by the role."
  }

  assert {
    condition     = aws_iam_role.flow.name == "clickstream-test-flow-logs" && aws_iam_role.flow.permissions_boundary == null
    error_message = "The role is named."
  }

  assert {
    condition = jsondecode(aws_iam_role.flow.assume_role_policy).Statement == [{
      Sid       = "FlowLogs"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*" }
      }
    }]
    error_message = "The service takes the role for flow logs of this account alone."
  }

  assert {
    condition = aws_iam_role_policy.flow.role == aws_iam_role.flow.id && jsondecode(aws_iam_role_policy.flow.policy).Statement == [
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [aws_cloudwatch_log_group.flow.arn, "${aws_cloudwatch_log_group.flow.arn}:*"]
      },
      {
        Sid      = "FindGroup"
        Effect   = "Allow"
        Action   = "logs:DescribeLogGroups"
        Resource = "*"
      },
    ]
    error_message = "The role writes into this log group and nowhere else."
  }
}

run "settings_are_used" {
  command = apply

  variables {
    cidr                     = "192.168.64.0/20"
    availability_zones       = 2
    endpoint_zones           = 1
    interface_endpoints      = ["sqs", "secretsmanager"]
    flow_log_traffic         = "REJECT"
    log_retention_days       = 90
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/clickstream-test-boundary"
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["192.168.64.0/24", "192.168.65.0/24"]
    error_message = "Subnets are parts of the range given."
  }

  assert {
    condition = toset(keys(aws_vpc_endpoint.interface)) == toset(["sqs", "secretsmanager"]) && alltrue([
      for endpoint in aws_vpc_endpoint.interface : endpoint.subnet_ids == toset([aws_subnet.private[0].id])
    ])
    error_message = "The endpoints asked for are in as many zones as asked for."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "REJECT" && aws_cloudwatch_log_group.flow.retention_in_days == 90
    error_message = "The flow log is as asked for."
  }

  assert {
    condition     = aws_iam_role.flow.permissions_boundary == "arn:aws:iam::123456789012:policy/clickstream-test-boundary"
    error_message = "The role is bounded."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                     = "-"
    cidr                     = "8.8.0.0/16"
    availability_zones       = 1
    interface_endpoints      = ["ec2"]
    flow_log_traffic         = "all"
    logs_key_arn             = "alias/logs"
    log_retention_days       = 31
    permissions_boundary_arn = "boundary"
  }

  expect_failures = [
    var.name, var.cidr, var.availability_zones, var.interface_endpoints, var.flow_log_traffic, var.logs_key_arn,
    var.log_retention_days, var.permissions_boundary_arn,
  ]
}

run "more_endpoint_zones_than_zones_are_refused" {
  command = plan

  variables {
    endpoint_zones = 4
  }

  expect_failures = [var.endpoint_zones]
}
