resource "aws_db_subnet_group" "postgres" {
  count      = var.postgres.enabled ? 1 : 0
  name       = var.name
  subnet_ids = var.subnet_ids
}

locals {
  postgres_major = split(".", var.postgres.version)[0]
}

resource "aws_db_parameter_group" "postgres" {
  count  = var.postgres.enabled ? 1 : 0
  name   = "${var.name}-postgres${local.postgres_major}"
  family = "postgres${local.postgres_major}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = "log_statement"
    value = "ddl"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  # Another major version is another group, which must stand before the server moves to it.
  lifecycle {
    create_before_destroy = true
  }
}

# RDS would make them itself, to keep for ever.
resource "aws_cloudwatch_log_group" "postgres" {
  for_each          = var.postgres.enabled ? toset(["postgresql", "upgrade"]) : []
  name              = "/aws/rds/instance/${var.name}/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

data "aws_partition" "current" {}

resource "aws_iam_role" "monitoring" {
  count              = var.postgres.enabled ? 1 : 0
  name               = "${var.name}-postgres-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count      = var.postgres.enabled ? 1 : 0
  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "postgres" {
  # checkov:skip=CKV_AWS_161: meshd signs in by password
  # checkov:skip=CKV_AWS_133: postgres.backup_days decides, from 1 to 35
  # checkov:skip=CKV_AWS_157: postgres.multi_az decides; it is on unless turned off
  # checkov:skip=CKV_AWS_293: postgres.deletion_protection decides; it is on unless turned off
  count          = var.postgres.enabled ? 1 : 0
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.postgres.version
  instance_class = var.postgres.instance_class

  db_name  = "mesh"
  username = "mesh"
  password = local.passwords["postgres"]

  allocated_storage     = var.postgres.disk_gb
  max_allocated_storage = var.postgres.max_disk_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = aws_db_subnet_group.postgres[0].name
  vpc_security_group_ids = [aws_security_group.store["postgres"].id]
  publicly_accessible    = false
  multi_az               = var.postgres.multi_az
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  parameter_group_name            = aws_db_parameter_group.postgres[0].name
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring[0].arn
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn

  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = true
  backup_retention_period     = var.postgres.backup_days
  copy_tags_to_snapshot       = true
  deletion_protection         = var.postgres.deletion_protection
  skip_final_snapshot         = !var.postgres.final_snapshot
  # The network's id: a stack of the same name, made again, has another one.
  final_snapshot_identifier = "${var.name}-final-${var.vpc_id}"
  delete_automated_backups  = true

  depends_on = [aws_cloudwatch_log_group.postgres, aws_iam_role_policy_attachment.monitoring]
}
