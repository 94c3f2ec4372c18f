# The stack: a network, a cluster in it, a registry, and the stores that are asked for. What runs in
# the cluster is not made here: manifests/ has it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  tags = merge(var.tags, {
    Project   = "distributedai"
    Stack     = var.cluster_name
    ManagedBy = "terraform"
  })
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
}

# One key for the stack: Kubernetes secrets, logs, images, stores and their credentials.
data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: a key's policy; "*" is this key, and without its account nobody could change it
  # checkov:skip=CKV_AWS_111: the same
  # checkov:skip=CKV_AWS_356: the same
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["${local.account}:root"]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:*"]
    }
  }
}

resource "aws_kms_key" "stack" {
  description             = "All that ${var.cluster_name} keeps"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "stack" {
  name          = "alias/${var.cluster_name}"
  target_key_id = aws_kms_key.stack.key_id
}

module "network" {
  source             = "./modules/network"
  name               = var.cluster_name
  region             = var.region
  cidr               = var.vpc_cidr
  zones              = var.zones
  nat_per_zone       = var.nat == "per_zone"
  log_retention_days = var.log_retention_days
  kms_key_arn        = aws_kms_key.stack.arn
}

module "eks" {
  source             = "./modules/eks"
  name               = var.cluster_name
  kubernetes_version = var.kubernetes_version
  subnet_ids         = module.network.private_subnet_ids
  api_allowed_cidrs  = var.api_allowed_cidrs
  admins             = var.cluster_admins
  instance_types     = var.node_instance_types
  nodes              = var.nodes
  node_disk_gb       = var.node_disk_gb
  addon_versions     = var.addon_versions
  namespace          = var.namespace
  log_retention_days = var.log_retention_days
  kms_key_arn        = aws_kms_key.stack.arn
  tags               = local.tags

  # Nodes join through NAT, so its routes come first and go last.
  depends_on = [module.network]
}

module "registry" {
  source      = "./modules/registry"
  name        = "${var.cluster_name}/mesh"
  kept_images = var.registry_kept_images
  kms_key_arn = aws_kms_key.stack.arn
}

module "data" {
  source                 = "./modules/data"
  name                   = var.cluster_name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  node_security_group_id = module.eks.node_security_group_id
  kms_key_arn            = aws_kms_key.stack.arn
  log_retention_days     = var.log_retention_days
  kafka                  = var.kafka
  postgres               = var.postgres
  redis                  = var.redis
}
