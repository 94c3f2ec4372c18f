variable "name" {
  description = "What the names begin with."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, a zone each."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "Who may connect."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of stores, credentials and logs."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "kafka" {
  description = "As the root's variable."
  type = object({
    enabled          = bool
    version          = string
    instance_type    = string
    brokers_per_zone = number
    disk_gb          = number
  })
}

variable "postgres" {
  description = "As the root's variable."
  type = object({
    enabled             = bool
    version             = string
    instance_class      = string
    disk_gb             = number
    max_disk_gb         = number
    multi_az            = bool
    backup_days         = number
    deletion_protection = bool
    final_snapshot      = bool
  })
}

variable "redis" {
  description = "As the root's variable."
  type = object({
    enabled            = bool
    version            = string
    node_type          = string
    nodes              = number
    transit_encryption = bool
  })
}
