variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes."
  type        = list(string)
}

variable "api_allowed_cidrs" {
  description = "Who may reach the public endpoint; without any there is none."
  type        = list(string)
}

variable "admins" {
  description = "ARNs of the principals that administer the cluster."
  type        = set(string)
}

variable "instance_types" {
  description = "Of the nodes."
  type        = list(string)
}

variable "nodes" {
  description = "Number of nodes."
  type        = object({ min = number, desired = number, max = number })
}

variable "node_disk_gb" {
  description = "A node's volume."
  type        = number
}

variable "addon_versions" {
  description = "Versions of add-ons; EKS chooses the others."
  type        = map(string)
}

variable "namespace" {
  description = "Namespace of the mesh's service accounts."
  type        = string
}

variable "log_retention_days" {
  description = "Days that control-plane logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key of Kubernetes secrets and logs."
  type        = string
}

variable "tags" {
  description = "Tags of instances and their volumes, which are made by the launch template and not by the provider."
  type        = map(string)
}
