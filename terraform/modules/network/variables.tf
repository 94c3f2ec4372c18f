variable "name" {
  description = "What the names begin with; the cluster's own name."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "cidr" {
  description = "Network of the VPC."
  type        = string
}

variable "zones" {
  description = "Number of zones, at most 4."
  type        = number
}

variable "nat_per_zone" {
  description = "A NAT gateway per zone; false: one."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that flow logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key of the flow logs."
  type        = string
}
