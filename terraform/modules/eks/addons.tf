locals {
  before_nodes = {
    # The node's agent enforces NetworkPolicies only where this is set.
    vpc-cni    = { role = aws_iam_role.account["vpc-cni"].arn, configuration = jsonencode({ enableNetworkPolicy = "true" }) }
    kube-proxy = { role = null, configuration = null }
  }
  after_nodes = {
    coredns            = { role = null }
    metrics-server     = { role = null }
    aws-ebs-csi-driver = { role = aws_iam_role.account["aws-ebs-csi-driver"].arn }
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each                    = local.before_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = each.value.configuration
  service_account_role_arn    = each.value.role
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "after_nodes" {
  for_each                    = local.after_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  service_account_role_arn    = each.value.role
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.this, aws_iam_role_policy_attachment.addon]
}
