variable "enable_telemetry_agent" {
  description = "Whether the agent is there; true is consent."
  type        = bool
  default     = false
}

variable "telemetry_privacy_level" {
  description = "minimal, standard or detailed."
  type        = string
  default     = "minimal"
}

variable "telemetry_endpoint" {
  description = "Where reports go; null is the public service."
  type        = string
  default     = null
}

variable "environment" {
  description = "A label on every object, such as test."
  type        = string
  default     = "production"
}

variable "kubeconfig" {
  description = "The kubeconfig of the cluster."
  type        = string
  default     = "~/.kube/config"
}

variable "kubeconfig_context" {
  description = "Its context; null is the current one."
  type        = string
  default     = null
}
