variable "region" {
  description = "AWS region of the stack."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: \"${var.region}\" is not the name of a region, as eu-central-1."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster; every other name of the stack begins with it."
  type        = string
  default     = "distributedai-eks"

  # 28: the names of IAM roles and of Redis have limits of their own.
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,26}[a-z0-9]$", var.cluster_name)) && !strcontains(var.cluster_name, "--")
    error_message = "cluster_name: \"${var.cluster_name}\" must have 2 to 28 small letters, digits and single hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "tags" {
  description = "Tags of every resource, beside Project, Stack and ManagedBy."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["Project", "Stack", "ManagedBy"])) == 0
    error_message = "tags: Project, Stack and ManagedBy are set by the stack; take them out."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes minor version of the control plane. EKS goes up one at a time, and never down."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.[1-9][0-9]$", var.kubernetes_version))
    error_message = "kubernetes_version: \"${var.kubernetes_version}\" must be a minor version, as 1.34."
  }
}

variable "api_allowed_cidrs" {
  description = "Networks that may reach the cluster's public API endpoint. [] leaves the private endpoint alone, which only the VPC and what is joined to it can reach."
  type        = list(string)
  default     = null

  validation {
    condition     = var.api_allowed_cidrs != null
    error_message = "api_allowed_cidrs is not set. From a laptop give its public address, as [\"203.0.113.7/32\"]; give [] where you reach the VPC by a VPN or from inside."
  }
  validation {
    condition     = alltrue([for cidr in coalesce(var.api_allowed_cidrs, []) : can(cidrnetmask(cidr))])
    error_message = "api_allowed_cidrs: each must be an IPv4 network with its length, as 203.0.113.7/32."
  }
  validation {
    condition     = alltrue([for cidr in coalesce(var.api_allowed_cidrs, []) : try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "api_allowed_cidrs: networks larger than a /8, as 0.0.0.0/0, are refused: name those who need the API."
  }
}

variable "cluster_admins" {
  description = "ARNs of IAM roles and users that administer the cluster beside who creates it (that one has an entry by itself; do not name it here)."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.cluster_admins : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "cluster_admins: each must be the ARN of an IAM role or user, as arn:aws:iam::123456789012:role/operators (not of an STS session)."
  }
}

variable "vpc_cidr" {
  description = "Network of the VPC."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 20
    error_message = "vpc_cidr: \"${var.vpc_cidr}\" must be an IPv4 network from /16 to /20, as 10.40.0.0/16."
  }
}

variable "zones" {
  description = "Number of availability zones."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3, 4], var.zones)
    error_message = "zones: ${var.zones} must be 2, 3 or 4."
  }
}

variable "nat" {
  description = "NAT gateways: single (one, whose zone is a single point of failure for what goes out) or per_zone."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "per_zone"], var.nat)
    error_message = "nat: \"${var.nat}\" must be single or per_zone."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs of control plane, network, brokers and databases."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: ${var.log_retention_days} is none of those that CloudWatch knows, as 7, 30, 90 or 365."
  }
}

variable "node_instance_types" {
  description = "Instance types of the nodes, x86-64, the first preferred."
  type        = list(string)
  default     = ["t3.large"]

  validation {
    condition     = length(var.node_instance_types) > 0 && alltrue([for type in var.node_instance_types : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", type))])
    error_message = "node_instance_types: at least one, each as t3.large."
  }
  validation {
    condition     = alltrue([for type in var.node_instance_types : !can(regex("^[a-z]+[0-9]+g", type))])
    error_message = "node_instance_types: ARM types (t4g, m7g, …) are refused: the image is built for x86-64."
  }
}

variable "nodes" {
  description = "Number of nodes: at first and at least, and at most."
  type = object({
    min     = optional(number, 2)
    desired = optional(number, 2)
    max     = optional(number, 6)
  })
  default = {}

  validation {
    condition     = 1 <= var.nodes.min && var.nodes.min <= var.nodes.desired && var.nodes.desired <= var.nodes.max
    error_message = "nodes: min ${var.nodes.min}, desired ${var.nodes.desired}, max ${var.nodes.max} must rise, from 1 on."
  }
}

variable "node_disk_gb" {
  description = "Size of a node's encrypted gp3 volume."
  type        = number
  default     = 50

  validation {
    condition     = var.node_disk_gb >= 20 && var.node_disk_gb <= 16384
    error_message = "node_disk_gb: ${var.node_disk_gb} must be from 20 to 16384."
  }
}

variable "addon_versions" {
  description = "Version of an add-on, as {coredns = \"v1.12.1-eksbuild.2\"}; without one EKS takes its default for the cluster's version."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.addon_versions), ["vpc-cni", "kube-proxy", "coredns", "aws-ebs-csi-driver", "metrics-server"])) == 0
    error_message = "addon_versions: the stack has vpc-cni, kube-proxy, coredns, aws-ebs-csi-driver and metrics-server."
  }
}

