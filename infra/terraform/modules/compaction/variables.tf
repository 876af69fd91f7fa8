variable "name" {
  description = "What the names of everything made here begin with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "engine" {
  description = "What runs the compaction: fargate (the container image) or glue (the same program as a Glue job)."
  type        = string
  nullable    = false
  default     = "fargate"

  validation {
    condition     = contains(["fargate", "glue"], var.engine)
    error_message = "engine is fargate or glue."
  }
}

variable "image" {
  description = "The image by its digest, REPOSITORY@sha256:DIGEST. Null makes the repository and everything else but the task definition and its schedules, so that there is a place to push the first image to."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is an image of ECR by its digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256: and 64 hexadecimal digits. A tag is refused: a digest says what runs."
  }
}

variable "architecture" {
  description = "What the image was built for, as ECS names it: X86_64 or ARM64, which costs a fifth less. Null takes what the image is built for by default."
  type        = string
  default     = null

  validation {
    condition     = var.architecture == null || try(contains(["X86_64", "ARM64"], var.architecture), false)
    error_message = "architecture is X86_64 or ARM64."
  }
}

variable "raw_bucket" {
  description = "The bucket of the raw objects."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "curated_bucket" {
  description = "The bucket of the tables."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "databases" {
  description = "The Glue databases: of the tables, and of the raw objects."
  type        = object({ curated = string, raw = string })
  nullable    = false

  validation {
    condition     = alltrue([for database in values(var.databases) : can(regex("^[a-z0-9_]{1,255}$", database))])
    error_message = "A database's name is lower-case letters, digits and underscores."
  }
}

variable "lake_key_arn" {
  description = "The key of the buckets, which encrypts the image repository too."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.lake_key_arn))
    error_message = "lake_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "messaging_key_arn" {
  description = "The key of the queues and of what the schedules send."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.messaging_key_arn))
    error_message = "messaging_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "logs_key_arn" {
  description = "The key of the log groups."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "logs_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "subnet_ids" {
  description = "The private subnets of the tasks."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "subnet_ids names at least one subnet."
  }
}

variable "security_group_id" {
  description = "The security group of the tasks, which lets them out to the VPC endpoints."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][A-Za-z0-9-]+$", var.security_group_id))
    error_message = "security_group_id is the id of a security group, such as sg-0123, not an ARN."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  nullable    = false
  default     = 1024

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu is 256, 512, 1024, 2048, 4096, 8192 or 16384: Fargate has no other sizes."
  }
}

variable "memory_mib" {
  description = "Memory of a task in MiB: half a gigabyte more than the command's --memory."
  type        = number
  nullable    = false
  default     = 2048

  validation {
    condition = contains(lookup({
      "256"   = [512, 1024, 2048]
      "512"   = range(1024, 4097, 1024)
      "1024"  = range(2048, 8193, 1024)
      "2048"  = range(4096, 16385, 1024)
      "4096"  = range(8192, 30721, 1024)
      "8192"  = range(16384, 61441, 4096)
      "16384" = range(32768, 122881, 8192)
    }, tostring(var.cpu), []), var.memory_mib)
    error_message = "memory_mib does not go with cpu: Fargate has 256: 512, 1024, 2048; 512: 1024 to 4096; 1024: 2048 to 8192; 2048: 4096 to 16384; 4096: 8192 to 30720, each in steps of 1024; 8192: 16384 to 61440 in steps of 4096; 16384: 32768 to 122880 in steps of 8192."
  }
}

variable "disk_gib" {
  description = "Disk of a task in GiB: what does not fit into memory, about the size of the lines as plain JSON."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.disk_gib >= 21 && var.disk_gib <= 200 && floor(var.disk_gib) == var.disk_gib
    error_message = "disk_gib is a whole number from 21 to 200."
  }
}

variable "settings" {
  description = "Settings of the deployment that are not of this module, as their CLICKSTREAM_ variables: stream, topic, dead-letter queue. Buckets, databases and the queue of raw objects are set here."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for variable in keys(var.settings) : contains(values(module.facts.settings), variable)])
    error_message = "settings has a variable that is no setting of the project."
  }
}

variable "schedules_enabled" {
  description = "Whether the schedules start anything; false where somebody compacts by hand for a while."
  type        = bool
  nullable    = false
  default     = true
}

variable "images_kept" {
  description = "How many images the repository keeps. One that a task definition names has to be among them."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.images_kept >= 5 && var.images_kept <= 1000
    error_message = "images_kept is 5 to 1000: fewer leave nothing to go back to."
  }
}

variable "force_destroy" {
  description = "Whether a destroy deletes the repository with the images in it."
  type        = bool
  nullable    = false
  default     = false
}

variable "glue_job" {
  description = "For engine glue: the bucket of the artifacts, the keys of the job's script and of its wheels in it, and the workers."
  type = object({
    artifacts_bucket = object({ name = string, arn = string })
    script_key       = string
    wheels_key       = string
    worker_type      = optional(string, "G.1X")
    workers          = optional(number, 2)
    timeout_minutes  = optional(number, 120)
  })
  default = null

  validation {
    condition     = (var.glue_job != null) == (var.engine == "glue")
    error_message = "glue_job is given with engine glue, and with no other."
  }

  validation {
    condition     = var.glue_job == null || try(endswith(var.glue_job.wheels_key, ".gluewheels.zip"), false)
    error_message = "glue_job.wheels_key ends with .gluewheels.zip, by which Glue knows what it is."
  }

  validation {
    condition     = var.glue_job == null || try(contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.glue_job.worker_type), false)
    error_message = "glue_job.worker_type is G.1X, G.2X, G.4X or G.8X."
  }

  validation {
    condition     = var.glue_job == null || try(var.glue_job.workers >= 2 && var.glue_job.workers <= 100, false)
    error_message = "glue_job.workers is 2 to 100."
  }
}

variable "permissions_boundary_arn" {
  description = "The boundary of every role made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy."
  }
}

variable "log_retention_days" {
  description = "How long the log groups keep what is written to them."
  type        = number
  nullable    = false
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is none of the retentions that CloudWatch Logs has."
  }
}

variable "s3_endpoint_id" {
  description = "Id of the VPC endpoint for S3, through which alone the task may reach it; null where it takes another way."
  type        = string
  default     = null

  validation {
    condition     = var.s3_endpoint_id == null || can(regex("^[^:./]+$", var.s3_endpoint_id))
    error_message = "s3_endpoint_id is the id of an endpoint, such as vpce-0123456789abcdef0, not its ARN and not the name of a service."
  }
}
