variable "privacy_level" {
  description = "The level consented to."
  type        = string
}

variable "data_types" {
  description = "What is said of single data types: collect_… => true or false."
  type        = map(string)
}

variable "policy_version" {
  description = "The version of the privacy policy that was read."
  type        = string
}

variable "schema_digest" {
  description = "The schema that was read, null for the current one."
  type        = string
}

variable "current_schema_digest" {
  description = "The schema of this version."
  type        = string
}
