# Who may connect, and with which credentials.

locals {
  ports = merge(
    var.kafka.enabled ? { kafka = 9096 } : {},
    var.postgres.enabled ? { postgres = 5432 } : {},
    var.redis.enabled ? { redis = 6379 } : {},
  )
  # Of each secret: its name and the user. MSK takes only names that begin with AmazonMSK_.
  credentials = merge(
    var.kafka.enabled ? { kafka = { secret = "AmazonMSK_${var.name}", username = "mesh" } } : {},
    var.postgres.enabled ? { postgres = { secret = "${var.name}/postgres", username = "mesh" } } : {},
    var.redis.enabled && var.redis.transit_encryption ? { redis = { secret = "${var.name}/redis", username = "default" } } : {},
  )
}

resource "aws_security_group" "store" {
  # checkov:skip=CKV2_AWS_5: each is attached to the store of its name
  for_each    = local.ports
  name        = "${var.name}-${each.key}"
  description = "${each.key} of ${var.name}: from its nodes, to nowhere"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  for_each                     = local.ports
  security_group_id            = aws_security_group.store[each.key].id
  description                  = "nodes of ${var.name}"
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

data "aws_secretsmanager_random_password" "new" {
  for_each            = local.credentials
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "credential" {
  # checkov:skip=CKV2_AWS_57: meshd reads a password at its start, so it changes when the operator says so
  for_each    = local.credentials
  name        = each.value.secret
  description = "What the mesh signs in to ${each.key} with"
  kms_key_id  = var.kms_key_arn
  # Without its store a password is worth nothing, and its name would be taken for the next stack.
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "credential" {
  for_each  = local.credentials
  secret_id = aws_secretsmanager_secret.credential[each.key].id
  secret_string = jsonencode({
    username = each.value.username
    password = data.aws_secretsmanager_random_password.new[each.key].random_password
  })

  # The data source gives another one each time; the first stays until this resource is replaced.
  lifecycle {
    ignore_changes = [secret_string]
  }
}

locals {
  passwords = { for store, version in aws_secretsmanager_secret_version.credential : store => jsondecode(version.secret_string).password }
}
