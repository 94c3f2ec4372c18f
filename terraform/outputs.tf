output "cluster_name" {
  description = "Name of the cluster."
  value       = module.eks.name
}

output "region" {
  description = "Region of the stack."
  value       = var.region
}

output "cluster_endpoint" {
  description = "Address of the cluster's API."
  value       = module.eks.endpoint
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = module.eks.arn
}

output "vpc_id" {
  description = "The network."
  value       = module.network.vpc_id
}

output "repository_url" {
  description = "Repository of mesh's images."
  value       = module.registry.repository_url
}

output "namespace" {
  description = "Namespace whose service accounts take on service_account_roles."
  value       = var.namespace
}

output "service_account_roles" {
  description = "Role of each service account: its annotation eks.amazonaws.com/role-arn."
  value       = module.eks.service_account_roles
}

output "kafka" {
  description = "Brokers and the secret with username and password; absent without MSK."
  value       = module.data.kafka
}

output "postgres" {
  description = "Server and the secret with username and password; absent without RDS."
  value       = module.data.postgres
}

output "redis" {
  description = "Server and, with transit encryption, the secret with the token; absent without ElastiCache."
  value       = module.data.redis
}
