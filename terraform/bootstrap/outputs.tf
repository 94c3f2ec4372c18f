output "backend_config" {
  description = "What terraform init -backend-config=FILE takes; key, the state's name within the bucket, is given beside it."
  value = join("", concat(
    ["bucket       = \"${aws_s3_bucket.state.bucket}\"\n", "region       = \"${var.region}\"\n", "encrypt      = true\n"],
    var.lock_table == null ? ["use_lockfile = true\n"] : ["dynamodb_table = \"${var.lock_table}\"\n"],
  ))
}
