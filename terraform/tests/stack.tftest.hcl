# What is planned and made, with a mocked provider: no credentials, no network.

mock_provider "aws" {
  source = "./tests"
}

variables {
  api_allowed_cidrs = ["203.0.113.7/32"]
}

run "by_default_a_cluster_and_no_store" {
  command = apply

  assert {
    condition     = output.cluster_name == "distributedai-eks" && output.region == "eu-central-1"
    error_message = "cluster ${output.cluster_name} in ${output.region}"
  }
  assert {
    condition     = output.kafka == null && output.postgres == null && output.redis == null
    error_message = "a store that was not asked for has an output"
  }
  assert {
    condition     = length(aws_iam_role_policy.credentials) == 0
    error_message = "rights on credentials that are not there"
  }
  assert {
    condition     = join(" ", keys(output.service_account_roles)) == "admin ai-gateway event-publisher event-subscriber pipelines prepare user-service"
    error_message = "service accounts: ${join(" ", keys(output.service_account_roles))}"
  }
}

run "every_store_private_encrypted_and_with_its_secret" {
  command = apply

  variables {
    kafka    = { enabled = true, brokers_per_zone = 2 }
    postgres = { enabled = true }
    redis    = { enabled = true }
  }

  assert {
    condition     = output.kafka.bootstrap_brokers == "b-1.kafka:9096,b-2.kafka:9096" && output.kafka.security == "sasl_ssl" && output.kafka.secret_arn != null
    error_message = "kafka: ${jsonencode(output.kafka)}"
  }
  assert {
    condition     = output.postgres.database == "mesh" && output.postgres.username == "mesh" && output.postgres.secret_arn != null
    error_message = "postgres: ${jsonencode(output.postgres)}"
  }
  assert {
    condition     = output.redis.tls && output.redis.port == 6379 && output.redis.secret_arn != null
    error_message = "redis: ${jsonencode(output.redis)}"
  }
  assert {
    condition     = length(aws_iam_role_policy.credentials) == 7
    error_message = "some service account cannot read its credentials"
  }
  assert {
    condition     = join(" ", local.reads["prepare"]) == "kafka postgres" && join(" ", local.reads["pipelines"]) == "kafka postgres redis"
    error_message = "who reads what: ${jsonencode(local.reads)}"
  }
}

run "redis_without_encryption_in_transit" {
  command = apply

  variables {
    redis = { enabled = true, transit_encryption = false }
  }

  assert {
    condition     = !output.redis.tls && output.redis.secret_arn == null && output.kafka == null && output.postgres == null
    error_message = "redis: ${jsonencode(output.redis)}"
  }
  assert {
    condition     = length(aws_iam_role_policy.credentials) == 0
    error_message = "rights on credentials that are not there"
  }
}
