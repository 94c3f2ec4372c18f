variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "kept_images" {
  description = "Images that are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key of the images."
  type        = string
}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  # The images go with the stack: otherwise a destroy would stop at the first.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "without a tag: two weeks"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "the newest ${var.kept_images}"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.kept_images }
        action       = { type = "expire" }
      },
    ]
  })
}

output "repository_url" {
  description = "Where images are pushed to and pulled from."
  value       = aws_ecr_repository.this.repository_url
}
