# What cannot be is refused before anything is planned, by its variable.

mock_provider "aws" {
  source = "./tests"
}

variables {
  api_allowed_cidrs = ["203.0.113.7/32"]
}

run "nobody_said_who_reaches_the_api" {
  command = plan

  variables {
    api_allowed_cidrs = null
  }

  expect_failures = [var.api_allowed_cidrs]
}

run "the_api_open_to_all" {
  command = plan

  variables {
    api_allowed_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.api_allowed_cidrs]
}

run "the_api_open_to_half_of_all" {
  command = plan

  variables {
    api_allowed_cidrs = ["203.0.113.7/32", "128.0.0.0/1"]
  }

  expect_failures = [var.api_allowed_cidrs]
}

run "an_address_without_length" {
  command = plan

  variables {
    api_allowed_cidrs = ["203.0.113.7"]
  }

  expect_failures = [var.api_allowed_cidrs]
}

run "a_region_that_is_none" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "a_cluster_name_with_capitals" {
  command = plan

  variables {
    cluster_name = "DistributedAI"
  }

  expect_failures = [var.cluster_name]
}

run "a_cluster_name_too_long_for_roles" {
  command = plan

  variables {
    cluster_name = "a-name-of-twenty-nine-letters"
  }

  expect_failures = [var.cluster_name]
}

run "a_cluster_name_with_two_hyphens" {
  command = plan

  variables {
    cluster_name = "distributed--ai"
  }

  expect_failures = [var.cluster_name]
}

run "a_tag_of_the_stack_itself" {
  command = plan

  variables {
    tags = { Stack = "mine" }
  }

  expect_failures = [var.tags]
}

run "a_kubernetes_patch_version" {
  command = plan

  variables {
    kubernetes_version = "1.34.1"
  }

  expect_failures = [var.kubernetes_version]
}

run "an_admin_by_session" {
  command = plan

  variables {
    cluster_admins = ["arn:aws:sts::123456789012:assumed-role/operators/me"]
  }

  expect_failures = [var.cluster_admins]
}

run "a_network_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "one_zone" {
  command = plan

  variables {
    zones = 1
  }

  expect_failures = [var.zones]
}

run "another_way_of_nat" {
  command = plan

  variables {
    nat = "none"
  }

  expect_failures = [var.nat]
}

run "a_retention_that_cloudwatch_lacks" {
  command = plan

  variables {
    log_retention_days = 100
  }

  expect_failures = [var.log_retention_days]
}

run "nodes_of_another_architecture" {
  command = plan

  variables {
    node_instance_types = ["m7g.large"]
  }

  expect_failures = [var.node_instance_types]
}

run "no_instance_type" {
  command = plan

  variables {
    node_instance_types = []
  }

  expect_failures = [var.node_instance_types]
}

run "more_nodes_than_at_most" {
  command = plan

  variables {
    nodes = { desired = 7 }
  }

  expect_failures = [var.nodes]
}

run "a_disk_that_holds_no_images" {
  command = plan

  variables {
    node_disk_gb = 10
  }

  expect_failures = [var.node_disk_gb]
}

run "an_add_on_that_is_not_there" {
  command = plan

  variables {
    addon_versions = { istio = "v1" }
  }

  expect_failures = [var.addon_versions]
}

run "a_namespace_with_a_dot" {
  command = plan

  variables {
    namespace = "distributed.ai"
  }

  expect_failures = [var.namespace]
}

run "one_image_and_no_way_back" {
  command = plan

  variables {
    registry_kept_images = 1
  }

  expect_failures = [var.registry_kept_images]
}

run "a_broker_of_another_kind" {
  command = plan

  variables {
    kafka = { enabled = true, instance_type = "t3.small" }
  }

  expect_failures = [var.kafka]
}

run "a_server_of_another_kind" {
  command = plan

  variables {
    postgres = { enabled = true, instance_class = "t4g.medium" }
  }

  expect_failures = [var.postgres]
}

run "a_disk_that_cannot_grow" {
  command = plan

  variables {
    postgres = { enabled = true, disk_gb = 500 }
  }

  expect_failures = [var.postgres]
}

run "no_backups" {
  command = plan

  variables {
    postgres = { enabled = true, backup_days = 0 }
  }

  expect_failures = [var.postgres]
}

run "one_redis" {
  command = plan

  variables {
    redis = { enabled = true, nodes = 1 }
  }

  expect_failures = [var.redis]
}

run "brokers_in_two_zones" {
  command = plan

  variables {
    zones = 2
    kafka = { enabled = true }
  }

  expect_failures = [var.kafka]
}
