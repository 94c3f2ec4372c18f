mock_data "aws_availability_zones" {
  defaults = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c", "eu-central-1d"]
  }
}
mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}
mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}
mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  }
}
mock_data "aws_secretsmanager_random_password" {
  defaults = {
    random_password = "made0up0for0this0test0made0up0for0this00"
  }
}
mock_resource "aws_kms_key" {
  defaults = {
    arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"
  }
}
mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::123456789012:role/any"
  }
}
mock_resource "aws_iam_openid_connect_provider" {
  defaults = {
    arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  }
}
mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:any"
  }
}
mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:any"
    id  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:any"
  }
}
mock_resource "aws_launch_template" {
  defaults = {
    id             = "lt-00000000000000000"
    latest_version = 1
  }
}
mock_resource "aws_eks_cluster" {
  defaults = {
    arn      = "arn:aws:eks:eu-central-1:123456789012:cluster/distributedai-eks"
    endpoint = "https://ABC.gr7.eu-central-1.eks.amazonaws.com"
    identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" }] }]
    vpc_config = {
      cluster_security_group_id = "sg-00000000000000001"
    }
  }
}
mock_resource "aws_msk_cluster" {
  defaults = {
    arn                          = "arn:aws:kafka:eu-central-1:123456789012:cluster/distributedai-eks/1"
    bootstrap_brokers_sasl_scram = "b-1.kafka:9096,b-2.kafka:9096"
  }
}
mock_resource "aws_msk_configuration" {
  defaults = {
    arn             = "arn:aws:kafka:eu-central-1:123456789012:configuration/distributedai-eks/1"
    latest_revision = 1
  }
}
mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::any"
  }
}
