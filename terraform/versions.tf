terraform {
  # 1.7: tests with mocked providers. State in S3 without a DynamoDB table needs 1.10.
  required_version = ">= 1.7"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.83, < 6.0"
    }
  }
}
