# Roles that service accounts take on by the cluster's OIDC issuer (IRSA).

resource "aws_iam_openid_connect_provider" "cluster" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  issuer = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
  mesh   = ["user-service", "ai-gateway", "event-publisher", "event-subscriber", "pipelines", "admin", "prepare"]
  addon_policies = {
    vpc-cni            = "AmazonEKS_CNI_Policy"
    aws-ebs-csi-driver = "service-role/AmazonEBSCSIDriverPolicy"
  }
  # Role to service account.
  accounts = merge(
    { for account in local.mesh : account => "${var.namespace}:${account}" },
    {
      vpc-cni            = "kube-system:aws-node"
      aws-ebs-csi-driver = "kube-system:ebs-csi-controller-sa"
    },
  )
}

data "aws_iam_policy_document" "account_trust" {
  for_each = local.accounts
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.cluster.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${each.value}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "account" {
  for_each           = local.accounts
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.account_trust[each.key].json
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each   = local.addon_policies
  role       = aws_iam_role.account[each.key].name
  policy_arn = "${local.policy}/${each.value}"
}
