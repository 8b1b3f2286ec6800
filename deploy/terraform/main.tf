# The agent, out of deploy/kubernetes: nothing of an object stands here. docs/terraform.md says why it is made so.

locals {
  # One or none, so that `for_each` alone decides whether there is anything.
  present = toset(var.enable_telemetry_agent ? ["telemetry-agent"] : [])
}

module "consent" {
  source   = "./consent"
  for_each = local.present

  privacy_level         = var.telemetry_privacy_level
  data_types            = { for key, value in var.telemetry_settings : key => value if startswith(key, "collect_") }
  policy_version        = var.telemetry_consent.version
  schema_digest         = var.telemetry_consent.schema_digest
  current_schema_digest = module.manifests.schema_digest
}

module "manifests" {
  source = "./manifests"

  privacy_level     = var.telemetry_privacy_level
  environment       = var.environment
  image             = var.telemetry_image
  resource_requests = var.telemetry_resource_requests
  resource_limits   = var.telemetry_resource_limits

  data = merge(var.telemetry_settings, {
    enabled                    = "true"
    endpoint                   = var.telemetry_endpoint
    reporting_interval_minutes = var.telemetry_reporting_interval_minutes
    probes_image               = var.telemetry_probe_image
    probes_interval_minutes    = var.telemetry_probes_interval_minutes
    probes_window              = var.telemetry_probes_window
    consent_timestamp          = one([for each in module.consent : each.timestamp])
    consent_version            = var.telemetry_consent.version
    consent_privacy_policy_url = var.telemetry_consent.privacy_policy_url
    consent_level              = var.telemetry_privacy_level
    consent_schema_digest      = one([for each in module.consent : each.schema_digest])
  })
}

resource "kubernetes_manifest" "namespace" {
  for_each = var.create_namespace ? local.present : toset([])
  manifest = module.manifests.namespace
}

# A resource of its own kind, since of this object one key alone is let go.
resource "kubernetes_config_map_v1" "configuration" {
  for_each = local.present

  metadata {
    name      = module.manifests.config_map.metadata.name
    namespace = module.manifests.config_map.metadata.namespace
    labels    = module.manifests.config_map.metadata.labels
  }
  data = module.manifests.config_map.data

  lifecycle {
    # Whoever switches the agent off in the cluster must not find it on again after somebody's next `terraform apply`.
    ignore_changes = [data["enabled"]]
  }

  depends_on = [kubernetes_manifest.namespace]
}

resource "kubernetes_manifest" "others" {
  for_each = { for key, manifest in module.manifests.others : key => manifest if var.enable_telemetry_agent }
  manifest = each.value

  depends_on = [kubernetes_manifest.namespace]
}

# Last to come and first to go, so that an agent that ends may still remove its probe Jobs.
resource "kubernetes_manifest" "deployment" {
  for_each = local.present
  manifest = module.manifests.deployment
  # The last is where `kubectl rollout restart` leaves its mark.
  computed_fields = ["metadata.annotations", "metadata.labels", "spec.template.metadata.annotations"]

  wait {
    rollout = true
  }

  timeouts {
    create = "5m"
    update = "5m"
  }

  depends_on = [kubernetes_config_map_v1.configuration, kubernetes_manifest.others]
}
