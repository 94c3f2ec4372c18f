terraform {
  # 1.9: a variable's check may look at another. State in S3 without a DynamoDB table needs 1.10.
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
