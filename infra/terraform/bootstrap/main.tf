# What has to be there before any state can be: applied once for an account, with its own state in this folder.
# That state is small and can be lost: bucket and key are imported again.

variable "region" {
  description = "The region of the bucket: that of the environments."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The account of the environments."
  type        = string
  nullable    = false
}

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project   = "clickstream"
      ManagedBy = "terraform"
    }
  }
}

module "state" {
  source = "../modules/state"
}

output "backend_hcl" {
  description = "The text of backend.hcl for each environment."
  value = { for environment in ["dev", "staging", "prod"] : environment => <<-TEXT
    bucket     = "${module.state.bucket}"
    key        = "clickstream-${environment}/terraform.tfstate"
    region     = "${var.region}"
    kms_key_id = "${module.state.key_arn}"
  TEXT
  }
}
