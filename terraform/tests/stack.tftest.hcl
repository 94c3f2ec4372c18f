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
    condition     = join(" ", keys(output.service_account_roles)) == "admin ai-gateway event-publisher event-subscriber migrations pipelines user-service"
    error_message = "service accounts: ${join(" ", keys(output.service_account_roles))}"
  }
}
