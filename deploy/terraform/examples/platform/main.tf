# How a platform that has a configuration of its own takes the module in; terraform.tfvars.example is the quick start's.

terraform {
  required_version = ">= 1.7"

  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 3.0"
    }
  }
}

provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.kubeconfig_context
}

module "telemetry_agent" {
  # From elsewhere: git::https://HOST/REPOSITORY.git//deploy/terraform?ref=VERSION. The double slash brings the whole
  # repository along, out of which the module reads the manifests.
  source = "../.."

  enable_telemetry_agent  = var.enable_telemetry_agent
  telemetry_privacy_level = var.telemetry_privacy_level
  telemetry_endpoint      = var.telemetry_endpoint
  environment             = var.environment

  # The platform's registry, a time in which nobody works, and one type of data less.
  telemetry_image         = "registry.example/prism-platform/telemetry-agent:0.1.0"
  telemetry_probe_image   = "registry.example/prism-platform/probe:0.1.0"
  telemetry_probes_window = "22:00-05:00"
  telemetry_settings      = { collect_network_policies = "false" }
}

output "telemetry_consent" {
  description = "What was consented to, null without an agent."
  value       = module.telemetry_agent.consent
}
