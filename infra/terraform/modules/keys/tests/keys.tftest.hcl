variables {
  name = "clickstream-test"
  users = {
    stream    = { encrypt = ["clickstream-test-producer"], decrypt = ["clickstream-test-firehose", "clickstream-test-alert-job"] }
    lake      = { encrypt = ["clickstream-test-dropped-files"], decrypt = ["clickstream-test-analyst"] }
    messaging = { decrypt = ["clickstream-test-operator"] }
  }
}

run "keys_rotate_and_are_named" {
  command = apply

  assert {
    condition     = toset(keys(output.arns)) == toset(["stream", "messaging", "lake", "logs", "warehouse"])
    error_message = "Each domain has a key of its own."
  }

  assert {
    condition     = length(distinct(values(output.arns))) == 5 && alltrue([for domain, arn in output.arns : arn == aws_kms_key.this[domain].arn])
    error_message = "Each domain is given the ARN of its own key."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this :
      key.enable_key_rotation && key.rotation_period_in_days == 365 && key.deletion_window_in_days == 30
    ])
    error_message = "Keys rotate each year, and a deletion can be taken back for 30 days."
  }

  assert {
    condition     = output.aliases["lake"] == "alias/clickstream-test-lake"
    error_message = "An alias says whose key it is."
  }

  assert {
    condition     = alltrue([for domain, alias in aws_kms_alias.this : alias.target_key_id == aws_kms_key.this[domain].arn])
    error_message = "An alias points at the key of its domain."
  }
}

run "nobody_reads_who_is_not_named" {
  command = apply

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : alltrue([
        for statement in jsondecode(key.policy).Statement :
        statement.Effect == "Allow" && statement.Principal != "*" && alltrue([
          for action in flatten([statement.Action]) : startswith(action, "kms:") && !strcontains(action, "*")
        ])
      ])
    ])
    error_message = "Each statement allows named principals named actions."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : alltrue([
        for statement in jsondecode(key.policy).Statement : length(setintersection(
          flatten([statement.Action]),
          ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant"]
        )) == 0 if statement.Sid == "Administer"
      ])
    ])
    error_message = "Administration is no use of the key, and no way to give it to others by a grant."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : alltrue([
        for statement in jsondecode(key.policy).Statement : (
          can(statement.Condition.ArnEquals["aws:PrincipalArn"]) ||
          contains(["Administer", "GrantToServices", "CreateEncrypted", "CreateTables", "CreateSecret"], statement.Sid)
        ) if can(statement.Principal.AWS)
      ])
    ])
    error_message = "The account is allowed a use only on behalf of the roles named, or to create what is encrypted."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : alltrue([
        for statement in jsondecode(key.policy).Statement :
        can(statement.Condition.StringEquals["kms:ViaService"]) if can(statement.Principal.AWS) && statement.Sid != "Administer"
      ])
    ])
    error_message = "No principal of the account uses a key but through a service."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : alltrue([
        for statement in jsondecode(key.policy).Statement : statement.Principal.AWS == "arn:aws:iam::123456789012:root"
        if can(statement.Principal.AWS)
      ])
    ])
    error_message = "Without other names the account itself administers and creates."
  }
}

