variable "region" {
  description = "AWS region of the bucket."
  type        = string
  default     = "eu-central-1"
}

variable "bucket" {
  description = "Name of the bucket, which nobody else in AWS may have."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket: \"${var.bucket}\" must have 3 to 63 small letters, digits and hyphens, and neither begin nor end with a hyphen."
  }
}

variable "lock_table" {
  description = "Name of a DynamoDB table to lock with, for terraform before 1.10; null: none, the lock is in the bucket."
  type        = string
  default     = null
}

variable "tags" {
  description = "More tags."
  type        = map(string)
  default     = {}
}
