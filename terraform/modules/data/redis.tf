resource "aws_elasticache_subnet_group" "redis" {
  count      = var.redis.enabled ? 1 : 0
  name       = "${var.name}-redis"
  subnet_ids = var.subnet_ids
}

resource "aws_elasticache_replication_group" "redis" {
  # checkov:skip=CKV_AWS_30: redis.transit_encryption decides, which is true unless it is turned off
  # checkov:skip=CKV_AWS_31: the same; a token needs TLS
  count                      = var.redis.enabled ? 1 : 0
  replication_group_id       = "${var.name}-redis"
  description                = "Rate limits and cached counts of ${var.name}"
  engine                     = "redis"
  engine_version             = var.redis.version
  node_type                  = var.redis.node_type
  num_cache_clusters         = var.redis.nodes
  port                       = 6379
  subnet_group_name          = aws_elasticache_subnet_group.redis[0].name
  security_group_ids         = [aws_security_group.store["redis"].id]
  multi_az_enabled           = true
  automatic_failover_enabled = true
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = var.redis.transit_encryption
  auth_token                 = var.redis.transit_encryption ? local.passwords["redis"] : null
  auto_minor_version_upgrade = true
}
