output "namespace" {
  description = "Where the agent is, null where it is not."
  value       = one([for each in kubernetes_config_map_v1.configuration : each.metadata[0].namespace])
}

output "objects" {
  description = "What is there, as KIND/NAME."
  value = sort(concat(
    [for each in kubernetes_manifest.namespace : "Namespace/${each.manifest.metadata.name}"],
    [for each in kubernetes_config_map_v1.configuration : "ConfigMap/${each.metadata[0].name}"],
    keys(kubernetes_manifest.others),
    [for each in kubernetes_manifest.deployment : "Deployment/${each.manifest.metadata.name}"],
  ))
}

output "endpoint" {
  description = "Where reports go, null where there is no agent."
  value       = one([for each in kubernetes_config_map_v1.configuration : each.data.endpoint])
}

output "consent" {
  description = "What was consented to: level, when, the policy, and the digest of the schema; null where there is no agent."
  value = one([for each in kubernetes_config_map_v1.configuration : {
    privacy_level      = each.data.privacy_level
    timestamp          = each.data.consent_timestamp
    version            = each.data.consent_version
    privacy_policy_url = each.data.consent_privacy_policy_url
    schema_digest      = each.data.consent_schema_digest
  }])
}
