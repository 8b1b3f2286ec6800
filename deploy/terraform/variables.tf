variable "enable_telemetry_agent" {
  description = <<-EOT
    Whether the agent is there at all. False creates nothing, and removes what was created.
    True is your consent to the level below, to the data types that telemetry_settings leaves on, and to the fields
    that docs/fields.md of this version lists: nothing else is ever sent.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "telemetry_privacy_level" {
  description = "How much is collected: minimal, standard or detailed (docs/privacy.md). It decides the permissions, too."
  type        = string
  default     = "minimal"
  nullable    = false

  validation {
    condition     = contains(["minimal", "standard", "detailed"], var.telemetry_privacy_level)
    error_message = "There is no level \"${var.telemetry_privacy_level}\": allowed are minimal, standard, detailed."
  }
}

variable "telemetry_endpoint" {
  description = "Where reports go. Null is what the manifests say: https://telemetry.corrective-drift.com/v1/collect."
  type        = string
  default     = null

  validation {
    condition     = var.telemetry_endpoint == null || can(regex("^https://[^/@?#\\s]+(/[^?#\\s]*)?/v1/collect$", var.telemetry_endpoint))
    error_message = "It must be https, without a user, and end in /v1/collect: https://telemetry.example.org/v1/collect."
  }
}

variable "environment" {
  description = "Put on every object as the label prism-platform.io/environment, such as test. The agent neither reads nor sends it."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", var.environment))
    error_message = "It must be a label's value: at most 63 letters, digits, dots, dashes and underscores."
  }
}

variable "create_namespace" {
  description = <<-EOT
    Whether the namespace prism-observability is created, and removed with all that is in it. Say false where Prism's is
    there already: one that others have created is never taken over, creating it fails.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "telemetry_consent" {
  description = <<-EOT
    What you have read: the privacy policy, its version, and the fields, by the digest that docs/fields.md shows. Without
    a digest it is that of the version with which you enable the agent. After an upgrade that could send anything else
    the agent pauses, until you name the new digest here.
  EOT
  type = object({
    version            = optional(string, "1.0")
    privacy_policy_url = optional(string, "https://corrective-drift.com/privacy")
    schema_digest      = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{1,4}(\\.[0-9]{1,4}){0,2}$", var.telemetry_consent.version))
    error_message = "The version is like 1.0."
  }

  validation {
    condition     = can(regex("^https://\\S{1,500}$", var.telemetry_consent.privacy_policy_url))
    error_message = "The address of the policy must be https."
  }

  validation {
    condition     = var.telemetry_consent.schema_digest == null || can(regex("^[0-9a-z]{16,64}$", var.telemetry_consent.schema_digest))
    error_message = "The digest is what docs/fields.md and `telemetry-agent fields` show: 16 to 64 digits and small letters."
  }
}

variable "telemetry_image" {
  description = "The agent's image, as your registry has it. Null is what the manifests say, which is of this version."
  type        = string
  default     = null
}

variable "telemetry_probe_image" {
  description = "The image of probe Jobs, for the detailed level alone. Null is prism-platform/probe of the agent's version."
  type        = string
  default     = null
}

variable "telemetry_reporting_interval_minutes" {
  description = "How often a report is made. Null is what the manifests say: 60."
  type        = number
  default     = null

  validation {
    condition = var.telemetry_reporting_interval_minutes == null || try(
      var.telemetry_reporting_interval_minutes >= 1 && var.telemetry_reporting_interval_minutes <= 10080 &&
      floor(var.telemetry_reporting_interval_minutes) == var.telemetry_reporting_interval_minutes, false
    )
    error_message = "It must be whole minutes, from 1 to 10080 (a week)."
  }
}

variable "telemetry_probes_interval_minutes" {
  description = "How often probe Jobs run, for the detailed level alone. Null is once a day."
  type        = number
  default     = null

  validation {
    condition = var.telemetry_probes_interval_minutes == null || try(
      var.telemetry_probes_interval_minutes >= 60 && var.telemetry_probes_interval_minutes <= 44640 &&
      floor(var.telemetry_probes_interval_minutes) == var.telemetry_probes_interval_minutes, false
    )
    error_message = "It must be whole minutes, from 60 to 44640 (31 days)."
  }
}

variable "telemetry_probes_window" {
  description = "The time of day in UTC in which probe Jobs may be started, such as 22:00-05:00. Null is any."
  type        = string
  default     = null

  validation {
    condition     = var.telemetry_probes_window == null || can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.telemetry_probes_window))
    error_message = "It must be HH:MM-HH:MM in UTC, such as 22:00-05:00."
  }
}

variable "telemetry_resource_requests" {
  description = "Replaces single requests of the agent's container: { memory = \"128Mi\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.telemetry_resource_requests), ["cpu", "memory", "ephemeral-storage"])) == 0
    error_message = "Its keys are cpu, memory and ephemeral-storage."
  }
}

variable "telemetry_resource_limits" {
  description = "Replaces single limits of the agent's container: { memory = \"1Gi\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.telemetry_resource_limits), ["cpu", "memory", "ephemeral-storage"])) == 0
    error_message = "Its keys are cpu, memory and ephemeral-storage."
  }
}

variable "telemetry_settings" {
  description = <<-EOT
    Any further key of the configuration by its flat name, such as { collect_network_policies = "false" }
    (docs/agent.md). The agent refuses a key that it does not know. A data type that is switched off here or on again is
    a new consent.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection(keys(var.telemetry_settings), [
      "config.yaml", "endpoint", "privacy_level", "reporting_interval_minutes", "probes_image", "probes_interval_minutes",
      "probes_window",
    ])) == 0
    error_message = "endpoint, privacy_level, the schedule and the images have variables of their own."
  }

  validation {
    condition     = !anytrue([for key in keys(var.telemetry_settings) : key == "enabled" || startswith(key, "consent_")])
    error_message = "enable_telemetry_agent and telemetry_consent enable and consent."
  }
}
