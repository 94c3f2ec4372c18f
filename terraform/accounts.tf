# What the mesh's service accounts may do in AWS: read the credentials of the stores, with a secrets
# driver in the cluster that acts as the pod. meshd itself asks AWS for nothing.

locals {
  reads = {
    for account in module.eks.service_accounts : account => [
      for store in module.data.credentials : store if account != "prepare" || store != "redis"
    ]
  }
}

data "aws_iam_policy_document" "credentials" {
  for_each = { for account, stores in local.reads : account => stores if length(stores) > 0 }
  statement {
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = [for store in each.value : module.data.secret_arns[store]]
  }
  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.stack.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "credentials" {
  for_each = data.aws_iam_policy_document.credentials
  name     = "credentials"
  role     = element(split("/", module.eks.service_account_roles[each.key]), 1)
  policy   = each.value.json
}
