output "namespace" {
  description = "The manifest of the namespace."
  value       = local.namespace
}

output "config_map" {
  description = "The manifest of the ConfigMap telemetry-config."
  value       = merge(local.config_map, { data = local.data })
}

output "deployment" {
  description = "The manifest of the Deployment."
  value       = local.changed_deployment
}

output "others" {
  description = "All other manifests: KIND/NAME => manifest."
  value = {
    for key, each in local.by_name : key => each
    if !contains(["Namespace", "ConfigMap", "Deployment"], each.kind)
  }
}

output "schema_digest" {
  description = "The digest of what this version can send, as docs/fields.md has it."
  value       = regex("Schema digest: `([0-9a-z]+)`", file("${path.module}/../../../docs/fields.md"))[0]
}
