output "name" {
  description = "Name of the cluster, once it has nodes and add-ons."
  value       = aws_eks_cluster.this.name
  depends_on  = [aws_eks_addon.after_nodes]
}

output "endpoint" {
  description = "Address of the API."
  value       = aws_eks_cluster.this.endpoint
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "node_security_group_id" {
  description = "The group that EKS makes for the cluster; nodes and pods are in it."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "service_account_roles" {
  description = "Role of each service account of the mesh."
  value       = { for account in local.mesh : account => aws_iam_role.account[account].arn }
}

output "service_accounts" {
  description = "Service accounts of the mesh."
  value       = local.mesh
}
