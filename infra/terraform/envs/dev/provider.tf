variable "region" {
  description = "The region that everything is in."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The account that everything is in. In any other nothing is planned or applied."
  type        = string
  nullable    = false
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "clickstream"
      Environment = var.name
      ManagedBy   = "terraform"
    }
  }
}