run "roles_use_the_key_of_their_domain" {
  command = apply

  assert {
    condition = {
      for domain, key in aws_kms_key.this : domain => {
        for statement in jsondecode(key.policy).Statement : statement.Sid => {
          action    = statement.Action
          condition = statement.Condition
        } if can(statement.Condition.ArnEquals["aws:PrincipalArn"])
      }
      } == {
      stream = {
        Encrypt = {
          action = "kms:GenerateDataKey"
          condition = {
            ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/clickstream-test-producer" }
            StringEquals = { "kms:ViaService" = "kinesis.us-east-1.amazonaws.com" }
          }
        }
        Decrypt = {
          action = "kms:Decrypt"
          condition = {
            ArnEquals = {
              "aws:PrincipalArn" = [
                "arn:aws:iam::123456789012:role/clickstream-test-firehose",
                "arn:aws:iam::123456789012:role/clickstream-test-alert-job",
              ]
            }
            StringEquals = { "kms:ViaService" = "kinesis.us-east-1.amazonaws.com" }
          }
        }
      }
      messaging = {
        Decrypt = {
          action = "kms:Decrypt"
          condition = {
            ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/clickstream-test-operator" }
            StringEquals = { "kms:ViaService" = ["sns.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com", "scheduler.us-east-1.amazonaws.com"] }
          }
        }
      }
      lake = {
        Encrypt = {
          action = "kms:GenerateDataKey"
          condition = {
            ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/clickstream-test-dropped-files" }
            StringEquals = { "kms:ViaService" = ["s3.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com", "glue.us-east-1.amazonaws.com"] }
          }
        }
        EncryptTables = {
          action = ["kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
          condition = {
            ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/clickstream-test-dropped-files" }
            StringEquals = { "kms:ViaService" = "dynamodb.us-east-1.amazonaws.com" }
          }
        }
        Decrypt = {
          action = "kms:Decrypt"
          condition = {
            ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/clickstream-test-analyst" }
            StringEquals = { "kms:ViaService" = ["s3.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com", "glue.us-east-1.amazonaws.com"] }
          }
        }
      }
      logs      = {}
      warehouse = {}
    }
    error_message = "A role encrypts or decrypts as it is named, in its domain, through the domain's services; nobody is named by default."
  }
}

run "creators_let_services_in_and_read_nothing_else" {
  command = apply

  assert {
    condition = {
      for domain, key in aws_kms_key.this : domain => {
        for statement in jsondecode(key.policy).Statement : statement.Sid => statement.Condition
        if can(statement.Principal.AWS) && contains(flatten([statement.Action]), "kms:Decrypt") && statement.Sid != "Decrypt"
      }
      } == {
      stream    = {}
      messaging = {}
      lake = {
        CreateTables = {
          StringEquals = {
            "kms:ViaService"                                  = "dynamodb.us-east-1.amazonaws.com"
            "kms:EncryptionContext:aws:dynamodb:subscriberId" = "123456789012"
          }
          StringLike = { "kms:EncryptionContext:aws:dynamodb:tableName" = "clickstream-test-*" }
        }
      }
      logs = {}
      warehouse = {
        CreateSecret = {
          StringEquals = { "kms:ViaService" = "secretsmanager.us-east-1.amazonaws.com" }
          ArnLike      = { "kms:EncryptionContext:SecretARN" = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!clickstream-test*" }
        }
      }
    }
    error_message = "Who creates decrypts nothing but tables of this name and the warehouse's secret."
  }

  assert {
    condition = {
      for domain, key in aws_kms_key.this : domain => [
        for statement in jsondecode(key.policy).Statement : statement.Condition if contains(flatten([statement.Action]), "kms:CreateGrant")
      ]
      } == {
      stream = [{
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
        StringEquals = { "kms:ViaService" = "kinesis.us-east-1.amazonaws.com" }
      }]
      messaging = []
      lake = [{
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
        StringEquals = { "kms:ViaService" = ["dynamodb.us-east-1.amazonaws.com", "ecr.us-east-1.amazonaws.com", "lambda.us-east-1.amazonaws.com"] }
      }]
      logs = []
      warehouse = [{
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
        StringEquals = { "kms:ViaService" = ["redshift.us-east-1.amazonaws.com", "redshift-serverless.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"] }
      }]
    }
    error_message = "Grants go to services alone."
  }

  assert {
    condition = {
      for domain, key in aws_kms_key.this : domain => [
        for statement in jsondecode(key.policy).Statement : { action = statement.Action, via = statement.Condition.StringEquals["kms:ViaService"] }
        if statement.Sid == "CreateEncrypted"
      ]
      } == {
      stream = [{
        action = ["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RetireGrant"]
        via    = "kinesis.us-east-1.amazonaws.com"
      }]
      messaging = [{
        action = ["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RetireGrant"]
        via    = "scheduler.us-east-1.amazonaws.com"
      }]
      lake = [{
        action = ["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RetireGrant"]
        via    = ["dynamodb.us-east-1.amazonaws.com", "ecr.us-east-1.amazonaws.com", "lambda.us-east-1.amazonaws.com"]
      }]
      logs = []
      warehouse = [{
        action = ["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RetireGrant"]
        via    = ["redshift.us-east-1.amazonaws.com", "redshift-serverless.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"]
      }]
    }
    error_message = "Who creates something encrypted does so through the service that it is created in, and never through S3."
  }
}

run "services_are_bound_to_the_account_and_the_name" {
  command = apply

  assert {
    condition = {
      for domain, key in aws_kms_key.this : domain => {
        for statement in jsondecode(key.policy).Statement : statement.Principal.Service => statement.Condition...
        if can(statement.Principal.Service)
      }
      } == {
      stream = {}
      messaging = {
        "sns.amazonaws.com" = [{
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:sns:us-east-1:123456789012:clickstream-test-*" }
        }]
        "events.amazonaws.com" = [{
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:events:us-east-1:123456789012:rule/clickstream-test-*" }
        }]
        "cloudwatch.amazonaws.com" = [{
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:clickstream-test-*" }
        }]
        "budgets.amazonaws.com" = [{
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:budgets::123456789012:*" }
        }]
        "costalerts.amazonaws.com" = [{ StringEquals = { "aws:SourceAccount" = "123456789012" } }]
      }
      lake = {}
      logs = {
        "logs.us-east-1.amazonaws.com" = [{
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:us-east-1:123456789012:log-group:*clickstream-test*" }
        }]
        "cloudtrail.amazonaws.com" = [
          {
            ArnEquals = {
              "aws:SourceArn"                            = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit"
              "kms:EncryptionContext:aws:cloudtrail:arn" = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit"
            }
          },
          { ArnEquals = { "aws:SourceArn" = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit" } },
        ]
      }
      warehouse = {}
    }
    error_message = "Services use a key for this account and this deployment alone."
  }

  assert {
    condition = {
      for statement in concat([for key in aws_kms_key.this : jsondecode(key.policy).Statement]...) : statement.Sid => statement.Action
      if can(statement.Principal.Service) && statement.Sid != "LogGroups"
      } == {
      TopicsToQueues         = ["kms:Decrypt", "kms:GenerateDataKey"]
      RulesToQueuesAndTopics = ["kms:Decrypt", "kms:GenerateDataKey"]
      AlarmsToTopics         = ["kms:Decrypt", "kms:GenerateDataKey"]
      BudgetsToTopics        = ["kms:Decrypt", "kms:GenerateDataKey"]
      CostAnomaliesToTopics  = ["kms:Decrypt", "kms:GenerateDataKey"]
      Trail                  = "kms:GenerateDataKey"
      TrailLooksAtKey        = "kms:DescribeKey"
    }
    error_message = "What sends to queues and topics encrypts and decrypts their keys; CloudTrail writes and cannot read."
  }
}

run "names_of_administrators_and_creators_are_used" {
  command = apply

  variables {
    administrator_arns   = ["arn:aws:iam::123456789012:role/security"]
    creator_arns         = ["arn:aws:iam::123456789012:role/terraform"]
    deletion_window_days = 7
    rotation_period_days = 90
  }

  assert {
    condition = {
      for statement in jsondecode(aws_kms_key.this["warehouse"].policy).Statement : statement.Sid => statement.Principal.AWS
      } == {
      Administer      = "arn:aws:iam::123456789012:role/security"
      GrantToServices = "arn:aws:iam::123456789012:role/terraform"
      CreateEncrypted = "arn:aws:iam::123456789012:role/terraform"
      CreateSecret    = "arn:aws:iam::123456789012:role/terraform"
    }
    error_message = "Administration and creation are of the principals named."
  }

  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.deletion_window_in_days == 7 && key.rotation_period_in_days == 90])
    error_message = "The days are those given."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                 = "x"
    users                = { stream = { encrypt = ["arn:aws:iam::123456789012:role/producer"] } }
    administrator_arns   = ["security"]
    creator_arns         = ["*"]
    deletion_window_days = 6
    rotation_period_days = 30
  }

  expect_failures = [
    var.name, var.users, var.administrator_arns, var.creator_arns, var.deletion_window_days, var.rotation_period_days,
  ]
}

run "an_unknown_domain_is_refused" {
  command = plan

  variables {
    users = { streams = {} }
  }

  expect_failures = [var.users]
}

run "deployers_read_and_write_packages_and_nothing_else" {
  command = apply

  variables {
    deployer_role_names = ["aws-reserved/sso.amazonaws.com/Deployer"]
  }

  assert {
    condition = jsonencode([for statement in jsondecode(aws_kms_key.this["lake"].policy).Statement : [sort(statement.Action), statement.Condition] if statement.Sid == "Packages"]) == jsonencode([[
      ["kms:Decrypt", "kms:GenerateDataKey"],
      {
        ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Deployer" }
        ArnLike = { "kms:EncryptionContext:aws:s3:arn" = [
          "arn:aws:s3:::clickstream-test-artifacts-123456789012", "arn:aws:s3:::clickstream-test-artifacts-123456789012/*",
        ] }
        StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
      },
    ]])
    error_message = "A deployer is let into the bucket of artifacts."
  }
}

run "a_deployer_is_named_and_not_given_as_an_arn" {
  command = plan

  variables {
    deployer_role_names = ["arn:aws:iam::123456789012:role/deployer"]
  }

  expect_failures = [var.deployer_role_names]
}
