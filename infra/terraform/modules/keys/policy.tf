locals {
  administrators = length(var.administrator_arns) > 0 ? var.administrator_arns : [local.account_root]
  creators       = length(var.creator_arns) > 0 ? var.creator_arns : local.administrators

  role_arns = {
    for domain in keys(local.domains) : domain => {
      for use in ["encrypt", "decrypt"] : use => [
        for role in distinct(try(var.users[domain][use], [])) : "arn:${local.partition}:iam::${local.account}:role/${role}"
      ]
    }
  }
  via = {
    for domain, its in local.domains : domain => {
      for how in ["via", "creates", "sends"] : how => [for service in its[how] : "${service}.${local.of_region}"]
    }
  }

  deployer_arns = [for role in distinct(var.deployer_role_names) : "arn:${local.partition}:iam::${local.account}:role/${role}"]
  artifacts_arn = "arn:${local.partition}:s3:::${var.name}-artifacts-${local.account}"

  trail_arn = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.name}-audit"

  # Services that use a key on their own behalf, and on whose account's and resource's. Each name is that of a statement.
  services = {
    stream = {}
    messaging = {
      TopicsToQueues = {
        principal  = "sns.amazonaws.com"
        source_arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-*"
      }
      RulesToQueuesAndTopics = {
        principal  = "events.amazonaws.com"
        source_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-*"
      }
      AlarmsToTopics = {
        principal  = "cloudwatch.amazonaws.com"
        source_arn = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*"
      }
      BudgetsToTopics = {
        principal  = "budgets.amazonaws.com"
        source_arn = "arn:${local.partition}:budgets::${local.account}:*"
      }
      # The service names no resource, only the account.
      CostAnomaliesToTopics = { principal = "costalerts.amazonaws.com", source_arn = null }
    }
    lake      = {}
    logs      = {}
    warehouse = {}
  }
}

# In the policy of a key "*" is that key.
data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109:The resource of a key's policy is the key itself
  #checkov:skip=CKV_AWS_111:The resource of a key's policy is the key itself
  #checkov:skip=CKV_AWS_356:The resource of a key's policy is the key itself
  for_each = local.domains

  # Neither Encrypt nor Decrypt nor GenerateDataKey: who administers a key cannot read by it.
  statement {
    sid = "Administer"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:DisableKeyRotation",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListKeyRotations",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:RotateKeyOnDemand",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = local.administrators
    }
  }

  # The principal is the account, so that a role need not exist yet, and needs an allowance of its own besides.
  dynamic "statement" {
    for_each = length(local.role_arns[each.key].encrypt) > 0 ? [local.role_arns[each.key].encrypt] : []

    content {
      sid       = "Encrypt"
      actions   = ["kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.account_root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local.via[each.key].via
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.role_arns[each.key].decrypt) > 0 ? [local.role_arns[each.key].decrypt] : []

    content {
      sid       = "Decrypt"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.account_root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local.via[each.key].via
      }
    }
  }

  # DynamoDB wants more of who writes to a table: it encrypts the table's own key anew.
  dynamic "statement" {
    for_each = each.key == "lake" && length(local.role_arns[each.key].encrypt) > 0 ? [local.role_arns[each.key].encrypt] : []

    content {
      sid       = "EncryptTables"
      actions   = ["kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.account_root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${local.of_region}"]
      }
    }
  }

  # With a bucket key the context is the bucket, without one the object.
  dynamic "statement" {
    for_each = each.key == "lake" && length(local.deployer_arns) > 0 ? [local.deployer_arns] : []

    content {
      sid       = "Packages"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.account_root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local.of_region}"]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = [local.artifacts_arn, "${local.artifacts_arn}/*"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.domains[each.key].creates) > 0 ? [1] : []

    content {
      sid       = "GrantToServices"
      actions   = ["kms:CreateGrant"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = local.creators
      }

      condition {
        test     = "Bool"
        variable = "kms:GrantIsForAWSResource"
        values   = ["true"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local.via[each.key].creates
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.domains[each.key].creates) + length(local.domains[each.key].sends) > 0 ? [1] : []

    content {
      sid = "CreateEncrypted"
      actions = [
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        # What was granted is taken back when the resource is deleted.
        "kms:RetireGrant",
      ]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = local.creators
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = concat(local.via[each.key].creates, local.via[each.key].sends)
      }
    }
  }

  # DynamoDB creates no table by a key that its creator cannot decrypt by. Only for the tables of this name, which hold
  # digests of events, and never by way of a bucket.
  dynamic "statement" {
    for_each = each.key == "lake" ? [1] : []

    content {
      sid       = "CreateTables"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = local.creators
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${local.of_region}"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:dynamodb:subscriberId"
        values   = [local.account]
      }

      condition {
        test     = "StringLike"
        variable = "kms:EncryptionContext:aws:dynamodb:tableName"
        values   = ["${var.name}-*"]
      }
    }
  }

  # Secrets Manager tries a key by encrypting and decrypting. Only for the secret that Redshift manages.
  dynamic "statement" {
    for_each = each.key == "warehouse" ? [1] : []

    content {
      sid       = "CreateSecret"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = local.creators
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.of_region}"]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:SecretARN"
        values   = ["arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:redshift!${var.name}*"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.services[each.key]

    content {
      sid       = statement.key
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = [statement.value.principal]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }

      dynamic "condition" {
        for_each = statement.value.source_arn == null ? [] : [statement.value.source_arn]

        content {
          test     = "ArnLike"
          variable = "aws:SourceArn"
          values   = [condition.value]
        }
      }
    }
  }

  # CloudWatch encrypts and decrypts for whoever writes and reads a log group, who needs nothing of the key.
  dynamic "statement" {
    for_each = each.key == "logs" ? [1] : []

    content {
      sid = "LogGroups"
      actions = [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["logs.${local.of_region}"]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*${var.name}*"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? [1] : []

    content {
      sid       = "Trail"
      actions   = ["kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [local.trail_arn]
      }

      condition {
        test     = "ArnEquals"
        variable = "kms:EncryptionContext:aws:cloudtrail:arn"
        values   = [local.trail_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? [1] : []

    content {
      sid       = "TrailLooksAtKey"
      actions   = ["kms:DescribeKey"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [local.trail_arn]
      }
    }
  }
}
