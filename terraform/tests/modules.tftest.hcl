# What each module makes of its variables, with a mocked provider.

mock_provider "aws" {
  source = "./tests"
}

run "a_nat_gateway_for_all" {
  command = plan

  module {
    source = "./modules/network"
  }
  variables {
    name               = "distributedai-eks"
    region             = "eu-central-1"
    cidr               = "10.40.0.0/16"
    zones              = 4
    nat_per_zone       = false
    log_retention_days = 7
    kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/any"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 4
    error_message = "${length(aws_nat_gateway.this)} NAT gateways, ${length(aws_route.nat)} routes to them"
  }
  assert {
    condition     = join(" ", [for subnet in aws_subnet.private : subnet.cidr_block]) == "10.40.0.0/19 10.40.32.0/19 10.40.64.0/19 10.40.96.0/19"
    error_message = "private: ${join(" ", [for subnet in aws_subnet.private : subnet.cidr_block])}"
  }
  assert {
    condition     = join(" ", [for subnet in aws_subnet.public : subnet.cidr_block]) == "10.40.224.0/22 10.40.228.0/22 10.40.232.0/22 10.40.236.0/22"
    error_message = "public: ${join(" ", [for subnet in aws_subnet.public : subnet.cidr_block])}"
  }
  assert {
    condition = alltrue(concat(
      [for subnet in aws_subnet.public : subnet.tags["kubernetes.io/role/elb"] == "1" && !subnet.map_public_ip_on_launch],
      [for subnet in aws_subnet.private : subnet.tags["kubernetes.io/role/internal-elb"] == "1"],
      [for subnet in merge(aws_subnet.public, aws_subnet.private) : subnet.tags["kubernetes.io/cluster/distributedai-eks"] == "shared"],
    ))
    error_message = "load balancers do not find their subnets"
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && length(aws_default_security_group.unused.tags) > 0
    error_message = "the network's logs and its default group"
  }
}

run "a_nat_gateway_per_zone" {
  command = plan

  module {
    source = "./modules/network"
  }
  variables {
    name               = "distributedai-eks"
    region             = "eu-central-1"
    cidr               = "10.40.0.0/20"
    zones              = 3
    nat_per_zone       = true
    log_retention_days = 7
    kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/any"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "${length(aws_nat_gateway.this)} NAT gateways"
  }
}

run "a_private_cluster" {
  command = apply

  module {
    source = "./modules/eks"
  }
  variables {
    name               = "distributedai-eks"
    kubernetes_version = "1.34"
    subnet_ids         = ["subnet-a", "subnet-b"]
    api_allowed_cidrs  = []
    admins             = ["arn:aws:iam::123456789012:role/operators"]
    instance_types     = ["t3.large"]
    nodes              = { min = 2, desired = 2, max = 6 }
    node_disk_gb       = 50
    addon_versions     = { coredns = "v1.12.1-eksbuild.2" }
    namespace          = "distributedai"
    log_retention_days = 7
    kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/any"
    tags               = { Stack = "distributedai-eks" }
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "the endpoint is public, though nobody may reach it"
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "not all logs: ${join(" ", aws_eks_cluster.this.enabled_cluster_log_types)}"
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && contains(keys(aws_eks_access_policy_association.admin), "arn:aws:iam::123456789012:role/operators")
    error_message = "access is not by entries"
  }
  assert {
    condition     = one(aws_eks_cluster.this.encryption_config).provider[0].key_arn == "arn:aws:kms:eu-central-1:123456789012:key/any"
    error_message = "secrets are not encrypted with the stack's key"
  }
  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "a pod reaches the node's credentials"
  }
  assert {
    condition     = tobool(aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted) && aws_launch_template.node.block_device_mappings[0].ebs[0].volume_type == "gp3"
    error_message = "the node's volume"
  }
  assert {
    condition     = alltrue([for specification in aws_launch_template.node.tag_specifications : specification.tags["Stack"] == "distributedai-eks"])
    error_message = "instances and volumes without the stack's tags"
  }
  assert {
    condition     = aws_eks_node_group.this.scaling_config[0].desired_size == 2 && one(aws_eks_node_group.this.instance_types) == "t3.large"
    error_message = "the nodes: ${jsonencode(aws_eks_node_group.this.scaling_config)}"
  }
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "nobody enforces network policies"
  }
  assert {
    condition     = join(" ", sort(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes)))) == "aws-ebs-csi-driver coredns kube-proxy metrics-server vpc-cni"
    error_message = "the add-ons"
  }
  assert {
    condition     = aws_eks_addon.after_nodes["coredns"].addon_version == "v1.12.1-eksbuild.2"
    error_message = "the version of coredns: ${aws_eks_addon.after_nodes["coredns"].addon_version}"
  }
  assert {
    condition = alltrue([for condition in data.aws_iam_policy_document.account_trust["pipelines"].statement[0].condition : condition.test == "StringEquals" && (
      condition.variable == "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub" && one(condition.values) == "system:serviceaccount:distributedai:pipelines" ||
      condition.variable == "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" && one(condition.values) == "sts.amazonaws.com"
    )]) && length(data.aws_iam_policy_document.account_trust["pipelines"].statement[0].condition) == 2
    error_message = "who takes on the role of pipelines: ${jsonencode(data.aws_iam_policy_document.account_trust["pipelines"].statement)}"
  }
}

