variable "privacy_level" {
  description = "The overlay that is read."
  type        = string
}

variable "environment" {
  description = "The value of the label prism-platform.io/environment."
  type        = string
}

variable "data" {
  description = "Keys of the ConfigMap, beyond what is there and in place of it; null leaves a key as it is."
  type        = map(string)
}

variable "image" {
  description = "In place of the agent's image; null leaves it."
  type        = string
}

variable "resource_requests" {
  description = "In place of single requests of the agent's container."
  type        = map(string)
}

variable "resource_limits" {
  description = "In place of single limits of the agent's container."
  type        = map(string)
}
