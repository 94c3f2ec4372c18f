output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of nodes and stores, a zone each."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}