variable "namespace" {
  description = "Kubernetes namespace of the mesh; its service accounts take on the roles made here."
  type        = string
  default     = "distributedai"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace: \"${var.namespace}\" is not a name that Kubernetes takes."
  }
}

variable "registry_kept_images" {
  description = "Images that the registry keeps; older ones go."
  type        = number
  default     = 50

  validation {
    condition     = var.registry_kept_images >= 2
    error_message = "registry_kept_images: ${var.registry_kept_images} must be 2 or more: a rollback needs the image before."
  }
}

variable "kafka" {
  description = "MSK: brokers per zone, their type, disk and version."
  type = object({
    enabled          = optional(bool, false)
    version          = optional(string, "3.8.x")
    instance_type    = optional(string, "kafka.t3.small")
    brokers_per_zone = optional(number, 1)
    disk_gb          = optional(number, 100)
  })
  default = {}

  validation {
    condition     = can(regex("^kafka\\.", var.kafka.instance_type)) && var.kafka.brokers_per_zone >= 1 && var.kafka.disk_gb >= 1 && var.kafka.disk_gb <= 16384
    error_message = "kafka: instance_type as kafka.t3.small, brokers_per_zone from 1, disk_gb from 1 to 16384."
  }
  validation {
    condition     = !var.kafka.enabled || var.zones >= 3
    error_message = "kafka: three copies of each partition, of which two must be there, need zones = 3 or more; it is ${var.zones}."
  }
}

variable "postgres" {
  description = "RDS PostgreSQL. With deletion_protection the database is not destroyed: apply with false first."
  type = object({
    enabled             = optional(bool, false)
    version             = optional(string, "16")
    instance_class      = optional(string, "db.t4g.medium")
    disk_gb             = optional(number, 50)
    max_disk_gb         = optional(number, 500)
    multi_az            = optional(bool, true)
    backup_days         = optional(number, 7)
    deletion_protection = optional(bool, true)
    final_snapshot      = optional(bool, true)
  })
  default = {}

  validation {
    condition     = can(regex("^db\\.", var.postgres.instance_class)) && can(regex("^[0-9]+(\\.[0-9]+)?$", var.postgres.version))
    error_message = "postgres: instance_class as db.t4g.medium, version as 16 or 16.4."
  }
  validation {
    condition     = var.postgres.disk_gb >= 20 && var.postgres.disk_gb < var.postgres.max_disk_gb
    error_message = "postgres: disk_gb (${var.postgres.disk_gb}) must be 20 or more, and below max_disk_gb (${var.postgres.max_disk_gb}), up to which it grows by itself."
  }
  validation {
    condition     = var.postgres.backup_days >= 1 && var.postgres.backup_days <= 35
    error_message = "postgres: backup_days (${var.postgres.backup_days}) must be from 1 to 35."
  }
}

variable "redis" {
  description = "ElastiCache for Redis. transit_encryption brings TLS and a token: rediss:// and redis_password."
  type = object({
    enabled            = optional(bool, false)
    version            = optional(string, "7.1")
    node_type          = optional(string, "cache.t4g.small")
    nodes              = optional(number, 2)
    transit_encryption = optional(bool, true)
  })
  default = {}

  validation {
    condition     = can(regex("^cache\\.", var.redis.node_type)) && can(regex("^[67]\\.[0-9]+$", var.redis.version))
    error_message = "redis: node_type as cache.t4g.small, version as 7.1."
  }
  validation {
    condition     = var.redis.nodes >= 2 && var.redis.nodes <= 6
    error_message = "redis: nodes (${var.redis.nodes}) must be from 2 to 6: one that serves and those that take over."
  }
}
