# The bucket of the state, with a mocked provider.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::any"
    }
  }
}

variables {
  bucket = "mesh-state-of-tests"
}

run "the_lock_is_in_the_bucket" {
  command = apply

  assert {
    condition     = length(aws_dynamodb_table.lock) == 0 && strcontains(output.backend_config, "use_lockfile = true")
    error_message = output.backend_config
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "the state has no versions"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "the state can become public"
  }
}

run "or_in_a_table_for_an_older_terraform" {
  command = apply

  variables {
    lock_table = "mesh-locks"
  }

  assert {
    condition     = aws_dynamodb_table.lock[0].hash_key == "LockID" && strcontains(output.backend_config, "dynamodb_table = \"mesh-locks\"")
    error_message = output.backend_config
  }
}

run "a_bad_name_is_refused" {
  command = plan

  variables {
    bucket = "Mesh_State"
  }

  expect_failures = [var.bucket]
}