run "stores_that_only_nodes_reach" {
  command = apply

  module {
    source = "./modules/data"
  }
  variables {
    name                   = "distributedai-eks"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b", "subnet-c", "subnet-d"]
    node_security_group_id = "sg-00000000000000001"
    kms_key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/any"
    log_retention_days     = 7
    kafka                  = { enabled = true, version = "3.8.x", instance_type = "kafka.t3.small", brokers_per_zone = 2, disk_gb = 100 }
    postgres = {
      enabled  = true, version = "16.4", instance_class = "db.t4g.medium", disk_gb = 50, max_disk_gb = 500,
      multi_az = true, backup_days = 7, deletion_protection = true, final_snapshot = true
    }
    redis = { enabled = true, version = "7.1", node_type = "cache.t4g.small", nodes = 2, transit_encryption = true }
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.nodes : rule.referenced_security_group_id == "sg-00000000000000001" && rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.from_port == rule.to_port])
    error_message = "a store admits others than nodes"
  }
  assert {
    condition     = join(" ", [for rule in aws_vpc_security_group_ingress_rule.nodes : rule.from_port]) == "9096 5432 6379"
    error_message = "ports: ${join(" ", [for rule in aws_vpc_security_group_ingress_rule.nodes : rule.from_port])}"
  }
  assert {
    condition     = aws_msk_cluster.kafka[0].number_of_broker_nodes == 6 && length(aws_msk_cluster.kafka[0].broker_node_group_info[0].client_subnets) == 3 && aws_msk_cluster.kafka[0].encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.kafka[0].client_authentication[0].sasl[0].scram
    error_message = "the brokers"
  }
  assert {
    condition     = startswith(aws_secretsmanager_secret.credential["kafka"].name, "AmazonMSK_") && alltrue([for secret in aws_secretsmanager_secret.credential : secret.kms_key_id == "arn:aws:kms:eu-central-1:123456789012:key/any"])
    error_message = "MSK does not take its secret"
  }
  assert {
    condition     = aws_db_instance.postgres[0].storage_encrypted && !aws_db_instance.postgres[0].publicly_accessible && aws_db_instance.postgres[0].multi_az && aws_db_instance.postgres[0].deletion_protection
    error_message = "the database"
  }
  assert {
    condition     = aws_db_parameter_group.postgres[0].family == "postgres16" && aws_db_instance.postgres[0].password == jsondecode(aws_secretsmanager_secret_version.credential["postgres"].secret_string).password
    error_message = "the database's family or password"
  }
  assert {
    condition     = tobool(aws_elasticache_replication_group.redis[0].at_rest_encryption_enabled) && aws_elasticache_replication_group.redis[0].transit_encryption_enabled && aws_elasticache_replication_group.redis[0].auth_token == jsondecode(aws_secretsmanager_secret_version.credential["redis"].secret_string).password
    error_message = "Redis"
  }
}

run "nothing_that_is_off" {
  command = plan

  module {
    source = "./modules/data"
  }
  variables {
    name                   = "distributedai-eks"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-a", "subnet-b"]
    node_security_group_id = "sg-00000000000000001"
    kms_key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/any"
    log_retention_days     = 7
    kafka                  = { enabled = false, version = "3.8.x", instance_type = "kafka.t3.small", brokers_per_zone = 1, disk_gb = 100 }
    postgres = {
      enabled  = false, version = "16", instance_class = "db.t4g.medium", disk_gb = 50, max_disk_gb = 500,
      multi_az = true, backup_days = 7, deletion_protection = true, final_snapshot = true
    }
    redis = { enabled = false, version = "7.1", node_type = "cache.t4g.small", nodes = 2, transit_encryption = true }
  }

  assert {
    condition     = length(aws_msk_cluster.kafka) + length(aws_msk_configuration.kafka) + length(aws_msk_scram_secret_association.kafka) + length(aws_cloudwatch_log_group.kafka) == 0
    error_message = "something of Kafka"
  }
  assert {
    condition     = length(aws_db_instance.postgres) + length(aws_db_subnet_group.postgres) + length(aws_db_parameter_group.postgres) + length(aws_iam_role.monitoring) + length(aws_cloudwatch_log_group.postgres) == 0
    error_message = "something of PostgreSQL"
  }
  assert {
    condition     = length(aws_elasticache_replication_group.redis) + length(aws_elasticache_subnet_group.redis) == 0
    error_message = "something of Redis"
  }
  assert {
    condition     = length(aws_security_group.store) + length(aws_vpc_security_group_ingress_rule.nodes) + length(aws_secretsmanager_secret.credential) + length(aws_secretsmanager_secret_version.credential) == 0
    error_message = "a group or a secret of a store that is off"
  }
}

run "images_that_do_not_change" {
  command = plan

  module {
    source = "./modules/registry"
  }
  variables {
    name        = "distributedai-eks/mesh"
    kept_images = 50
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/any"
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "the registry"
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[1].selection.countNumber == 50
    error_message = "the images that are kept"
  }
}
