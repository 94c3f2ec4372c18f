locals {
  # MSK takes two or three.
  kafka_subnets = slice(var.subnet_ids, 0, min(3, length(var.subnet_ids)))
}

resource "aws_cloudwatch_log_group" "kafka" {
  count             = var.kafka.enabled ? 1 : 0
  name              = "/aws/msk/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_msk_configuration" "kafka" {
  count          = var.kafka.enabled ? 1 : 0
  name           = var.name
  kafka_versions = [var.kafka.version]
  # meshd makes its topics; a typo in a name makes none.
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
  EOT
}

resource "aws_msk_cluster" "kafka" {
  count                  = var.kafka.enabled ? 1 : 0
  cluster_name           = var.name
  kafka_version          = var.kafka.version
  number_of_broker_nodes = var.kafka.brokers_per_zone * length(local.kafka_subnets)

  broker_node_group_info {
    instance_type   = var.kafka.instance_type
    client_subnets  = local.kafka_subnets
    security_groups = [aws_security_group.store["kafka"].id]
    storage_info {
      ebs_storage_info {
        volume_size = var.kafka.disk_gb
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.kafka[0].arn
    revision = aws_msk_configuration.kafka[0].latest_revision
  }

  client_authentication {
    sasl {
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.kafka[0].name
      }
    }
  }
}

data "aws_iam_policy_document" "kafka_secret" {
  # checkov:skip=CKV_AWS_108: it lets MSK read the one secret that is its own
  count = var.kafka.enabled ? 1 : 0
  statement {
    sid       = "AWSKafkaResourcePolicy"
    actions   = ["secretsmanager:getSecretValue"]
    resources = [aws_secretsmanager_secret.credential["kafka"].arn]
    principals {
      type        = "Service"
      identifiers = ["kafka.amazonaws.com"]
    }
  }
}

resource "aws_secretsmanager_secret_policy" "kafka" {
  count      = var.kafka.enabled ? 1 : 0
  secret_arn = aws_secretsmanager_secret.credential["kafka"].arn
  policy     = data.aws_iam_policy_document.kafka_secret[0].json
}

resource "aws_msk_scram_secret_association" "kafka" {
  count           = var.kafka.enabled ? 1 : 0
  cluster_arn     = aws_msk_cluster.kafka[0].arn
  secret_arn_list = [aws_secretsmanager_secret.credential["kafka"].arn]
  depends_on      = [aws_secretsmanager_secret_version.credential, aws_secretsmanager_secret_policy.kafka]
}
