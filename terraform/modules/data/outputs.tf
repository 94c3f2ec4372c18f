output "kafka" {
  description = "Null where it is off."
  value = var.kafka.enabled ? {
    bootstrap_brokers = aws_msk_cluster.kafka[0].bootstrap_brokers_sasl_scram
    security          = "sasl_ssl"
    sasl              = "SCRAM-SHA-512"
    secret_arn        = aws_secretsmanager_secret.credential["kafka"].arn
  } : null
  depends_on = [aws_msk_scram_secret_association.kafka]
}

output "postgres" {
  description = "Null where it is off."
  value = var.postgres.enabled ? {
    host       = aws_db_instance.postgres[0].address
    port       = aws_db_instance.postgres[0].port
    database   = aws_db_instance.postgres[0].db_name
    username   = local.credentials["postgres"].username
    secret_arn = aws_secretsmanager_secret.credential["postgres"].arn
  } : null
}

output "redis" {
  description = "Null where it is off."
  value = var.redis.enabled ? {
    host       = aws_elasticache_replication_group.redis[0].primary_endpoint_address
    port       = aws_elasticache_replication_group.redis[0].port
    tls        = var.redis.transit_encryption
    secret_arn = var.redis.transit_encryption ? aws_secretsmanager_secret.credential["redis"].arn : null
  } : null
}

output "secret_arns" {
  description = "Secret of each store that has one."
  value       = { for store, secret in aws_secretsmanager_secret.credential : store => secret.arn }
}

output "credentials" {
  description = "Stores with a secret, known before it is made."
  value       = keys(local.credentials)
}
